"""A cut that is inherited is a first one to the gates: warm-up, a human's word, the budget (A4)."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Charge, Latch
from doctor_daemon.core.messages import Cut, Look, Order, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.waiting import waits
from tests.core.gated import shut
from tests.core.make import OTHER_BOOT, Fields, at
from tests.core.test_repeated import taken_over
from tests.core.walk import Walk

LATCH = Latch("all", "12 of 20 hosts look dead", at(0))
WORD = "1 hosts, by ann: the rack has no power"
PASS: Fields = {"passes_left": 1, "passes_by": WORD}


def next_daemon(walk: Walk, **world: Fields) -> Walk:
    """Let another daemon take it over; its sources say again what they said."""
    walk.reboot()
    walk.given(repeated_at=walk.now.plus(300), **world)
    return prepared(walk.hear())


def prepared(walk: Walk) -> Walk:
    walk.identify().look().elapse(9)
    return walk.look() if walk.all(Look) else walk


# warm-up


def test_a10_it_is_decided_anew_by_one_who_has_just_come() -> None:
    walk = Walk().to_cut().reboot()
    walk = prepared(walk.given(warm_at=walk.now.plus(60)).hear())
    assert walk.all(Cut) == []
    assert walk.said.startswith("waiting: the daemon has just started")
    walk.hear().elapse(51).identify().look()
    assert len(walk.all(Cut)) == 1


def test_a10_a_retry_of_what_was_just_under_way_waits_for_no_warm_up() -> None:
    walk = Walk().to_cut().wait(5).see(Resumed())
    walk.given(warm_at=walk.now.plus(60)).identify().look()
    assert len(walk.all(Cut)) == 1


# a human's word for several hosts


def let_through() -> Walk:
    """Cut by such a word, and let the daemon die before the answer."""
    walk = Walk(latches=(LATCH,), **PASS).to_cut()
    assert len(walk.all(Cut)) == 1
    return walk.given(passes_left=0)


def test_a4_a_word_of_before_lets_nobody_through_who_is_taken_over() -> None:
    walk = next_daemon(let_through())
    assert walk.all(Cut) == []
    assert waits(walk.incident)
    assert walk.said.startswith(f"waiting: {LATCH.why}")


def test_a4_another_word_does_and_is_counted_as_one() -> None:
    walk = next_daemon(let_through(), **PASS)
    assert len(walk.all(Cut)) == 1
    assert (len(walk.incident.charges), walk.incident.passed) == (2, 2)
    assert shut("mass", walk.incident, now=walk.now, latches=(LATCH,)) == "", "it is asked again"


def test_a4_a_retry_of_what_was_just_under_way_needs_no_other_word() -> None:
    walk = let_through().wait(5).see(Resumed()).identify().look()
    assert len(walk.all(Cut)) == 1
    assert len(walk.incident.charges) == 1


def test_a4_a_word_is_over_with_its_round() -> None:
    made = let_through().incident
    world: Fields = {"latches": (LATCH,)}
    assert shut("mass", made, now=made.charges[0].plus(899.75), **world) == ""
    assert shut("mass", made, now=made.charges[0].plus(900), **world) == LATCH.why


# the budget


def test_a3_a_round_of_another_boot_is_paid_for_as_long_as_it_counts_for_others() -> None:
    walk = Walk().to_cut()
    assert len(next_daemon(walk, charges=(timed(walk, 0),)).incident.charges) == 1


def test_a3_one_that_counts_for_nobody_any_more_is_taken_anew() -> None:
    walk = held_anew()
    charges = (timed(walk, 0), replace(timed(walk, 0), incident="inc-2"), timed(walk, -9, 2))
    for later_s, rounds in ((899.75, 1), (900, 2)):
        again = Walk(walk.incident).given(
            now=charges[0].at.plus(later_s - 1), charges=charges[:2], own=walk.context.own
        )
        again.order(Order.FENCE).identify().look()
        assert len(again.all(Cut)) == 1
        assert len(again.incident.charges) == rounds


def test_a3_one_that_is_not_known_any_more_is_taken_anew() -> None:
    walk = held_anew().wait(5000).order(Order.FENCE).identify().look()
    assert len(walk.all(Cut)) == 1
    assert walk.incident.charges[-1] == walk.now


def held_anew() -> Walk:
    """Take a cut over that nobody calls for any more: a human is asked."""
    walk = taken_over().elapse(291).identify().look()
    assert (walk.phase, walk.gate) == (Phase.HELD, "evidence")
    return walk


def timed(walk: Walk, seconds: float, number: int = 1) -> Charge:
    """Return a charge as the daemon has it that took it up."""
    return Charge(walk.incident.id, number, "rack-1", at(seconds, OTHER_BOOT))
