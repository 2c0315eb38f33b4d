"""Witnesses: a device of another level that sees the host on stands against a proof (B1, B5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.host import Mode
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import (
    Cut,
    Elapsed,
    ForceDown,
    Identified,
    Identify,
    Look,
    Read,
    Resumed,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.witness import ANSWERS, PATIENCE_S, witnesses
from tests.core import make
from tests.core.make import BMC, MANUAL, OTHER_UUID, PDU, SECOND_BMC, level
from tests.core.moving import Moving
from tests.core.walk import Walk

ILO = replace(SECOND_BMC, name="ilo", tells_host=True)
TWO = make.plan(level(BMC), level(ILO), MANUAL)
ITS = Identify(1, 1, "ilo")


def at_reads() -> Walk:
    """Cut the power by the first level: its device and the witness are to be asked."""
    return Walk(plan=TWO).to_reads()


def reads(walk: Walk, power: Power, witness: Power | None, seconds: int = 40) -> Walk:
    """Let the level's device and the witness say so, over and over; None: it says nothing."""
    first = walk.incident.tries
    for _ in range(seconds * 2):
        if walk.phase is not Phase.FENCING or walk.incident.tries != first:
            break
        walk.read(power, "bmc")
        if witness is not None:
            walk.identify().read(witness, "ilo")
        walk.elapse(0.5)
    return walk


def took_s(walk: Walk) -> float:
    """Return how long it has been since the gates were passed."""
    assert walk.attempt.go_at is not None
    return walk.now.since(walk.attempt.go_at)


def test_those_of_other_levels_that_tell_of_the_host_are_witnesses() -> None:
    plan = make.plan(level(BMC, ILO), level(PDU, replace(BMC, name="bmc-3", tells_host=True)))
    assert [one.name for one in witnesses(plan, 1)] == ["bmc-3"]
    assert [one.name for one in witnesses(plan, 2)] == ["ilo"]


def test_a_witness_is_first_asked_who_its_host_is_and_then_read_at_a_pace() -> None:
    walk = at_reads()
    assert walk.all(Identify) == [ITS]
    walk.identify()
    assert Read(1, 1, "ilo", 0) in walk.due
    walk.read(Power.ON, "ilo")
    assert not [effect for effect in walk.all(Read) if effect.device == "ilo"]
    walk.elapse(walk.context.policy.read_every_s)
    assert Read(1, 1, "ilo", 1) in walk.due


def test_b1_a_device_that_says_off_of_a_host_that_is_on_proves_nothing() -> None:
    walk = reads(at_reads(), Power.OFF, Power.ON)
    assert (walk.phase, walk.incident.proof) == (Phase.FENCING, None)
    text = "level 1, try 1: not off 30 s after the cut: ilo says that the power is on"
    assert text in [entry.text for entry in walk.incident.timeline]


def test_b1_a_witness_that_agrees_delays_nothing() -> None:
    walk = reads(at_reads(), Power.OFF, Power.OFF)
    assert (walk.phase, walk.incident.tries) == (Phase.FORCING_DOWN, 1)
    assert took_s(walk) < PATIENCE_S


def test_b1_what_the_witness_said_before_the_power_went_off_is_forgotten() -> None:
    walk = at_reads().identify().read(Power.ON)
    assert reads(walk.elapse(1), Power.OFF, Power.OFF).phase is Phase.FORCING_DOWN


def test_b1_silence_takes_back_no_on_that_was_read_beside_the_off() -> None:
    walk = reads(at_reads(), Power.OFF, Power.ON, seconds=2)
    walk = reads(walk, Power.OFF, Power.UNKNOWN)
    assert walk.incident.proof is None
    assert "ilo says that the power is on" in " ".join(one.text for one in walk.incident.timeline)


def test_b3_a_witness_that_said_on_before_the_off_and_died_with_it_is_no_contradiction() -> None:
    walk = at_reads().identify().read(Power.ON, "ilo").elapse(0.25)
    assert reads(walk, Power.OFF, Power.UNKNOWN).phase is Phase.FORCING_DOWN


def test_b3_a_witness_that_lost_power_with_the_host_is_not_waited_for_long() -> None:
    walk = reads(at_reads(), Power.OFF, None)
    assert walk.phase is Phase.FORCING_DOWN
    assert ANSWERS * ILO.answer_s <= took_s(walk) < ANSWERS * ILO.answer_s + 3


