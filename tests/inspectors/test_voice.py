"""What a source that looks by itself says of what it sees, and how often."""

from __future__ import annotations

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.voice import LIFE_S, View, Voice
from doctor_daemon.ports.surroundings import Concern
from tests.engine.rig import HOST, OTHER
from tests.inspectors.looking import Scene, told
from tests.inspectors.rig import AGE_S, Ledger, terms

UP, DOWN, WITHDRAWN = Verdict.UP, Verdict.DOWN, Verdict.WITHDRAWN


class Stage:
    """A voice, what it says it to, and what the daemon thinks."""

    def __init__(self) -> None:
        self.ledger, self.scene, self.voice = Ledger(), Scene(), Voice(terms("eye"))
        self.voice.around = self.scene.around()

    async def say(self, *verdicts: Verdict, kind: str = "seen") -> None:
        views = [View(HOST, verdict, kind, "so it was seen") for verdict in verdicts]
        await self.voice.say(views, self.ledger)

    @property
    def said(self) -> list[str]:
        return [one.verdict.value for one in self.ledger.taken]

    @property
    def keys(self) -> list[str]:
        return [one.key for one in self.ledger.taken]


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_down_is_said_at_once_and_repeated_as_the_same_event(stage: Stage) -> None:
    for _ in range(int(AGE_S) + 1):
        await stage.say(DOWN)
        stage.ledger.clock.move(1)
    assert stage.said == ["down"] * 6
    assert len(set(stage.keys)) == 1


async def test_a6_a_repetition_opens_nothing_twice(stage: Stage) -> None:
    await stage.say(DOWN)
    assert stage.ledger.is_open(HOST)
    await stage.say(UP)
    assert not stage.ledger.is_open(HOST)
    await stage.say(UP)
    assert stage.said == ["down", "up"]


async def test_a7_what_was_seen_before_a_host_was_called_down_is_no_life(stage: Stage) -> None:
    """Who answers, and dies before the round is over, is not said to be alive after that."""
    stage.scene.concerns[HOST] = Concern.SUSPECTED
    began = stage.ledger.now()
    stage.ledger.clock.move(1)
    stage.scene.opened_at[HOST] = stage.ledger.now()
    await stage.voice.say([View(HOST, UP, "seen", "it answers", since=began)], stage.ledger)
    assert stage.said == []
    later = stage.ledger.now()
    await stage.voice.say([View(HOST, UP, "seen", "it answers", since=later)], stage.ledger)
    assert stage.said == ["up"]


async def test_what_the_source_itself_called_down_is_alive_as_soon_as_it_is_seen(
    stage: Stage,
) -> None:
    await stage.say(DOWN)
    began = stage.ledger.now()
    stage.ledger.clock.move(1)
    stage.scene.concerns[HOST] = Concern.SUSPECTED
    stage.scene.opened_at[HOST] = stage.ledger.now()
    await stage.voice.say([View(HOST, UP, "seen", "it answers", since=began)], stage.ledger)
    assert stage.said == ["down", "up"]


async def test_a_host_that_goes_down_again_is_another_event(stage: Stage) -> None:
    for verdict in (DOWN, UP, DOWN):
        await stage.say(verdict)
        stage.ledger.clock.move(1)
    assert len(set(stage.keys)) == 3
    assert stage.ledger.is_open(HOST)


@pytest.mark.parametrize("verdict", [UP, WITHDRAWN])
async def test_nothing_is_said_of_a_host_that_nobody_accuses(
    stage: Stage, verdict: Verdict
) -> None:
    for _ in range(100):
        await stage.say(verdict)
        stage.ledger.clock.move(1)
    assert stage.said == []


@pytest.mark.parametrize("concern", [Concern.SUSPECTED, Concern.TOUCHED])
async def test_life_is_said_again_while_somebody_waits_for_it(
    stage: Stage, concern: Concern
) -> None:
    stage.scene.concerns[HOST] = concern
    for _ in range(int(3 * LIFE_S)):
        await stage.say(UP)
        stage.ledger.clock.move(1)
    assert stage.said == ["up"] * 3
    assert len(set(stage.keys)) == 3
    stage.scene.concerns.clear()
    stage.ledger.clock.move(LIFE_S)
    await stage.say(UP)
    assert len(stage.said) == 3


async def test_a_word_is_taken_back_once(stage: Stage) -> None:
    stage.scene.concerns[HOST] = Concern.SUSPECTED
    await stage.say(DOWN)
    for _ in range(100):
        await stage.say(WITHDRAWN)
        stage.ledger.clock.move(1)
    assert stage.said == ["down", "withdrawn"]


async def test_after_a_restart_an_earlier_word_is_taken_back(stage: Stage) -> None:
    """Whoever said it before is forgotten, and the incident is there."""
    stage.scene.concerns[HOST] = Concern.SUSPECTED
    await stage.say(WITHDRAWN)
    assert stage.said == ["withdrawn"]


async def test_what_was_not_saved_is_said_again(stage: Stage) -> None:
    stage.ledger.error = Temporary("the disk is full")
    with pytest.raises(Temporary):
        await stage.say(DOWN)
    assert stage.voice.said(HOST, "seen") is None
    stage.ledger.error = None
    await stage.say(DOWN)
    assert stage.said == ["down"]
    assert stage.voice.said(HOST, "seen") is DOWN


async def test_hosts_and_fingerprints_are_told_apart(stage: Stage) -> None:
    views = [
        View(HOST, DOWN, "ping", "lost", "ping-a"),
        View(HOST, DOWN, "ping", "lost", "ping-b"),
        View(OTHER, DOWN, "ping", "lost", "ping-a"),
    ]
    await stage.voice.say(views, stage.ledger)
    assert told(stage.ledger.taken) == [
        ("cmp-1", "ping", "down"),
        ("cmp-1", "ping", "down"),
        ("cmp-2", "ping", "down"),
    ]
    assert len(set(stage.keys)) == 3


async def test_what_is_said_is_fit_to_be_shown(stage: Stage) -> None:
    await stage.voice.say([View(HOST, DOWN, "x", "a\nb\x1b[31m" + "c" * 999)], stage.ledger)
    (one,) = stage.ledger.taken
    assert one.summary.isprintable()
    assert len(one.summary) <= 300
