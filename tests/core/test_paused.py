"""The daemon stood still, or was restarted: no run of OFF spans that, no ON is forgotten (A12)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.guard import bar
from doctor_daemon.core.host import Mode
from doctor_daemon.core.incident import Held
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Cut, ForceDown, Look, Order, PutEnded, Read, Resumed
from doctor_daemon.core.ourselves import Ourselves, Paused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.retirement import DeleteService
from doctor_daemon.core.tries import Outcome
from tests.core import make
from tests.core.leaving import Leaving
from tests.core.moving import Moving
from tests.core.test_witness import TWO, at_reads, reads, took_s
from tests.core.walk import Walk

AWAY_S = 25.0
FORCING = Phase.FORCING_DOWN


def away(walk: Walk, seconds: float = AWAY_S) -> None:
    """Let the daemon stand still for a while; what it decides next knows of it."""
    walk.wait(seconds).given(own=replace(walk.context.own, awake_at=walk.now))
    walk.see(Paused(seconds))


def moving() -> Moving:
    """Walk to where a host is forced down, to be evacuated."""
    walk = Moving("web", "db", plan=replace(TWO, mode=Mode.EVACUATE))
    walk.to_reads().identify().prove()
    assert walk.phase is Phase.FORCING_DOWN
    return walk


def test_a12_what_was_read_before_a_pause_proves_nothing_after_it() -> None:
    walk = at_reads().identify().read(Power.OFF, "bmc").elapse(1).read(Power.OFF, "bmc")
    away(walk)
    walk.read(Power.OFF, "bmc")
    assert (walk.phase, walk.incident.proof, walk.incident.tries) == (Phase.FENCING, None, 1)
    assert reads(walk, Power.OFF, Power.ON).incident.proof is None


def test_a12_a_try_goes_on_after_a_pause_and_a_witness_has_its_time_again() -> None:
    walk = at_reads().identify().read()
    away(walk)
    walk = reads(walk, Power.OFF, None, seconds=18)
    assert (walk.phase, walk.incident.tries) == (Phase.FENCING, 1)
    assert reads(walk, Power.OFF, Power.OFF).phase is Phase.FORCING_DOWN


def test_a12_an_answer_that_was_asked_for_before_the_pause_is_in_no_run() -> None:
    walk = at_reads().identify().read()
    (late,) = [effect for effect in walk.elapse(1).all(Read) if effect.device == "bmc"]
    away(walk)
    woke = walk.now
    walk.answer_read(late, Power.OFF, asked_s=-AWAY_S)
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
    assert walk.said == "the proof has grown old: reading the power again"
    assert {effect.device for effect in walk.all(Read)} == {"bmc", "ilo"}
    walk.read(Power.OFF).elapse(1)
    assert walk.read(Power.ON, "ilo").phase is Phase.FENCING


def test_a12_a_force_down_that_is_out_during_a_pause_is_read_back_after_the_power() -> None:
    walk = moving()
    put = walk.one(ForceDown)
    away(walk)
    walk.see(PutEnded(put, Outcome.ACCEPTED, "200", walk.now))
    assert (walk.phase, walk.all(ForceDown), walk.all(Look)) == (Phase.FORCING_DOWN, [], [])
    walk.prove_again()
    assert walk.flag().phase is Phase.EVACUATING


def test_a12_after_a_pause_nothing_is_evacuated_before_the_power_was_read_again() -> None:
    walk = moving().put().flag().inspect()
    assert [name for name, _ in walk.posts] == ["db", "web"]
    away(walk)
    walk.see_flag()
    refusal = refused(Act.EVACUATE, walk.incident, walk.context)
    assert refusal is not None
    assert "has not been read since the daemon was away" in refusal.why
    walk.guard(8)
    assert refused(Act.EVACUATE, walk.incident, walk.context) is None


def test_a12_what_was_barred_before_a_pause_stays_so() -> None:
    walk = moving().put().flag().inspect()
    barred = Held("proof", "its proof is lost", "fence")
    walk.incident = bar(walk.incident, barred, walk.context)
    away(walk)
    assert walk.incident.rounds.barred == barred


def test_a12_whatever_is_decided_first_after_a_pause_knows_of_it() -> None:
    """The pause itself may be told after an answer that has waited meanwhile."""
    walk = at_reads().identify().read().elapse(1).read().elapse(0.75)
    out = Read(1, 1, "bmc", 2)
    walk.wait(AWAY_S).given(own=replace(walk.context.own, awake_at=walk.now))
    walk.answer_read(out, Power.OFF, asked_s=-AWAY_S)
    assert (walk.phase, walk.incident.proof) == (Phase.FENCING, None)


@pytest.mark.parametrize("away_s", [3.0, 31.0, 100.0])
def test_a12_a_pause_takes_no_time_from_a_try_or_a_re_reading(away_s: float) -> None:
    walk = at_reads().identify().read(Power.UNKNOWN)
    for _ in range(3):
        away(walk, away_s)
    assert (walk.phase, walk.incident.tries) == (Phase.FENCING, 1)
    walk = reads(walk, Power.OFF, Power.OFF)
    for _ in range(3):
        away(walk, away_s)
    assert (walk.phase, walk.incident.marking.rereading_since is None) == (FORCING, False)
    assert walk.prove_again().phase is FORCING


def test_a12_a_report_that_came_during_a_pause_is_a_sign_of_life() -> None:
    walk = at_reads().identify().read()
    if walk.elapse(1).all(Look):
        walk.look()
    away(walk)
    walk.look(updated_s=2000.0)
    said = "level 1, try 1: the host was heard alive after the cut"
    assert said in [entry.text for entry in walk.incident.timeline]


def test_b1_an_error_near_the_end_of_a_try_takes_no_time_from_a_witness() -> None:
    walk = at_reads().identify()
    while took_s(walk) < 27.0:
        walk.read(Power.ON, "bmc").elapse(0.5)
    for power in (Power.OFF, Power.OFF, Power.UNKNOWN):
        walk.elapse(1).read(power, "bmc")
    assert (walk.phase, walk.incident.tries) == (Phase.FENCING, 1)
    assert reads(walk, Power.OFF, None).phase is FORCING


def test_b1_a_restart_takes_no_on_of_a_witness_back() -> None:
    walk = at_reads().identify().read(Power.OFF, "bmc").elapse(1).read(Power.OFF, "bmc")
    walk.read(Power.ON, "ilo").elapse(1).see(Resumed()).identify()
    walk.read(Power.UNKNOWN, "ilo")
    walk = reads(walk, Power.OFF, Power.UNKNOWN)
    assert walk.incident.proof is None


def test_c1_after_a_restart_nothing_from_before_it_is_in_a_run() -> None:
    walk = at_reads().identify().read().elapse(1).read().elapse(1).see(Resumed())
    back = walk.now
    proof = reads(walk.identify(), Power.OFF, Power.OFF).incident.proof
    assert proof is not None
    assert all(one.asked_at.since(back) >= 0 for one in proof.devices[0].readings)


def test_a12_after_a_pause_no_service_is_deleted_before_the_power_was_read_again() -> None:
    walk = Leaving().to_ordered()
    away(walk, 31.0)
    assert walk.survey().all(DeleteService) == []
    assert walk.off().all(DeleteService) != []


def test_a12_a_host_that_was_held_during_a_pause_is_fenced_when_that_is_ordered() -> None:
    walk = Walk(mode=Mode.OBSERVE).to_fencing().identify().look()
    assert walk.phase is Phase.HELD
    away(walk)
    walk.given(mode=Mode.FENCE).wait(1000.0).order(Order.FENCE)
    assert walk.identify().look().all(Cut) != []


def test_c1_a_restart_in_a_re_reading_behind_an_answered_put_gives_it_its_whole_time() -> None:
    walk = moving().put().elapse(31)
    assert walk.incident.marking.rereading_since is not None
    walk.wait(40).see(Resumed())
    assert walk.phase is FORCING
    walk.identify().prove_again()
    assert walk.flag().phase is Phase.EVACUATING


def test_a_moment_of_another_boot_is_older_than_any_pause() -> None:
    now = make.at(10)
    own = Ourselves(awake_at=now)
    other = Instant(make.OTHER_BOOT, 1e6, now.wall_s)
    assert make.context(0, own=own).anew(other) == now
