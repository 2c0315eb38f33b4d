"""The daemon stood still after a cut: no run of OFF spans that, and no proof outlives it (A12)."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.host import Mode
from doctor_daemon.core.messages import Cut, ForceDown, Identify, Look, PutEnded, Read
from doctor_daemon.core.ourselves import Paused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from tests.core.moving import Moving
from tests.core.test_witness import TWO, at_reads, reads
from tests.core.walk import Walk

AWAY_S = 25.0


def away(walk: Walk) -> None:
    """Let the daemon stand still for a while."""
    walk.wait(AWAY_S).see(Paused(AWAY_S))


def moving() -> Moving:
    """Walk to where a host is forced down, to be evacuated."""
    walk = Moving("web", "db", plan=replace(TWO, mode=Mode.EVACUATE))
    walk.to_reads().identify().prove()
    assert walk.phase is Phase.FORCING_DOWN
    return walk


def test_a12_what_was_read_before_a_pause_proves_nothing_after_it() -> None:
    walk = at_reads().identify().read(Power.OFF, "bmc").elapse(1).read(Power.OFF, "bmc")
    away(walk)
    walk.identify().read(Power.OFF, "bmc")
    assert (walk.phase, walk.incident.proof, walk.incident.tries) == (Phase.FENCING, None, 1)
    assert reads(walk, Power.OFF, Power.ON).incident.proof is None


def test_a12_a_try_goes_on_after_a_pause_and_a_witness_has_its_time_again() -> None:
    walk = at_reads().identify().read()
    away(walk)
    walk = reads(walk.identify(), Power.OFF, None, seconds=18)
    assert (walk.phase, walk.incident.tries) == (Phase.FENCING, 1)
    assert reads(walk, Power.OFF, Power.OFF).phase is Phase.FORCING_DOWN


def test_a12_an_answer_that_was_asked_for_before_the_pause_is_in_no_run() -> None:
    walk = at_reads().identify().read()
    (late,) = [effect for effect in walk.elapse(1).all(Read) if effect.device == "bmc"]
    away(walk)
    woke = walk.now
    walk.answer_read(late, Power.OFF, asked_s=-AWAY_S).identify()
    proof = reads(walk.elapse(1), Power.OFF, Power.OFF).incident.proof
    assert proof is not None
    assert all(one.asked_at.since(woke) > 0 for one in proof.devices[0].readings)


def test_a12_a_cut_that_is_out_is_not_sent_again_after_a_pause() -> None:
    walk = Walk(plan=TWO).to_cut()
    (cut,) = walk.all(Cut)
    away(walk)
    assert (walk.attempt.number, walk.all(Cut)) == (cut.try_, [cut])


def test_a12_after_a_pause_no_force_down_is_sent_before_the_power_was_read_again() -> None:
    walk = moving()
    assert len(walk.all(ForceDown)) == 1
    away(walk)
    assert walk.all(ForceDown) == []
    assert {effect.device for effect in walk.all(Identify)} == {"bmc", "ilo"}
    walk.identify().read(Power.OFF).elapse(1)
    assert walk.read(Power.ON, "ilo").phase is Phase.FENCING


def test_a12_a_force_down_that_is_out_during_a_pause_is_read_back_after_the_power() -> None:
    walk = moving()
    put = walk.one(ForceDown)
    away(walk)
    walk.see(PutEnded(put, Outcome.ACCEPTED, "200", walk.now))
    assert (walk.phase, walk.all(ForceDown), walk.all(Look)) == (Phase.FORCING_DOWN, [], [])
    walk.identify().prove_again()
    assert walk.flag().phase is Phase.EVACUATING


def test_a12_after_a_pause_nothing_is_evacuated_before_the_power_was_read_again() -> None:
    walk = moving().put().flag().inspect()
    assert [name for name, _ in walk.posts] == ["db", "web"]
    away(walk)
    refusal = refused(Act.EVACUATE, walk.incident, walk.given(now=walk.now).context)
    assert refusal is not None
    assert "has not been read since the daemon was away" in refusal.why
    walk.guard(8).inspect()
    assert refused(Act.EVACUATE, walk.incident, walk.context) is None
