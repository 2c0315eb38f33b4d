"""Words of before the daemon began have no age: a cut waits until their sources say them again."""

from dataclasses import replace

import pytest

from doctor_daemon.core.corroboration import Corroboration
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.messages import Cut, Order
from doctor_daemon.core.ourselves import Paused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.waiting import waits
from tests.core.gated import ready, shut
from tests.core.make import HOST, OTHER_BOOT, Fields, at, plan
from tests.core.walk import Walk

UNKNOWN = (
    f"what was said against {HOST} is of before this daemon began, and of no known age: its "
    "sources are given 299 s to say it again"
)
ANEW: Fields = {"now": at(51, OTHER_BOOT), "repeated_at": at(350, OTHER_BOOT)}


def taken_over(**changes: Fields) -> Walk:
    """Let a daemon die between a cut and its answer, and another one begin and look."""
    walk = Walk(**changes).to_cut().reboot()
    walk.given(repeated_at=walk.now.plus(300))
    return walk.identify().look().elapse(9).look()


def test_a10_words_of_another_boot_are_to_be_said_again() -> None:
    assert shut("repeated", ready(), **ANEW) == UNKNOWN


@pytest.mark.parametrize("last", [0.0, 49.0])
def test_a10_words_of_before_a_restart_or_a_pause_are_to_be_said_again(last: float) -> None:
    world: Fields = {"now": at(400), "repeated_at": at(350 + 300)}
    told = ready(**said(last=at(last), first=at(0)))
    assert shut("evidence", told, **world) != ""
    assert shut("repeated", told, **world) == (
        f"what was said against {HOST} is of before this daemon was away, or stood still: its "
        "sources are given 250 s to say it again"
    )
    assert shut("repeated", told, **{**world, "now": at(650)}) == ""


def test_a10_words_that_have_grown_old_while_it_listened_are_not() -> None:
    world: Fields = {"now": at(400), "repeated_at": at(350)}
    assert shut("repeated", ready(**said(last=at(50), first=at(0))), **world) == ""
    later: Fields = {**world, "repeated_at": at(650)}
    assert shut("repeated", ready(**said(last=at(350), first=at(350))), **later) == ""


def said(**changes: Fields) -> Fields:
    return {"words": {name: replace(w, **changes) for name, w in ready().words.items()}}


@pytest.mark.parametrize(
    ("of", "world"),
    [
        ({}, {"repeated_at": at(300)}),
        ({}, {**ANEW, "repeated_at": None}),
        ({"ordered_at": at(50, OTHER_BOOT)}, ANEW),
        (said(verdict=Verdict.UP), ANEW),
        (said(source="operator:ann"), ANEW),
        (
            {},
            {**ANEW, "plan": plan(corroboration=Corroboration(barred=frozenset({"alertmanager"})))},
        ),
    ],
    ids=["our own time", "not begun", "ordered", "alive", "a human", "may not speak"],
)
def test_a10_it_is_asked_of_nothing_else(of: Fields, world: Fields) -> None:
    assert shut("repeated", ready(**of), **world) == ""


def test_a10_too_few_words_of_our_own_time_are_not_waited_for() -> None:
    made = ready(**said(last=at(51, OTHER_BOOT), first=at(51, OTHER_BOOT)))
    two = plan(corroboration=Corroboration(kinds=2, alone=frozenset()))
    world: Fields = {**ANEW, "plan": two}
    unsent = replace(made, cut_started=None)
    assert shut("evidence", unsent, **world) != ""
    assert shut("repeated", unsent, **world) == ""


def test_a10_once_that_time_is_over_the_evidence_is_judged() -> None:
    over: Fields = {**ANEW, "now": at(350, OTHER_BOOT)}
    assert shut("repeated", ready(), **over) == ""
    assert shut("evidence", ready(), **over) != ""


def test_a10_a_cut_whose_answer_was_lost_is_made_again_once_a_source_has_spoken() -> None:
    walk = taken_over()
    assert walk.phase is Phase.FENCING
    assert waits(walk.incident)
    assert walk.said.startswith("waiting: what was said against")
    assert walk.all(Cut) == []
    walk.wait(30).hear()
    assert walk.said == "the gate repeated is open: it goes on"
    assert walk.all(Cut) == []
    walk.identify().look()
    assert len(walk.all(Cut)) == 1


