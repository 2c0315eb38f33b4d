"""A cut that was decided before, weighed anew where a host was proven off, or nobody looked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Latch
from doctor_daemon.core.corroboration import Corroboration
from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.messages import Cut, ForceDown, Look, Looked, Order, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from tests.core import make
from tests.core.coming_back import Back
from tests.core.make import at, plan
from tests.core.test_paused import away
from tests.core.test_releasing_again import again
from tests.core.walk import Walk, Way

REPORTED_S = 1030.0
TWO = plan(corroboration=Corroboration(alone=frozenset()))
LATCH = Latch("all", "too many look dead", at(0))
UNKNOWN = "what became of the cut that was decided before is not known"


def gate_shut(walk: Walk) -> Walk:
    """Refuse the force-down by its gate, just before it is sent."""
    return walk.refuse(walk.one(ForceDown), "permit")


def nova_refuses(walk: Walk) -> Walk:
    for _ in range(2):
        walk.put(Outcome.REFUSED).elapse(2)
        if walk.all(Look):
            walk.look()
    return walk.put(Outcome.REFUSED)


def never_flagged(refused: Way) -> Walk:
    """Prove a host off that is never forced down; its power comes back, and the daemon dies."""
    walk = refused(Walk().to_proof())
    walk.elapse(walk.context.policy.proof_age_s).read(Power.ON)
    assert (walk.phase, walk.incident.refences) == (Phase.FENCING, 1)
    return next_daemon(walk)


def next_daemon(walk: Walk) -> Walk:
    walk.reboot()
    return walk.given(repeated_at=walk.now.plus(300))


def forged(walk: Walk) -> Walk:
    """Have somebody whom nobody knows say that it is down, and prepare as far as it goes."""
    walk.wait(1).hear("forger", trust=Trust.OPEN)
    return prepared(walk)


def prepared(walk: Walk, **shown: make.Fields) -> Walk:
    for _ in range(6):
        walk.identify()
        if walk.all(Look):
            walk.look(**shown)
        if walk.all(Cut) or walk.phase is not Phase.FENCING:
            break
        walk.elapse(3)
    return walk


def reported(walk: Walk) -> Walk:
    """Let nova-compute have reported in while nobody looked: every look from now on shows it."""
    for _ in range(6):
        walk.identify()
        for look in walk.all(Look):
            seen = make.sighting(0, asked_at=walk.now, updated_s=REPORTED_S, state="up")
            walk.see(Looked(look.number, seen))
        if walk.all(Cut) or walk.phase is not Phase.FENCING:
            break
        walk.elapse(3)
    return walk


@pytest.mark.parametrize("refused", [gate_shut, nova_refuses])
def test_a10_a_host_that_was_proven_off_and_never_forced_down_may_be_in_use(refused: Way) -> None:
    walk = never_flagged(refused).hear(verdict=Verdict.UP)
    assert (walk.phase, walk.gate) == (Phase.HELD, "contradiction")
    assert walk.said.startswith(f"held: it was heard alive, and {UNKNOWN}")


@pytest.mark.parametrize("refused", [gate_shut, nova_refuses])
def test_a10_so_a_word_of_anybodys_does_not_have_it_cut(refused: Way) -> None:
    assert forged(never_flagged(refused)).all(Cut) == []


def test_a10_beside_a_gate_its_life_is_for_a_human_to_weigh() -> None:
    walk = gate_shut(Walk().to_proof())
    walk.elapse(walk.context.policy.proof_age_s).read(Power.ON)
    walk.given(warm_at=walk.now.plus(60), latches=(LATCH,)).identify().look()
    assert walk.incident.waiting is not None
    walk.wait(1).hear(verdict=Verdict.UP)
    assert (walk.phase, walk.gate) == (Phase.HELD, "contradiction")


def test_a10_a_host_whose_flag_stands_is_cut_on_any_word() -> None:
    walk = Walk().to_proof()
    walk.put().look(forced_down=True, status="disabled", state="up")
    walk.elapse(walk.context.policy.proof_age_s).read(Power.ON)
    assert walk.phase is Phase.FENCING
    walk = next_daemon(walk).hear(verdict=Verdict.UP)
    assert walk.phase is Phase.FENCING, "its servers may run elsewhere"


def in_use_and_called_down() -> Back:
    """Give a host back, have it called down, and let the daemon die between cut and answer."""
    walk = again(Back().to_watching()).elapse(10)
    for _ in range(20):
        walk.identify().show()
        if walk.all(Cut):
            break
        walk.elapse(1)
    assert walk.all(Cut)
    next_daemon(walk)
    return walk


def test_e5_a_host_that_was_given_back_is_in_use_whatever_was_sent_before() -> None:
    walk = in_use_and_called_down().hear(verdict=Verdict.UP)
    assert (walk.phase, walk.gate) == (Phase.HELD, "contradiction")


def test_e5_nor_does_any_word_have_it_cut_once_more() -> None:
    walk = in_use_and_called_down()
    walk.wait(1).hear("forger", trust=Trust.OPEN)
    for _ in range(6):
        walk.identify().report(state="up")
        walk.elapse(5)
    assert walk.all(Cut) == []
    assert walk.phase is Phase.HELD


# reports that nobody looked at


def looked_once() -> Walk:
    """Take a cut over, and look once."""
    return next_daemon(Walk().to_cut()).identify().look()


def test_a12_a_report_during_a_pause_is_held_against_the_first_look() -> None:
    walk = looked_once()
    away(walk, 10.0)
    walk = reported(walk.hear())
    assert (walk.phase, walk.gate) == (Phase.HELD, "contradiction")


def test_a12_a_host_whose_cut_is_inherited_has_its_grace_again_after_a_pause() -> None:
    walk = looked_once()
    away(walk, 10.0)
    walk.hear()
    assert walk.waits == [10.0]
    walk.elapse(9.75).identify()
    assert walk.all(Look) == []
    walk.elapse(0.25).identify().look()
    assert len(walk.all(Cut)) == 1


def test_a12_an_incident_that_knew_nothing_of_the_pause_has_it_too() -> None:
    walk = looked_once().elapse(9)
    walk.given(own=replace(walk.context.own, awake_at=walk.now)).hear().look()
    assert walk.all(Cut) == []
    assert walk.said.startswith("waiting: the daemon stood still")


def test_c1_a_report_beside_a_restart_is_held_against_the_first_look() -> None:
    walk = looked_once()
    walk = reported(walk.wait(5).see(Resumed()).hear())
    assert (walk.phase, walk.gate) == (Phase.HELD, "contradiction")


# long ago, on the same boot


def back_after(seconds: float) -> Walk:
    """Have the daemon die between a cut and its answer, and be begun anew so much later."""
    return Walk(plan=TWO).hear("masakari").to_cut().wait(seconds).see(Resumed())


def test_a10_a_cut_of_hours_ago_takes_enough_evidence_anew() -> None:
    walk = forged(back_after(3 * 3600))
    assert (walk.phase, walk.gate) == (Phase.HELD, "evidence")


def test_a10_a_report_since_then_is_for_a_human_to_weigh() -> None:
    walk = reported(back_after(3 * 3600).hear().hear("masakari"))
    assert (walk.phase, walk.gate) == (Phase.HELD, "contradiction")


def test_a10_one_that_is_made_again_soon_waits_for_nothing() -> None:
    walk = back_after(300).hear().identify().look()
    assert len(walk.all(Cut)) == 1


# orders of before


def test_a10_an_order_of_before_decides_no_first_cut() -> None:
    walk = next_daemon(Walk().order(Order.FENCE)).hear().identify().look()
    assert walk.phase is Phase.FENCING
    assert walk.all(Cut) == []
    walk.elapse(9).look()
    assert len(walk.all(Cut)) == 1


def test_a10_nor_is_a_suspicion_fenced_by_it() -> None:
    walk = Walk(make.incident(ordered_at=at(0, make.OTHER_BOOT))).elapse(1)
    assert walk.phase is Phase.SUSPECTED
    assert walk.to_fencing().phase is Phase.FENCING


def test_a12_nor_does_it_take_the_grace_after_a_pause() -> None:
    walk = next_daemon(Walk().order(Order.FENCE))
    away(walk, 10.0)
    assert walk.waits == [10.0]
