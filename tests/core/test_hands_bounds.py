"""Whose hand it was, at the bounds: what is alike, of the same moment, or just too late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from doctor_daemon.core.hands import CLEARED, DELETED, LATE, MADE_ANEW, SET
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import Crashed, Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Lift, LiftEnded
from doctor_daemon.core.sightings import Noticed
from doctor_daemon.core.tries import Outcome
from tests.core.coming_back import Back
from tests.core.leaving import Leaving
from tests.core.make import Fields, sighting
from tests.core.test_hands import CLOSE, DISABLED, ENABLED, HANDS, OURS, down, evacuating, poll
from tests.core.test_hands_unseen import shows
from tests.core.test_hands_whose import BARE, SETS, SETTLE_S, flag, held
from tests.core.walk import Walk

WORDLESS = "somebody else disabled it, without a reason"
TAKEN_BACK: dict[str, Fields] = {"forced_down": False, "status": "enabled", "reason": ""}


def poll_now(walk: Walk, **changes: Fields) -> str:
    """Show what the poller sees at this very moment; return the last that was said."""
    last = walk.incident.shown
    assert last is not None
    return walk.see(Noticed(replace(last, asked_at=walk.now, **changes))).said


# what a list is compared with


def test_a_list_in_which_nobody_has_written_to_it_takes_no_look_s_place() -> None:
    walk = Walk().look()
    before = walk.incident
    walk.wait(1).see(Noticed(sighting(0, asked_at=walk.now, updated_s=1010.0)))
    assert walk.incident is before


def test_a_list_of_the_moment_of_the_last_look_counts() -> None:
    walk = down()
    assert walk.incident.sighting is not None
    assert walk.incident.sighting.asked_at == walk.now
    assert poll_now(walk, **HANDS["disables"]).startswith("somebody else disabled it")


def test_a_report_that_the_last_look_has_shown_is_not_new_in_the_next_list() -> None:
    """The row that nobody has written to since is an older one."""
    walk = down()
    assert walk.incident.sighting is not None
    known = replace(walk.incident.sighting, updated_s=1010.0)
    walk.incident = replace(walk.incident, sighting=known)
    poll(walk, updated_s=1010.0)
    assert walk.incident.reported_at is None
    poll(walk, updated_s=1020.0)
    assert walk.incident.reported_at == walk.now


@pytest.mark.parametrize("way", [evacuating, lambda: Back().to_releasing().show()])
def test_where_looks_are_on_their_way_they_count_the_reports(way: Callable[[], Walk]) -> None:
    walk = way()
    poll(walk, updated_s=1010.0)
    assert walk.incident.reported_at is None


def test_without_any_row_of_before_nothing_has_reported_in() -> None:
    walk = down()
    walk.incident = replace(walk.incident, shown=None, sighting=None)
    walk.wait(1).see(Noticed(sighting(0, **OURS, asked_at=walk.now, updated_s=1010.0)))
    assert walk.incident.reported_at is None
    assert walk.incident.shown is not None


def test_a_flag_that_others_set_on_a_disabled_host_does_not_tell_of_the_disabling_again() -> None:
    walk = Walk().look()
    assert poll(walk, **HANDS["disables"]) == [DISABLED]
    assert poll(walk, **HANDS["sets"]) == [SET]


def test_whoever_closes_it_has_cleared_the_flag_and_is_not_alarmed() -> None:
    walk = Walk().to_down().order(Order.CLOSE).look(**{**OURS, "forced_down": False})
    assert walk.phase is Phase.RESOLVED
    assert NoticeKind.ALARM not in walk.told


# a service that is gone


def test_a_service_that_others_delete_before_we_have_asked_for_it_is_told() -> None:
    walk = Leaving().to_down().order(Order.DECOMMISSION)
    assert walk.incident.retirement is not None
    assert not walk.incident.retirement.sent
    assert shows(walk, Noticed(None)) == [f"ALARM: {DELETED}{CLOSE}"]


def test_a_service_that_goes_after_its_flag_is_no_second_alarm() -> None:
    walk = down()
    assert poll(walk, **HANDS["clears"]) == [f"ALARM: {CLEARED}{CLOSE}"]
    assert shows(walk, Noticed(None)) == [DELETED]


# a flag with our own reason


@pytest.mark.parametrize("way", [down, evacuating, lambda: Back().to_releasing().show()])
def test_what_was_ours_and_taken_back_is_theirs_when_it_is_set_again(
    way: Callable[[], Walk],
) -> None:
    """The reason of before stands in Nova's log: anybody may copy it."""
    walk = way()
    poll(walk, **TAKEN_BACK)
    assert poll(walk, **OURS) == [SET]


def test_so_it_is_once_an_evacuation_is_held() -> None:
    walk = evacuating()
    poll(walk, **TAKEN_BACK)
    held(walk)
    assert walk.incident.held is not None
    assert walk.incident.held.out_of is Phase.EVACUATING
    assert poll(walk, **OURS) == [SET]


