"""The hold of a proof begins after the last ON of a witness: an OFF before it was not true (B1)."""

from __future__ import annotations

from doctor_daemon.core.messages import Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from tests.core.test_slow_witness import its_read
from tests.core.test_witness import at_reads
from tests.core.walk import Walk


def begun_s(walk: Walk) -> float:
    """Return how long ago the first OFF of the proof was asked for."""
    assert walk.incident.proof is not None
    (part,) = walk.incident.proof.devices
    return walk.now.since(part.readings[0].asked_at)


def off_till_proven(walk: Walk) -> float:
    """Let both read OFF from now on; return after how many seconds it was proven."""
    began = walk.now
    while walk.phase is Phase.FENCING:
        walk.elapse(0.25).identify().read(Power.OFF)
    return walk.now.since(began)


def test_b1_what_a_device_called_off_while_a_witness_saw_it_on_is_no_part_of_the_hold() -> None:
    """A device says OFF too early, of a host that is off for a moment, as in a power cycle."""
    walk = at_reads().identify().read(Power.OFF, "bmc").elapse(1).read(Power.OFF, "bmc")
    walk.elapse(0.25).read(Power.ON, "ilo").elapse(1).read(Power.OFF)
    assert (walk.phase, walk.incident.proof) == (Phase.FENCING, None)
    hold_s = walk.context.policy.off_hold_s
    assert off_till_proven(walk) >= hold_s
    assert hold_s <= begun_s(walk) < hold_s + 1


def test_b1_a_witness_that_takes_its_time_may_have_seen_it_on_until_it_answered() -> None:
    walk = at_reads().identify()
    asked = its_read(walk)
    walk.elapse(0.25).read(Power.OFF, "bmc").elapse(2)
    walk.answer_read(asked, Power.ON, asked_s=-2.25).read(Power.OFF, "bmc").elapse(1)
    walk.read(Power.OFF)
    assert walk.phase is Phase.FENCING
    off_till_proven(walk)
    assert begun_s(walk) < 2 * walk.context.policy.off_hold_s


def test_b1_an_on_from_before_the_level_s_own_off_delays_nothing() -> None:
    walk = at_reads().identify().read(Power.ON).elapse(1)
    first = walk.now
    walk.read(Power.OFF)
    off_till_proven(walk)
    assert begun_s(walk) == walk.now.since(first)


def test_b1_an_off_that_is_asked_for_as_soon_as_the_on_is_answered_counts() -> None:
    walk = at_reads().identify().read(Power.ON, "ilo").read(Power.OFF, "bmc")
    first = walk.now
    off_till_proven(walk)
    assert begun_s(walk) == walk.now.since(first)


def test_c1_after_a_restart_a_witness_s_on_from_before_delays_nothing() -> None:
    walk = at_reads().identify().read(Power.ON, "ilo").elapse(0.25).see(Resumed()).identify()
    first = walk.now
    walk.read(Power.OFF)
    off_till_proven(walk)
    assert begun_s(walk) == walk.now.since(first)


def test_b9_a_proof_is_taken_again_although_a_witness_had_seen_the_host_on_before_its_off() -> None:
    walk = at_reads().identify().read(Power.ON).elapse(1).read(Power.OFF)
    off_till_proven(walk)
    walk.elapse(walk.context.policy.proof_age_s).prove_again()
    assert walk.said == "still proven off"
