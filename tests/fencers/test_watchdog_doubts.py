"""The host's own watchdog: what is shown of it, and what a daemon may not conclude yet."""

from __future__ import annotations

import errno
import json
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event

import pytest
from structlog.testing import capture_logs

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.lifelines import SETTLED_S
from doctor_daemon.engine.withheld import UnsureError
from doctor_daemon.fencers.watchdog import FRESH_S
from doctor_daemon.heartbeat.lifeline import ARMED, FED, Ask, answer_of, packed
from tests.fencers.dogs import OFF_S, Rig, cut, heard
from tests.heartbeat.beats import OF_ALL
from tests.heartbeat.lifelines import HOST, LIMIT_S, listening, until

UNSURE = UnsureError(errno.EIO, "Input/output error")
FULL = OSError(errno.ENOSPC, "No space left on device")
UNSAVED = "withheld acknowledgements are not saved"
LEASE_S = 300
TIMES = (LEASE_S * 1000, 60_000, bytes(16), b"iron dog")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with heard(tmp_path) as made:
        yield made


def kept(rig: Rig) -> dict[str, dict[str, str]]:
    """The holds that are in the file."""
    found = json.loads((rig.folder / "watchdogs.json").read_text())
    return dict(found["holds"])


def shown(rig: Rig) -> float | None:
    """What the metrics say of the host's watchdog."""
    for set_gauges in rig.metrics.before_scrape:
        set_gauges()
    return rig.metrics.registry.get_sample_value("doctor_watchdog_armed", {"host": HOST})


# what is heard


async def test_a_host_is_on_for_as_long_as_four_questions_take(rig: Rig) -> None:
    rig.clock.move(FRESH_S)
    assert await rig.power() is Power.ON
    rig.clock.move(0.1)
    assert await rig.power() is Power.UNKNOWN


async def test_why_it_is_on_again_is_told(rig: Rig) -> None:
    assert (await rig.device.read()).raw == "it is heard"
    await cut(rig)
    rig.boots()
    assert [rig.asks(0), rig.asks(0)] == [0, None]
    assert (await rig.device.read()).raw == "another boot of the host has begun: it is on again"


async def test_an_old_question_of_a_host_that_is_not_cut_leaves_no_doubt_behind(rig: Rig) -> None:
    rig.clock.move(FRESH_S + 1)
    rig.misses_the_answer()
    assert rig.asks() == 0
    assert (await rig.device.read()).raw == "it is not heard"


@pytest.mark.parametrize(
    ("flags", "silent_s", "armed"),
    [(ARMED, 0, 1), (ARMED, LEASE_S, 1), (ARMED, LEASE_S + 0.1, 0), (0, 0, 0)],
)
async def test_it_is_shown_as_armed_for_as_long_as_its_lease_after_it_said_so(
    rig: Rig, flags: int, silent_s: float, armed: int
) -> None:
    assert rig.asks(flags) == FED
    rig.clock.move(silent_s)
    assert shown(rig) == armed


async def test_a_host_that_was_never_heard_is_shown_as_not_armed(tmp_path: Path) -> None:
    assert shown(Rig(tmp_path)) == 0


# what is not known yet


async def test_a_daemon_that_does_not_know_what_is_open_acknowledges_and_proves_nothing(
    rig: Rig,
) -> None:
    rig.made.incident = None
    assert rig.asks() is None
    outcome, text = await rig.device.cut(rig.permit())
    assert (outcome, text) == (Outcome.UNSENT, "no incident of the host is open")
    rig.made.incident = rig.incidents.of
    await cut(rig)
    rig.clock.move(OFF_S + 1)
    assert await rig.power() is Power.OFF
    rig.made.incident = None
    assert (await rig.device.read()).raw == "it is not heard"


async def test_i11_what_was_restored_is_no_proof_before_it_is_listened(rig: Rig) -> None:
    await cut(rig)
    rig.clock.move(OFF_S + 1)
    again = rig.daemon()
    device = rig.of(again)
    await again.restore(rig.incidents.of)
    reading = await device.read()
    assert (reading.power, reading.raw) == (Power.UNKNOWN, "watchdogs are not heard")