@pytest.mark.parametrize(("answer_s", "limit_s"), [(60.0, 121.0), (1.0, PATIENCE_S)])
def test_b3_two_of_its_answers_bound_the_wait_and_so_does_a_least_time(
    answer_s: float, limit_s: float
) -> None:
    plan = make.plan(level(BMC), level(replace(ILO, answer_s=answer_s)), MANUAL)
    walk = reads(Walk(plan=plan).to_reads(), Power.OFF, None, seconds=130)
    assert (walk.phase, walk.incident.tries) == (Phase.FORCING_DOWN, 1)
    assert limit_s <= took_s(walk) < limit_s + 2


def test_b1_a_slow_witness_that_errs_before_it_says_on_is_waited_for() -> None:
    walk = at_reads()
    while took_s(walk) < ANSWERS * ILO.answer_s - 3:
        walk.read(Power.OFF, "bmc").elapse(0.5)
        for effect in walk.all(Identify):
            walk.fail(effect)
        walk.read(Power.UNKNOWN, "ilo")
    assert (walk.phase, walk.incident.tries) == (Phase.FENCING, 1)
    assert reads(walk, Power.OFF, Power.ON).incident.proof is None


def test_b1_an_on_from_before_the_off_and_an_error_are_no_word_of_how_it_is_since() -> None:
    walk = at_reads().identify().read(Power.ON, "ilo").elapse(0.25)
    walk.read(Power.OFF, "bmc").elapse(1).read(Power.UNKNOWN, "ilo")
    walk = reads(walk, Power.OFF, None, seconds=4)
    assert (walk.phase, walk.incident.proof) == (Phase.FENCING, None)
    assert reads(walk, Power.OFF, Power.ON).incident.proof is None


@pytest.mark.parametrize("late_s", [1.0, 15.0, 29.0])
def test_b3_a_cut_that_is_answered_late_leaves_time_for_the_proof(late_s: float) -> None:
    """The witness was asked all the while, and has lost power with its host."""
    walk = Walk(plan=TWO).to_cut()
    (cut,) = walk.all(Cut)
    walk.elapse(late_s).answer_cut(cut)
    walk = reads(walk, Power.OFF, None)
    assert (walk.phase, walk.incident.tries) == (Phase.FORCING_DOWN, 1)


def test_b3_a_slow_level_s_witness_is_waited_for_when_it_can_first_be_off() -> None:
    slow = level(replace(BMC, slow_s=100.0))
    walk = Walk(plan=make.plan(slow, level(ILO), MANUAL)).to_reads().elapse(99)
    walk = reads(walk, Power.OFF, None, seconds=15)
    assert (walk.phase, walk.incident.tries) == (Phase.FENCING, 1)
    assert reads(walk, Power.OFF, None).phase is Phase.FORCING_DOWN


def test_a_witness_that_does_not_say_clearly_says_nothing() -> None:
    assert reads(at_reads(), Power.OFF, Power.UNKNOWN).phase is Phase.FORCING_DOWN


def test_a_witness_that_cannot_be_asked_says_nothing() -> None:
    walk = at_reads()
    walk.fail(walk.one(Identify))
    assert walk.all(Identify) == []
    assert reads(walk, Power.OFF, None).phase is Phase.FORCING_DOWN


def test_b5_a_witness_of_another_machine_contradicts_nothing() -> None:
    walk = at_reads()
    walk.see(Identified(walk.one(Identify), make.identity(OTHER_UUID)))
    assert not [effect for effect in walk.all(Read) if effect.device == "ilo"]
    assert reads(walk, Power.OFF, None).phase is Phase.FORCING_DOWN


def test_b5_an_outlet_that_feeds_another_machine_is_found_out() -> None:
    """The first level cannot be used; the second is off at once, and the host is not."""
    plan = make.plan(level(ILO), level(PDU), MANUAL)
    walk = Walk(plan=plan).to_fencing()
    while walk.attempt.level == 1:
        walk.identify().look().cut(Outcome.REFUSED).read(Power.ON).elapse(1)
    while walk.phase is Phase.FENCING:
        walk.identify()
        if walk.all(Look):
            walk.look()
        walk.cut().read(Power.OFF, "pdu").read(Power.ON, "ilo").elapse(0.25)
    assert (walk.phase, walk.gate, walk.incident.proof) == (Phase.HELD, "manual", None)
    told = [entry.text for entry in walk.incident.timeline]
    assert any("ilo says that the power is on" in text for text in told)


def evacuating() -> Moving:
    """Walk to where servers are evacuated, with a witness that agreed."""
    walk = Moving(plan=replace(TWO, mode=Mode.EVACUATE))
    walk.to_reads().identify().prove()
    walk.put()
    return walk.flag()


