"""Witnesses that take their time, and devices that err: neither hides that a host is on (B1)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.host import Mode
from doctor_daemon.core.messages import Cut, Identified, Identify, Look, Read, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from tests.core import make
from tests.core.make import BMC, MANUAL, level
from tests.core.moving import Moving
from tests.core.test_witness import ILO, ITS, TWO, at_reads, reads, took_s
from tests.core.walk import Walk


def its_read(walk: Walk) -> Read:
    """Return the question that the witness is asked."""
    (found,) = [effect for effect in walk.all(Read) if effect.device == "ilo"]
    return found


def test_b1_an_on_from_before_a_late_off_and_an_error_prove_nothing() -> None:
    walk = Walk(plan=TWO).to_cut()
    (cut,) = walk.all(Cut)
    walk.identify().elapse(18).answer_cut(cut).read(Power.ON, "ilo")
    walk.elapse(1).read(Power.OFF, "bmc").read(Power.UNKNOWN, "ilo")
    walk = reads(walk, Power.OFF, None, seconds=4)
    assert (walk.phase, walk.incident.proof) == (Phase.FENCING, None)
    assert reads(walk, Power.OFF, Power.ON).incident.proof is None


def test_b1_an_error_of_the_level_itself_takes_no_on_of_a_witness_back() -> None:
    walk = at_reads().identify().elapse(1).read(Power.OFF, "bmc")
    walk.elapse(1).read(Power.OFF, "bmc").read(Power.ON, "ilo")
    walk.elapse(1).read(Power.UNKNOWN, "bmc").elapse(1).read(Power.UNKNOWN, "ilo")
    walk = reads(walk, Power.OFF, None)
    assert walk.incident.proof is None
    told = [entry.text for entry in walk.incident.timeline]
    assert any("ilo says that the power is on" in text for text in told)


def test_b1_two_errors_of_the_level_itself_take_no_on_of_a_witness_back() -> None:
    walk = at_reads().identify().elapse(1).read(Power.OFF, "bmc").elapse(1).read(Power.ON, "ilo")
    for power in (Power.UNKNOWN, Power.OFF, Power.UNKNOWN):
        walk.elapse(1).read(power, "bmc").read(Power.UNKNOWN, "ilo")
    assert reads(walk, Power.OFF, Power.UNKNOWN).incident.proof is None


@pytest.mark.parametrize("late_s", [15.0, 25.0, 27.5])
def test_b1_a_witness_has_its_time_however_late_the_level_s_own_off_comes(late_s: float) -> None:
    """A BMC that restarts after the cut, and says OFF from memory when the try is nearly over."""
    walk = at_reads().identify()
    while took_s(walk) < late_s:
        walk.read(Power.ON).elapse(0.5)
    walk.elapse(0.5).read(Power.OFF, "bmc").elapse(0.5).read(Power.UNKNOWN, "ilo")
    walk = reads(walk, Power.OFF, None, seconds=18)
    assert (walk.phase, walk.incident.proof) == (Phase.FENCING, None)
    assert reads(walk, Power.OFF, Power.ON).incident.proof is None


def test_b1_a_witness_s_off_from_before_the_level_says_on_again_is_no_word() -> None:
    """The host was being restarted: both saw it off for a moment."""
    walk = Walk(plan=TWO).to_cut()
    (cut,) = walk.all(Cut)
    walk.identify().read(Power.OFF, "ilo").elapse(1).answer_cut(cut)
    walk.identify().read(Power.ON, "bmc").elapse(1).read(Power.UNKNOWN, "ilo")
    walk = reads(walk, Power.OFF, None, seconds=10)
    assert (walk.phase, walk.incident.proof) == (Phase.FENCING, None)


def test_b9_a_witness_that_erred_is_asked_again_soon_after_the_proof() -> None:
    walk = at_reads().identify().read(Power.OFF).elapse(1).read(Power.OFF, "bmc")
    walk.read(Power.UNKNOWN, "ilo")
    walk = reads(walk, Power.OFF, None)
    assert walk.phase is Phase.FORCING_DOWN
    assert [read.device for read in walk.elapse(1).all(Read)] == ["ilo"]


def moving(off_reads: int = 3) -> Moving:
    """Walk to where servers are evacuated, with a witness that agreed."""
    policy = Policy(off_reads=off_reads)
    walk = Moving(plan=replace(TWO, mode=Mode.EVACUATE), policy=policy)
    walk.to_reads().identify().prove()
    if walk.all(Look):
        walk.look()
    walk.put()
    return walk.flag()


def test_b9_an_on_that_was_asked_for_before_the_proof_s_renewal_stops_everything() -> None:
    walk = moving().elapse(5)
    asked = its_read(walk)
    for _ in range(2):
        walk.read(Power.OFF, "bmc").elapse(5)
    walk.read(Power.OFF, "bmc")
    assert (walk.phase, walk.incident.refences) == (Phase.EVACUATING, 0)
    walk.answer_read(asked, Power.ON, asked_s=-10)
    assert (walk.phase, walk.incident.refences) == (Phase.FENCING, 1)


def test_b1_after_a_restart_no_proof_is_renewed_before_a_witness_has_had_its_time() -> None:
    walk = moving().elapse(5).see(Resumed())
    assert ITS in walk.due
    old = walk.incident.proof
    for _ in range(8):
        for effect in walk.all(Identify):
            if effect != ITS:
                walk.see(Identified(effect, make.identity()))
        walk.read(Power.OFF, "bmc").elapse(1)
    assert (walk.phase, walk.incident.proof) == (Phase.EVACUATING, old)
    for _ in range(30):
        walk.read(Power.OFF, "bmc").elapse(1)
    assert walk.incident.proof not in (None, old)


def test_after_a_restart_a_witness_that_errs_is_asked_again_as_soon_as_in_fencing() -> None:
    walk = moving().elapse(5).see(Resumed())
    walk.fail(ITS)
    assert ITS not in walk.due
    walk.elapse(walk.context.policy.read_every_s)
    assert ITS in walk.due


def test_a_proof_of_as_many_reads_as_may_be_asked_for_is_renewed() -> None:
    walk = moving(off_reads=12)
    assert walk.phase is Phase.EVACUATING
    old = walk.incident.proof
    for _ in range(60):
        walk.read(Power.OFF).elapse(5)
    assert walk.incident.rounds.barred is None
    assert walk.incident.proof not in (None, old)


def test_as_many_reads_as_may_be_asked_for_prove_it_beside_an_error() -> None:
    walk = Walk(policy=Policy(off_reads=12)).to_reads()
    walk.read(Power.OFF).elapse(1).read(Power.UNKNOWN).elapse(1)
    assert (walk.prove().phase, walk.incident.tries) == (Phase.FORCING_DOWN, 1)


def test_a_level_of_two_is_off_since_the_later_one_is() -> None:
    second = replace(BMC, name="bmc-2")
    walk = Walk(plan=make.plan(level(BMC, second), level(ILO), MANUAL)).to_reads().identify()
    walk.elapse(1).read(Power.OFF, "bmc").read(Power.ON, "ilo")
    walk.elapse(1).read(Power.OFF).elapse(1)
    walk = reads(walk, Power.OFF, None, seconds=3)
    assert walk.incident.proof is None