@pytest.mark.parametrize(
    ("text", "told"), [(None, []), ("", []), ("{", ["withheld acknowledgements are lost"])]
)
async def test_where_nothing_was_withheld_nothing_is_lost(
    tmp_path: Path, text: str | None, told: list[str]
) -> None:
    rig = Rig(tmp_path)
    if text is not None:
        (tmp_path / "watchdogs.json").write_text(text)
    with capture_logs() as logs:
        await rig.made.restore(rig.incidents.of)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == told


# the disk


async def test_d9_a_cut_that_is_saved_is_not_saved_again(rig: Rig) -> None:
    await cut(rig)
    rig.disk.fails = [FULL]
    await cut(rig)
    assert rig.disk.written == 1


async def test_d9_a_disk_that_fails_is_told_once_and_again_when_it_had_recovered(rig: Rig) -> None:
    with capture_logs() as logs:

        def told() -> int:
            return [line["event"] for line in logs].count(UNSAVED)

        for times in (1, 2):
            rig.disk.fails = [UNSURE, FULL]
            rig.disk.tried = 0
            assert (await rig.device.cut(rig.permit()))[0] is Outcome.UNKNOWN
            await until(lambda: rig.disk.tried > 4)
            assert told() == times
            rig.disk.fails = []
            await until(lambda: not kept(rig) and rig.asks() == FED)
            assert rig.made.port, "it listens still"


async def test_d9_what_a_host_had_said_is_as_good_as_before_a_cut_that_was_not_made(
    rig: Rig,
) -> None:
    rig.disk.fails = [UNSURE]
    assert (await rig.device.cut(rig.permit()))[0] is Outcome.UNKNOWN
    rig.disk.fails = []
    await until(lambda: rig.made.heard(HOST).report)
    assert not kept(rig)
    await cut(rig)


async def test_b1_of_two_hosts_the_one_whose_incident_is_over_is_let_go_of(rig: Rig) -> None:
    other, mac, said = "cmp-2", OF_ALL.of(b"cmp-2").mac(), Ask(1, ARMED, 7, 1, 0, *TIMES)
    rig.incidents[other] = "incident-2"
    answer = answer_of(rig.made.take(packed(said, other.encode(), mac)) or b"")
    assert answer
    said = said._replace(sequence=2, challenge=answer[0].challenge)
    assert rig.made.take(packed(said, other.encode(), mac))
    ended, text = await rig.made.withhold(other, LEASE_S, 60, rig.permit())
    assert ended is Outcome.ACCEPTED, text
    await cut(rig)
    del rig.incidents[other]
    said = said._replace(sequence=3)
    assert rig.made.take(packed(said, other.encode(), mac)) is None
    await until(lambda: other not in kept(rig))
    assert HOST in kept(rig)
    assert rig.asks() is None


async def test_a_daemon_that_does_not_know_what_is_open_takes_back_what_may_be_saved(
    rig: Rig,
) -> None:
    rig.disk.fails = [UNSURE]
    assert (await rig.device.cut(rig.permit()))[0] is Outcome.UNKNOWN
    rig.disk.fails, rig.made.incident = [], None
    await until(lambda: not kept(rig))
    assert rig.made.port, "it listens still"


async def test_b9_what_is_heard_while_a_cut_is_being_taken_back_is_kept(rig: Rig) -> None:
    begun, go_on, put = Event(), Event(), rig.disk.put
    failing = [UNSURE]

    def slow(file: Path, text: str) -> None:
        put(file, text)
        if failing:
            raise failing.pop()
        begun.set()
        go_on.wait(LIMIT_S)

    rig.restarts(slow)
    async with listening(rig.made):
        rig.clock.move(SETTLED_S)
        rig.boots()
        rig.alive()
        assert (await rig.device.cut(rig.permit()))[0] is Outcome.UNKNOWN
        await until(begun.is_set)
        rig.boots()
        assert [rig.asks(0), rig.asks(0)] == [0, None]
        go_on.set()
        await until(lambda: "another boot" in kept(rig).get(HOST, {}).get("spoiled", ""))
        assert FED not in [rig.asks(0) for _ in range(3)]
        assert await rig.power() is Power.ON