def test_a_service_that_was_made_anew_has_no_flag_of_ours() -> None:
    assert poll(Walk().to_proof(), **OURS) == []
    assert poll(Walk().to_proof(), **OURS, uuid="another")[:2] == [MADE_ANEW, SET]


# just in time, and just late


def test_a_list_of_the_moment_at_which_the_put_ended_shows_that_it_had_not_set_it() -> None:
    walk = held(Walk().to_proof().put())
    assert walk.incident.marking.put_at == walk.now
    poll_now(walk, status="disabled", reason="x")
    assert poll(walk, **SETS) == [SET]


@pytest.mark.parametrize(("late_s", "theirs"), [(SETTLE_S, False), (SETTLE_S + 0.25, True)])
def test_the_time_in_which_a_put_may_come_late_ends_at_a_moment(
    late_s: float, *, theirs: bool
) -> None:
    walk = held(Walk().to_proof().put().look())
    late_at = walk.incident.marking.late_at
    assert late_at is not None
    flag(walk.given(now=late_at.plus(late_s - 1)), theirs=theirs, **BARE)


@pytest.mark.parametrize(("late_s", "said"), [(SETTLE_S, LATE), (SETTLE_S + 0.25, None)])
def test_so_does_that_of_a_lift(late_s: float, said: str | None) -> None:
    walk = Back().to_lift().lift(Outcome.UNKNOWN)
    walk.show(forced_down=True, state="down").elapse(1).hear("zabbix")
    lift_at = walk.incident.release.lift_at
    assert lift_at is not None
    walk.given(now=lift_at.plus(late_s - 1))
    assert poll(walk, **HANDS["clears"]) == [said or f"ALARM: {CLEARED}{CLOSE}"]


def test_a_put_without_an_answer_may_be_what_set_it_for_as_long_as_it_is_waited_for() -> None:
    flag(Walk().to_proof().wait(SETTLE_S + 5), theirs=False, **BARE)


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNSENT])
def test_a_lift_that_did_nothing_has_not_cleared_it_though_it_ends_while_it_is_held(
    outcome: Outcome,
) -> None:
    walk = Back().to_lift()
    (effect,) = walk.all(Lift)
    walk.see(Crashed("KeyError"))
    walk.see(LiftEnded(effect, outcome, "409", walk.now))
    assert poll(walk, **HANDS["clears"]) == [f"ALARM: {CLEARED}"]


def test_nor_has_one_that_a_gate_has_kept_back_meanwhile() -> None:
    walk = Back().to_lift()
    (effect,) = walk.all(Lift)
    walk.see(Crashed("KeyError")).refuse(effect, "armed", "the daemon is disarmed")
    assert walk.incident.release.put is Outcome.UNSENT
    assert poll(walk, **HANDS["clears"]) == [f"ALARM: {CLEARED}"]


def test_what_an_earlier_lift_came_to_says_nothing_of_the_one_that_may_be_on_its_way() -> None:
    walk = Back().to_lift()
    (effect,) = walk.all(Lift)
    walk.see(Crashed("KeyError"))
    before = walk.incident
    early = replace(effect, number=effect.number - 1)
    walk.see(LiftEnded(early, Outcome.REFUSED, "409", walk.now))
    assert walk.incident is before
    assert poll(walk, **HANDS["clears"]) == [LATE]


# whose disabling


def enabled_meanwhile() -> Walk:
    """Decide a PUT that does not disable: somebody else had, and enables it just then."""
    walk = Walk().order(Order.FENCE).identify().look(status="disabled").cut().prove()
    assert walk.incident.marking.disable is False
    return walk


def test_a_put_that_does_not_disable_sets_the_flag_of_a_host_that_is_enabled() -> None:
    flag(enabled_meanwhile(), theirs=False, **SETS, status="enabled")


def test_a_disabling_without_a_reason_is_not_of_a_put_that_is_not_on_its_way() -> None:
    assert poll(Walk().to_proof(), status="disabled") == []
    assert poll(held(Walk().to_proof()), status="disabled") == [WORDLESS]
    walk = Walk().to_proof()
    undecided = replace(walk.incident.marking, disable=None)
    walk.incident = replace(walk.incident, marking=undecided)
    assert poll(walk, status="disabled") == [WORDLESS]


def test_a_reason_that_others_take_away_is_no_disabling_of_ours() -> None:
    walk = Walk().to_proof()
    assert poll(walk, **HANDS["disables"]) == [DISABLED]
    assert poll(walk, status="disabled", reason="") == [WORDLESS]


def test_what_they_take_back_is_told_once() -> None:
    walk = down()
    assert poll(walk, **HANDS["enables"]) == [ENABLED]
    assert poll(walk, reason="for the record") == []
