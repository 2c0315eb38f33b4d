"""Whose turn it is in a group that is kept apart: by what the incidents have saved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.messages import Refused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.turns import WAITS
from doctor_daemon.engine.neighbours import Neighbours
from tests.engine.instruments import HOST, OTHER
from tests.engine.performing import POST, WANTED, bench
from tests.engine.test_neighbours import GROUP, NOW, POLICY, incident, record
from tests.simulation.virtual import run


@pytest.mark.parametrize("stage", list(Stage))
def test_a_server_on_its_way_has_its_groups_turn(stage: Stage) -> None:
    neighbours = Neighbours()
    neighbours.saw(incident(record(1, stage)), NOW)
    on_its_way = stage in (Stage.POSTING, Stage.CHECKING, Stage.UNDER_WAY)
    assert neighbours.busy(OTHER, NOW, POLICY) == ({GROUP} if on_its_way else set())
    assert neighbours.busy(HOST, NOW, POLICY) == frozenset()
    assert neighbours.claim(OTHER, record(2, Stage.POSTING), NOW, POLICY) is not on_its_way


def test_only_one_of_two_that_were_decided_at_once_is_sent() -> None:
    neighbours = Neighbours()
    one, two = record(1, Stage.POSTING), record(2, Stage.POSTING)
    assert neighbours.claim(HOST, one, NOW, POLICY)
    assert not neighbours.claim(OTHER, two, NOW, POLICY)
    neighbours.saw(incident(one), NOW)
    neighbours.saw(incident(two, host=OTHER), NOW)
    assert neighbours.claim(HOST, one, NOW, POLICY)
    assert not neighbours.claim(OTHER, two, NOW, POLICY)
    neighbours.saw(incident(record(1, Stage.MOVED)), NOW)
    assert neighbours.claim(OTHER, two, NOW, POLICY)


def test_nobody_waits_for_ever_for_another_hosts_server() -> None:
    """A second one at the same destination is refused there, and no more than that."""
    neighbours, until = Neighbours(), NOW.plus(POLICY.progress_s / 3)
    moving, waiting = record(1, Stage.UNDER_WAY), record(2, Stage.WAITING)
    neighbours.saw(incident(moving), NOW)
    neighbours.saw(incident(waiting, host=OTHER), NOW)
    neighbours.saw(incident(waiting, host=OTHER), NOW.plus(9))
    assert neighbours.busy(OTHER, until.plus(-1), POLICY) == {GROUP}
    assert not neighbours.claim(OTHER, waiting, until.plus(-1), POLICY)
    assert neighbours.busy(OTHER, until, POLICY) == frozenset()
    assert neighbours.claim(OTHER, waiting, until, POLICY)
    neighbours.saw(incident(record(2, Stage.POSTING), host=OTHER), until)
    assert neighbours.busy(HOST, until, POLICY) == {GROUP}
    neighbours.saw(incident(record(2, Stage.MOVED), host=OTHER), until)
    neighbours.saw(incident(moving), until)
    assert neighbours.busy(OTHER, until, POLICY) == {GROUP}


def test_a_group_that_was_free_meanwhile_is_waited_for_anew() -> None:
    neighbours, later = Neighbours(), NOW.plus(POLICY.progress_s / 3)
    moving, waiting = record(1, Stage.UNDER_WAY), record(2, Stage.WAITING)
    neighbours.saw(incident(moving), NOW)
    neighbours.saw(incident(waiting, host=OTHER), NOW)
    neighbours.saw(incident(moving, phase=Phase.HELD), later.plus(-9))
    neighbours.saw(incident(moving), later.plus(-1))
    neighbours.saw(incident(waiting, host=OTHER), later)
    assert neighbours.busy(OTHER, later, POLICY) == {GROUP}
    assert not neighbours.claim(OTHER, waiting, later, POLICY)


def test_who_went_without_a_turn_has_it_when_the_other_one_ends() -> None:
    neighbours = Neighbours()
    neighbours.saw(incident(record(1, Stage.UNDER_WAY)), NOW)
    neighbours.saw(incident(record(2, Stage.UNDER_WAY), host=OTHER), NOW)
    neighbours.saw(incident(record(1, Stage.UNKNOWN), record(3, Stage.WAITING)), NOW)
    assert neighbours.busy(HOST, NOW, POLICY) == {GROUP}
    neighbours.saw(incident(record(2, Stage.MOVED), host=OTHER), NOW)
    assert neighbours.busy(HOST, NOW, POLICY) == frozenset()


def test_without_a_group_nobody_waits() -> None:
    neighbours = Neighbours()
    assert neighbours.claim(HOST, record(1, Stage.POSTING, ""), NOW, POLICY)
    assert neighbours.claim(OTHER, record(2, Stage.POSTING, ""), NOW, POLICY)


@pytest.mark.parametrize("phase", [Phase.HELD, Phase.FENCING, Phase.DOWN, Phase.RESOLVED])
def test_what_is_not_followed_any_more_keeps_no_turn(phase: Phase) -> None:
    neighbours = Neighbours()
    neighbours.saw(incident(record(1, Stage.CHECKING)), NOW)
    neighbours.saw(incident(record(1, Stage.CHECKING), phase=phase), NOW)
    assert neighbours.busy(OTHER, NOW, POLICY) == frozenset()


def test_a_request_whose_group_has_the_other_hosts_server_on_its_way_is_not_sent() -> None:
    made, one = bench(), replace(record(1, Stage.POSTING), attempt=1)
    moving = replace(WANTED[POST], evacuations={one.server.id: one})

    async def main() -> None:
        ward = made.ward()
        assert ward.neighbours.claim(OTHER, record(2, Stage.POSTING), NOW, POLICY)
        assert await made.done(POST, ward, moving) == Refused(POST, "group", WAITS)

    run(main())
    assert made.sent == 0
