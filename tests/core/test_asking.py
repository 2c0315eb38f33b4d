"""When a question is asked again: after a pause, after an order, and after an error."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.messages import Cut, Look, Order, Read
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.waiting import waits
from tests.core.make import BMC, level, plan
from tests.core.moving import Moving
from tests.core.test_own_side_waits import waiting
from tests.core.test_witness import ILO
from tests.core.walk import Walk


def paused(walk: Walk) -> Walk:
    """Let the daemon have stood still until now; what is decided next knows of it."""
    return walk.given(own=replace(walk.context.own, awake_at=walk.now))


def guarded() -> Moving:
    """Walk to where the power of a host is read calmly, while its server is evacuated."""
    walk = Moving("web").to_posted()
    walk.guard(2 * Policy().guard_every_s)
    assert walk.phase is Phase.EVACUATING
    return walk


def test_a12_a_look_from_before_a_pause_is_asked_for_anew_at_once() -> None:
    walk = guarded().elapse(1).see_flag().elapse(1)
    assert walk.all(Look) == []
    assert len(paused(walk).all(Look)) == 1


def test_an_order_to_cut_what_waits_has_the_host_looked_at_anew() -> None:
    """What was seen of it before the order is no beginning: a later report would not show."""
    walk = waiting().elapse(1)
    assert walk.all(Look) == []
    walk.order(Order.FENCE)
    assert waits(walk.incident)
    assert (len(walk.all(Look)), walk.all(Cut)) == (1, [])


def test_an_error_of_a_device_that_is_read_calmly_is_read_over_soon() -> None:
    walk = guarded().elapse(Policy().guard_every_s)
    walk.read(Power.UNKNOWN)
    assert walk.elapse(Policy().read_every_s - 0.25).all(Read) == []
    assert len(walk.elapse(0.25).all(Read)) == 1
    walk.read(Power.OFF)
    assert walk.elapse(Policy().guard_every_s - 0.25).all(Read) == []


def test_b1_a_re_reading_that_is_over_time_waits_for_its_witness_alone() -> None:
    """A witness that takes long for an answer has more time than the level; no wait is past."""
    slow = replace(ILO, answer_s=20.0)
    walk = Walk(plan=plan(level(BMC), level(slow))).to_reads().identify().prove()
    walk.elapse(walk.context.policy.proof_age_s)
    since = walk.incident.marking.rereading_since
    assert since is not None
    while walk.now.since(since) < walk.context.policy.off_timeout_s + 2:
        walk.read(Power.OFF, "bmc").elapse(1)
    assert (walk.phase, walk.incident.marking.rereading_since) == (Phase.FORCING_DOWN, since)
    assert min(walk.waits) > 0
