"""A device whose name cannot be resolved was not asked: it has not failed, and is tried again."""

from __future__ import annotations

import pytest

from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Cut, Identify, Look, Order
from doctor_daemon.core.ourselves import Paused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power, ProofKind
from doctor_daemon.core.topology import AGAIN_S, FREES, NAMES
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.waiting import asks_again
from tests.core.make import BMC, PDU, level, plan
from tests.core.test_own_side_waits import isolated
from tests.core.walk import Walk

LOST = "the name bmc.example cannot be resolved"
WAITS = f"ALARM: waiting: bmc: {LOST}; it is asked again every 5 s"


def lose(walk: Walk) -> Walk:
    """Have no device found by its name, for as long as its level is tried."""
    number = walk.attempt.level
    while walk.all(Identify) and walk.attempt.level == number:
        walk.fail(walk.all(Identify)[0], LOST, nameless=True).elapse(1)
    return walk


def waiting() -> Walk:
    """Have a host wait whose only device cannot be found."""
    return lose(Walk().to_fencing())


def test_a2_a_name_that_leads_nowhere_is_waited_for() -> None:
    walk = waiting()
    assert walk.phase is Phase.FENCING
    assert walk.said == WAITS
    assert walk.incident.waiting is not None
    assert walk.incident.waiting.gate == NAMES
    assert walk.told[-1] is NoticeKind.ALARM


def test_a2_it_is_asked_again_and_goes_on_when_it_is_found() -> None:
    walk = waiting().elapse(AGAIN_S)
    assert (walk.attempt.level, walk.attempt.nth) == (1, 1)
    walk.identify().look()
    assert len(walk.all(Cut)) == 1
    assert walk.incident.waiting is not None
    assert walk.incident.waiting.over


def test_a2_meanwhile_nothing_is_asked_of_the_device() -> None:
    walk = waiting()
    assert walk.all(Identify) == []
    assert walk.waits == [AGAIN_S - 1]


def test_a2_it_is_told_once_however_often_it_is_asked() -> None:
    walk = waiting()
    lines = len(walk.incident.timeline)
    for _ in range(20):
        lose(walk.elapse(AGAIN_S))
    assert len(walk.incident.timeline) == lines
    assert walk.phase is Phase.FENCING


def test_l2_what_leads_nowhere_for_long_is_held_in_these_words() -> None:
    walk = waiting()
    assert walk.incident.waiting is not None
    since = walk.incident.waiting.since
    while walk.phase is Phase.FENCING:
        lose(walk.elapse(AGAIN_S))
    assert 0 <= walk.now.since(since) - Policy().progress_s <= AGAIN_S + 2
    assert walk.gate == NAMES
    assert walk.incident.held is not None
    assert walk.incident.held.why == f"it has waited for {Policy().progress_s:g} s: bmc: {LOST}"
    assert walk.incident.held.frees == FREES


def test_a2_the_next_level_is_tried_before_anything_is_waited_for() -> None:
    walk = lose(Walk(plan=plan(level(BMC), level(PDU))).to_fencing())
    assert (walk.attempt.level, walk.incident.waiting) == (2, None)
    walk.identify().look()
    assert [effect.device for effect in walk.all(Cut)] == ["pdu"]


def test_b13_after_a_cut_nothing_is_put_off_any_more() -> None:
    """Every round would cut again. So the levels end as ever, and a human is asked."""
    walk = lose(Walk(plan=plan(level(BMC), level(PDU))).to_fencing())
    for _ in range(Policy().tries_per_level):
        walk.identify().look().cut(Outcome.REFUSED).read(Power.ON).elapse(1)
    assert (walk.phase, walk.gate) == (Phase.HELD, "fencing")


def test_a_human_is_asked_at_once_where_every_device_was_found_and_failed() -> None:
    walk = waiting().elapse(AGAIN_S)
    for _ in range(Policy().tries_per_level):
        walk.identify().look().cut(Outcome.REFUSED).read(Power.ON).elapse(1)
    assert (walk.phase, walk.gate) == (Phase.HELD, "fencing")


def test_a_level_that_is_lost_does_not_keep_the_next_from_its_tries() -> None:
    walk = lose(Walk(plan=plan(level(BMC), level(PDU))).to_fencing())
    for nth in range(1, Policy().tries_per_level + 1):
        assert (walk.attempt.level, walk.attempt.nth) == (2, nth)
        walk.fail(walk.one(Identify)).elapse(1)
    assert walk.said == WAITS
    walk.elapse(AGAIN_S)
    assert (walk.attempt.level, walk.attempt.nth) == (1, 1)


def test_i14_a_sign_of_life_ends_the_wait() -> None:
    assert waiting().hear(verdict=Verdict.UP).phase is Phase.DISMISSED


