"""Levels and tries: what follows a try that failed, and where it ends."""

from dataclasses import replace

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.messages import Identify, Look, Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import DeviceTry, Outcome, Try
from tests.core.make import (
    BMC,
    OTHER_UUID,
    PDU,
    at,
    identity,
    incident,
    level,
    plan,
    sighting,
)
from tests.core.walk import Walk

ON = Power.ON


def test_a_level_is_tried_twice_and_then_the_next() -> None:
    walk, tries = Walk(plan=plan(level(BMC), level(PDU))).to_fencing(), []
    while walk.phase is Phase.FENCING:
        attempt = walk.attempt
        tries.append((attempt.number, attempt.level, attempt.nth))
        walk.identify().look().cut(Outcome.REFUSED).read(ON).elapse(1)
    assert tries == [(1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 2)]
    held = walk.incident.held
    assert held is not None
    assert (held.gate, held.why) == (
        "fencing",
        "every fencing level has failed: cmp-1 may be running",
    )


def test_a_try_at_the_same_level_waits_and_learns_everything_anew() -> None:
    walk = Walk(policy=replace(Policy(), tries_per_level=3)).to_fencing()
    walk.fail(walk.one(Identify))
    assert walk.waits == [1.0]
    assert walk.due == tuple(walk.all(type(walk.due[0])))
    assert walk.elapse(0.75).waits == [0.25]
    walk.elapse(0.25)
    assert walk.all(Identify) == [Identify(2, 1, "bmc")]
    assert walk.attempt.devices == {}
    walk.fail(walk.one(Identify))
    assert walk.waits == [2.0]


def test_nothing_of_an_earlier_try_is_taken_over() -> None:
    walk = Walk().to_reads().read().elapse(1).read().hear(verdict=Verdict.UP)
    assert (walk.phase, walk.gate) == (Phase.HELD, "fencing")
    walk.order(Order.FENCE)
    assert walk.attempt.device("bmc") == DeviceTry()
    assert walk.incident.proof is None


def test_a_manual_level_waits_for_a_human() -> None:
    walk = Walk(plan=plan(level(BMC), level())).to_held()
    held = walk.incident.held
    assert held is not None
    assert (held.gate, held.why) == (
        "manual",
        "level 2 is manual: only a human can tell that cmp-1 is off",
    )


def test_a_changed_topology_begins_anew_at_its_first_level() -> None:
    walk = Walk(plan=plan(level(BMC), level(PDU))).to_fencing().identify(OTHER_UUID)
    walk.given(plan=plan(digest="digest-2")).elapse(1)
    attempt = walk.attempt
    assert (attempt.number, attempt.level, attempt.digest) == (3, 1, "digest-2")


def test_a_new_try_is_progress_and_forgets_failed_looks() -> None:
    walk = Walk().to_fencing()
    walk.fail(walk.one(Look)).wait(3)
    assert walk.incident.look_failures == 1
    walk.fail(walk.all(Identify)[0])
    assert (walk.incident.look_failures, walk.incident.progress_at) == (0, walk.now)


def test_a_try_that_waits_for_its_turn_does_not_go_on_whatever_is_known() -> None:
    known = Try(1, 1, 1, "digest-1", at(0), devices={"bmc": DeviceTry(identity())})
    waiting = incident(
        phase=Phase.FENCING, fencing=known, sighting=sighting(0), retry_at=at(1), ordered_at=at(0)
    )
    walk = Walk(waiting).elapse(0.75)
    assert walk.incident.cut_started is None
    assert walk.elapse(0.25).incident.cut_started == walk.now


def test_a_try_of_a_level_that_is_not_there_asks_a_human() -> None:
    lost = Try(1, 9, 1, "digest-1", at(0))
    walk = Walk(incident(phase=Phase.FENCING, fencing=lost)).elapse(1)
    assert (walk.phase, walk.gate, walk.attempt) == (Phase.HELD, "fencing", lost)
