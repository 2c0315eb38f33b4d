"""Evacuating, at its limits: what is folded in late, again, or while there is no room for more."""

from __future__ import annotations

from doctor_daemon.core.context import Armed
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.messages import Evacuate, Inspect, Inspected, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.tries import Outcome
from tests.core.make import servers
from tests.core.moving import Moving, guest, many


def two() -> Moving:
    """Walk to where one of two servers has moved, and the other is under way."""
    walk = Moving("web", "db").to_posted()
    assert walk.rows[1].server == "id-db"
    return walk.turns(1, "done").elapse(2).follow()


def test_c3_a_restart_changes_nothing_of_what_has_moved_or_is_under_way() -> None:
    walk = two().wait(10)
    before = walk.record("web"), walk.record("db")
    assert [one.stage for one in before] == [Stage.UNDER_WAY, Stage.MOVED]
    walk.see(Resumed())
    assert (walk.record("web"), walk.record("db")) == before


def test_c3_a_reboot_times_anew_what_is_under_way_alone() -> None:
    walk = two()
    moved = walk.record("db")
    walk.reboot()
    assert (walk.record("db"), walk.record("web").since) == (moved, walk.now)


def test_an_answer_that_comes_when_it_is_held_lists_nobody() -> None:
    walk = Moving("web").to_posted().turns(1, "pre-migrating").elapse(2).follow().elapse(600)
    assert walk.phase is Phase.HELD
    before, number = walk.incident, walk.incident.rounds.inspections
    late = Inspected(number, walk.now, (), servers(guest("late")))
    assert walk.see(late).incident is before


def test_a_list_of_the_moment_at_which_a_server_had_moved_does_not_bring_it_back() -> None:
    """It was asked for before that: who has come back is in one that was asked for later."""
    for later_s, stage in ((0.0, Stage.MOVED), (0.25, Stage.POSTING)):
        walk = two()
        moved_at = walk.record("db").since
        walk.see(Resumed()).calm()
        there = servers(guest("web"), guest("db"))
        asked_at = moved_at.plus(later_s)
        rows = tuple(walk.rows.values())
        walk.see(Inspected(walk.one(Inspect).number, asked_at, rows, there))
        for _ in range(6):
            walk.elapse(1).calm()
        assert (walk.stage("db") is Stage.MOVED) is (stage is Stage.MOVED)


def test_d2_while_there_is_no_room_for_more_no_gate_is_asked() -> None:
    walk = Moving(*many(9)).to_inspected().given(armed=Armed()).elapse(0.25)
    assert walk.incident.rounds.barred is None
    walk.answer_post(walk.all(Evacuate)[0], Outcome.UNSENT)
    assert walk.incident.rounds.barred is not None


def test_an_inspection_that_shows_nobody_new_makes_no_plan_again() -> None:
    walk = two().see(Resumed()).calm()
    lines = len(walk.incident.timeline)
    walk.inspect()
    assert len(walk.incident.timeline) == lines