def test_b1_what_nova_compute_reports_counts_beside_a_witness_too() -> None:
    """A witness was never cut, so nothing is to be waited for at it."""
    walk = evacuating().elapse(10).flag(updated_s=1000.0)
    walk.elapse(10).flag(updated_s=1010.0)
    assert (walk.phase, walk.incident.proof) == (Phase.FENCING, None)
    assert "was heard alive although it was proven off" in walk.said


def test_b9_a_witness_that_sees_the_host_on_again_stops_everything() -> None:
    walk = evacuating().elapse(5)
    walk.read(Power.OFF).elapse(walk.context.policy.guard_every_s)
    assert (walk.phase, walk.incident.refences) == (Phase.EVACUATING, 0)
    walk.read(Power.ON, "ilo")
    assert (walk.phase, walk.incident.refences) == (Phase.FENCING, 1)
    assert walk.told[-1] is NoticeKind.ALARM


def test_b9_a_witness_of_another_machine_stops_nothing() -> None:
    walk = evacuating()
    ilo = replace(walk.attempt.device("ilo"), identity=make.identity(OTHER_UUID))
    walk.incident = replace(walk.incident, fencing=walk.attempt.put("ilo", ilo))
    walk.elapse(5)
    assert {effect.device for effect in walk.all(Read)} == {"bmc"}
    walk.read(Power.OFF).elapse(5)
    assert walk.phase is Phase.EVACUATING


def test_c1_after_a_restart_the_try_goes_on_although_no_witness_was_cut() -> None:
    walk = at_reads().identify().read(Power.ON).see(Resumed()).elapse(1)
    assert (walk.incident.tries, walk.all(Cut)) == (1, [])
    assert {effect.device for effect in walk.all(Identify)} == {"bmc", "ilo"}


def test_c1_after_a_restart_a_witness_is_waited_for_again() -> None:
    """What it said before is no word of how the host is since."""
    walk = at_reads().identify().read(Power.ON).elapse(PATIENCE_S + 1).see(Resumed())
    for _ in range(8):
        walk.wait(0.5)
        for effect in walk.all(Identify):
            if effect.device == "bmc":
                walk.see(Identified(effect, make.identity()))
        walk.read(Power.OFF, "bmc").see(Elapsed())
    assert walk.phase is Phase.FENCING
    walk.identify().read(Power.ON, "ilo")
    assert reads(walk, Power.OFF, Power.ON).incident.proof is None


# before the force-down


def forcing_down() -> Walk:
    """Walk to where the host is to be forced down, with a witness that agreed."""
    walk = reads(at_reads(), Power.OFF, Power.OFF)
    assert walk.phase is Phase.FORCING_DOWN
    return walk


def test_b9_a_witness_is_read_on_until_the_host_is_forced_down() -> None:
    walk = forcing_down().elapse(make.context().policy.guard_every_s)
    (effect,) = walk.all(Read)
    assert effect.device == "ilo"
    walk.answer_read(effect, Power.ON)
    assert (walk.phase, walk.incident.proof) == (Phase.FENCING, None)
    assert walk.all(ForceDown) == []
    assert walk.told[-1] is NoticeKind.ALARM


def test_b1_a_witness_is_asked_again_with_a_proof_that_grew_old() -> None:
    walk = forcing_down().elapse(make.context().policy.proof_age_s)
    assert {effect.device for effect in walk.all(Read)} == {"bmc", "ilo"}
    walk.read(Power.OFF, "bmc").read(Power.ON, "ilo")
    assert (walk.phase, walk.incident.refences) == (Phase.FENCING, 1)


def test_b1_an_old_proof_waits_for_a_witness_that_has_not_said_anything_yet() -> None:
    walk = forcing_down().elapse(make.context().policy.proof_age_s)
    for _ in range(4):
        walk.read(Power.OFF, "bmc").elapse(1)
    assert walk.incident.marking.rereading_since is not None
    walk.elapse(ANSWERS * ILO.answer_s - 3).read(Power.OFF, "bmc")
    assert walk.incident.marking.rereading_since is None
    assert walk.all(ForceDown) != []


def test_b9_what_a_witness_said_before_the_proof_stops_no_force_down() -> None:
    walk = at_reads().identify().read(Power.ON, "ilo").elapse(0.25)
    walk = reads(walk, Power.OFF, Power.OFF)
    assert (walk.phase, walk.elapse(1).phase) == (Phase.FORCING_DOWN, Phase.FORCING_DOWN)
