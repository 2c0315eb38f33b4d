"""No server goes to a host that looks dead, too: until that is down, it waits, and not for long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.destinations import looks_dead_at
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.evidence import Trust, Verdict, fold
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Release
from doctor_daemon.core.turns import BESIDE, WAITS, noticed, outdated, told, waiting
from tests.core import make
from tests.core.make import Fields, at, context
from tests.core.moving import Moving
from tests.core.test_turns import record, turns

OTHERS = frozenset({"cmp-3", "cmp-2"})
NOW = replace(context(10), choosable=OTHERS)
SAID = f"{BESIDE}: cmp-2, cmp-3"
NOT_YET = (Phase.SUSPECTED, Phase.FENCING, Phase.FORCING_DOWN, Phase.HELD)


def incident(phase: Phase = Phase.FENCING, **changes: Fields) -> Incident:
    words = fold({}, make.evidence(trust=Trust.SECOND))
    seen: dict[str, Fields] = {"words": words, "sighting": make.sighting(1, state="up")}
    return replace(make.incident(phase=phase), **{**seen, **changes})


@pytest.mark.parametrize("phase", list(Phase))
def test_a_host_looks_dead_until_it_is_forced_down(phase: Phase) -> None:
    at_ = at(0) if phase in NOT_YET else None
    assert looks_dead_at(incident(phase)) == at_
    assert looks_dead_at(incident(phase, sighting=None)) == at_


def test_a_host_in_use_again_that_is_accused_looks_dead() -> None:
    accused = incident(Phase.RELEASING, release=Release(accused_at=at(9)))
    assert looks_dead_at(accused) == at(9)
    marked = make.sighting(1, state="up", forced_down=True)
    assert looks_dead_at(replace(accused, sighting=marked)) is None


@pytest.mark.parametrize(
    "shown", [{"state": "down"}, {"forced_down": True}, {"status": "disabled"}]
)
def test_a_host_that_nova_does_not_choose_has_nobody_wait(shown: dict[str, Fields]) -> None:
    up = make.sighting(1, state="up")
    assert up.takes_servers
    assert not replace(up, **shown).takes_servers
    assert looks_dead_at(incident(sighting=replace(up, **shown))) is None


@pytest.mark.parametrize(
    ("verdict", "trust", "counts"),
    [
        (Verdict.DOWN, Trust.ALONE, True),
        (Verdict.DOWN, Trust.SECOND, True),
        (Verdict.DOWN, Trust.OPEN, False),
        (Verdict.UP, Trust.ALONE, False),
        (Verdict.WITHDRAWN, Trust.ALONE, False),
    ],
)
def test_only_who_is_known_has_others_wait(verdict: Verdict, trust: Trust, *, counts: bool) -> None:
    words = fold({}, make.evidence(verdict=verdict, trust=trust))
    assert looks_dead_at(incident(words=words)) == (at(0) if counts else None)
    assert looks_dead_at(incident(words=words, ordered_at=at(1))) == at(1)


def test_the_last_one_to_say_so_anew_counts_and_no_repetition() -> None:
    words = fold({}, make.evidence(trust=Trust.SECOND))
    words = fold(words, make.evidence(90, trust=Trust.SECOND))
    assert looks_dead_at(incident(words=words)) == at(0)
    words = fold(words, make.evidence(90, source="zabbix"))
    assert looks_dead_at(incident(words=words)) == at(90)
    assert looks_dead_at(incident(words=words, ordered_at=at(1))) == at(90)


def test_nobody_goes_while_a_host_that_looks_dead_could_be_chosen() -> None:
    assert turns(record("a"), record("b")) == "ab"
    assert turns(record("a"), record("b"), now=NOW) == ""
    assert waiting([record("a")], NOW) == {record("a").server.id: BESIDE}


def test_only_who_waits_is_said_to() -> None:
    moving = [record("a", stage=stage) for stage in Stage if stage is not Stage.WAITING]
    assert {id_ for one in moving for id_ in waiting([one], NOW)} == set()


def test_it_is_written_on_each_server_and_told_once_of_which_hosts() -> None:
    first, second = record("a", "g", Stage.UNDER_WAY), record("b", "g", why="429")
    third, held = record("c", why="429"), record("d", hold_until=at(20))
    records = {one.server.id: one for one in (held, third, second, first)}
    marked, said = noticed(records, NOW)
    assert said == f"b: {WAITS}; c: {SAID}"
    whys = {one.server.name: one.why for one in marked.values()}
    assert whys == {"a": "", "b": f"429; {WAITS}", "c": f"429; {BESIDE}", "d": ""}
    assert noticed(marked, NOW) == (marked, "")
    assert told(records.values(), NOW) == said
    assert told([held], NOW) == ""


def test_who_has_waited_so_is_asked_about_anew() -> None:
    told_at = at(2)
    assert not outdated([record("a")], told_at, NOW)
    assert outdated([record("a", why=f"429; {BESIDE}")], told_at, NOW)


def test_the_walk_waits_says_so_and_goes_on_once_nobody_is_left_to_be_chosen() -> None:
    walk = Moving("a", "b").to_evacuating().given(choosable=OTHERS)
    walk.inspect()
    assert walk.posts == []
    assert walk.said == f"a, b: {SAID}"
    walk.given(choosable=frozenset()).elapse(1)
    assert walk.posts == [("a", 1), ("b", 1)]
    assert [walk.record(name).why for name in "ab"] == ["", ""]