def test_a12_a_pause_and_the_gate_of_isolation_forget_no_level_that_was_not_asked() -> None:
    walk = lose(Walk(plan=plan(level(BMC), level(PDU))).to_fencing())
    isolated(walk).identify().look()
    assert walk.said.startswith("waiting: we may be cut off ourselves")
    isolated(walk, good=True).elapse(AGAIN_S)
    assert (walk.attempt.level, walk.attempt.nameless) == (2, f"bmc: {LOST}")
    walk.wait(3).see(Paused(3.0))
    assert (walk.attempt.level, walk.attempt.nameless) == (2, f"bmc: {LOST}")


def test_an_order_while_it_asks_is_noted_and_needs_no_evidence() -> None:
    walk = waiting().elapse(AGAIN_S).order(Order.FENCE)
    assert walk.said == "fence by ann: because I looked"
    walk.elapse(Policy().evidence_age_s - 1).identify().look()
    assert len(walk.all(Cut)) == 1


def test_nova_is_not_asked_before_the_devices_are_found() -> None:
    walk = waiting().elapse(AGAIN_S)
    assert (len(walk.all(Identify)), walk.all(Look)) == (1, [])
    assert len(walk.identify().all(Look)) == 1


def test_the_alarm_is_told_once_whatever_it_waits_for_in_between() -> None:
    walk = waiting()
    for _ in range(3):
        walk.elapse(AGAIN_S)
        isolated(walk).fail(walk.one(Identify), LOST, nameless=True).elapse(AGAIN_S)
        lose(isolated(walk, good=True).elapse(AGAIN_S))
    assert walk.told.count(NoticeKind.ALARM) == 1


def test_an_order_while_it_waits_is_followed_when_it_asks_again() -> None:
    walk = waiting().order(Order.FENCE).elapse(AGAIN_S)
    assert [effect.device for effect in walk.all(Identify)] == ["bmc"]


def test_a_human_may_make_sure_while_it_waits() -> None:
    walk = waiting().order(Order.CONFIRM_OFF, lasts_s=900)
    assert walk.phase is Phase.FORCING_DOWN
    assert walk.incident.proof is not None
    assert walk.incident.proof.kind is ProofKind.HUMAN


def test_a_human_s_word_is_taken_while_the_device_is_being_asked() -> None:
    walk = waiting().elapse(AGAIN_S)
    assert len(walk.all(Identify)) == 1
    walk.order(Order.CONFIRM_OFF, lasts_s=900)
    assert walk.phase is Phase.FORCING_DOWN
    assert walk.all(Cut) == []


def test_nobody_takes_a_human_s_word_once_the_cut_has_begun() -> None:
    walk = waiting().elapse(AGAIN_S).identify().look().order(Order.CONFIRM_OFF, lasts_s=900)
    assert walk.phase is Phase.FENCING
    assert walk.incident.proof is None


def test_a12_whoever_waits_for_a_name_goes_on_asking_after_a_pause() -> None:
    walk = waiting().wait(60).see(Paused(60.0)).elapse(Policy().grace_s)
    assert len(walk.all(Identify)) == 1
    walk.identify().look()
    assert len(walk.all(Cut)) == 1


def reported(walk: Walk, since: Instant, every_s: int) -> Walk:
    """Answer the looks that are due, as of a nova-compute that reports all the while."""
    while walk.all(Look) and walk.phase is Phase.FENCING:
        ago_s = walk.now.since(since)
        walk.look(updated_s=1000.0 + ago_s - ago_s % every_s)
    return walk


@pytest.mark.parametrize("every_s", [10, 30, 60])
def test_a5_a_host_that_reports_while_its_device_is_lost_is_let_go(every_s: int) -> None:
    """Who saw it alive is lost as well, and all others call it down."""
    walk = Walk().look()
    since = walk.now
    lose(reported(walk.to_fencing(), since, 10**6))
    walk.hear("ping", kind="ping", verdict=Verdict.UP, trust=Trust.SECOND).wait(1).hear()
    while walk.now.since(since) < 300 and walk.phase is Phase.FENCING:
        if walk.all(Identify):
            walk.fail(walk.all(Identify)[0], LOST, nameless=True)
        reported(walk, since, every_s).elapse(1).hear()
    while walk.phase is Phase.FENCING and not walk.all(Cut):
        while walk.all(Identify):
            walk.identify()
        reported(walk, since, every_s).elapse(1).hear()
    assert walk.phase is Phase.DISMISSED


def test_a_gate_that_has_opened_is_not_tried_any_more() -> None:
    walk = waiting().elapse(AGAIN_S)
    assert asks_again(walk.incident)
    walk.identify().look()
    assert len(walk.all(Cut)) == 1
    assert not asks_again(walk.incident)