def test_a10_where_nobody_says_it_again_a_human_is_asked() -> None:
    walk = taken_over().elapse(290.75)
    assert waits(walk.incident)
    assert 0.25 in walk.waits
    walk.elapse(0.25).identify().look()
    assert walk.phase is Phase.HELD
    assert walk.gate == "evidence"


def test_a10_where_that_would_last_longer_than_any_wait_a_human_is_asked() -> None:
    walk = taken_over()
    walk.given(repeated_at=walk.now.plus(5000)).elapse(899.75)
    assert waits(walk.incident)
    walk.elapse(0.25)
    assert walk.phase is Phase.HELD
    assert walk.gate == "repeated"


def test_a10_an_order_waits_for_no_repetition() -> None:
    walk = taken_over().order(Order.FENCE).elapse(5).identify().look()
    assert len(walk.all(Cut)) == 1


def test_a10_a_restart_on_the_same_boot_waits_too_where_it_took_long() -> None:
    walk = Walk().to_cut()
    walk.given(now=walk.now.plus(301))
    world: Fields = {"now": walk.now, "repeated_at": walk.now.plus(300)}
    assert shut("evidence", walk.incident, **world) != ""
    assert "was away, or stood still" in shut("repeated", walk.incident, **world)


def test_a10_before_the_point_of_no_return_it_is_waited_for_too() -> None:
    walk = Walk().to_fencing().reboot()
    walk.given(repeated_at=walk.now.plus(300)).identify().look().elapse(9).look()
    assert waits(walk.incident)
    walk.hear(verdict=Verdict.UP)
    assert walk.phase is Phase.DISMISSED


def test_a10_a_suspicion_is_given_that_time_too() -> None:
    walk = Walk().reboot()
    walk.given(repeated_at=walk.now.plus(300)).look().elapse(10).elapse(120)
    assert walk.phase is Phase.SUSPECTED
    assert walk.waits == [170]
    assert walk.elapse(10).hear().phase is Phase.FENCING


def test_a10_where_nobody_says_a_suspicion_again_a_human_is_asked() -> None:
    walk = Walk().reboot()
    walk.given(repeated_at=walk.now.plus(300)).look().elapse(10).elapse(120).elapse(170)
    assert (walk.phase, walk.gate) == (Phase.HELD, "evidence")


def test_a10_a_suspicion_whose_words_are_all_of_our_time_is_not() -> None:
    two = plan(corroboration=Corroboration(alone=frozenset()))
    walk = Walk(plan=two).reboot()
    walk.given(repeated_at=walk.now.plus(300)).hear().look().elapse(10).elapse(119.75)
    assert walk.phase is Phase.SUSPECTED
    assert walk.elapse(0.25).gate == "evidence"


def test_a10_one_of_two_that_is_needed_is_waited_for() -> None:
    two = plan(corroboration=Corroboration(alone=frozenset()))
    walk = Walk(plan=two).hear("masakari").to_cut().reboot()
    walk.given(repeated_at=walk.now.plus(300)).identify().look().elapse(9).look()
    assert waits(walk.incident)
    walk.wait(20).hear().elapse(1)
    assert waits(walk.incident), "the other kind has not said it again"
    walk.wait(20).hear("masakari").identify().look()
    assert len(walk.all(Cut)) == 1


def test_l2_a_suspicion_is_held_in_the_end_however_often_the_daemon_stands_still() -> None:
    two = plan(corroboration=Corroboration(kinds=1, alone=frozenset({"alertmanager"})))
    walk = Walk(plan=two)
    for _ in range(20):
        walk.see(Paused(3.0)).given(repeated_at=walk.now.plus(300)).elapse(200)
        if walk.phase is not Phase.SUSPECTED:
            break
    assert walk.phase is not Phase.SUSPECTED


def test_a10_words_that_never_were_enough_are_not_waited_for() -> None:
    world: Fields = {"now": at(400), "repeated_at": at(650)}
    two = plan(corroboration=Corroboration(kinds=2, alone=frozenset()))
    unsent = replace(ready(**said(last=at(0), first=at(0))), cut_started=None)
    assert shut("repeated", unsent, **world) != ""
    assert shut("repeated", unsent, **world, plan=two) == ""
