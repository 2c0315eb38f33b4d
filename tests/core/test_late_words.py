"""Words that come late, or are old: a witness's ON is lost by nothing but another word of its."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.messages import (
    Cut,
    Effect,
    ForceDown,
    Identified,
    Identify,
    Inspect,
    Look,
    PutEnded,
    Read,
    Resumed,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from tests.core import make
from tests.core.make import BMC, MANUAL, level
from tests.core.moving import Moving
from tests.core.test_paused import away, moving
from tests.core.test_witness import ILO, TWO, at_reads, reads
from tests.core.walk import Walk

FORCING = Phase.FORCING_DOWN
PATIENCE_S = 2 * ILO.answer_s + 1


# a reboot


def without_witness(walk: Walk, seconds: float) -> Walk:
    """Let everybody answer but the witness, who does not even say who its host is."""
    for _ in range(int(seconds * 2)):
        for effect in walk.all(Identify):
            if effect.device != ILO.name:
                walk.see(Identified(effect, make.identity()))
        walk.read(Power.OFF, "bmc")
        if isinstance(walk, Moving) and walk.phase is Phase.EVACUATING:
            walk.see_flag()
            if walk.all(Inspect):
                walk.inspect()
        elif walk.all(Look):
            walk.look()
        walk.elapse(0.5)
    return walk


def test_b1_after_a_reboot_in_an_evacuation_a_witness_has_its_whole_time() -> None:
    walk = moving().put().flag()
    assert walk.phase is Phase.EVACUATING
    before = walk.reboot().incident.proof
    without_witness(walk, PATIENCE_S - 3)
    assert walk.incident.proof is before
    assert refused(Act.EVACUATE, walk.incident, walk.context) is not None
    without_witness(walk, 6)
    assert walk.incident.proof is not before


def test_b1_after_a_reboot_before_the_force_down_a_witness_has_its_whole_time() -> None:
    walk = moving()
    walk.reboot()
    without_witness(walk, PATIENCE_S - 3)
    assert walk.all(ForceDown) == []
    assert walk.incident.marking.rereading_since is not None
    without_witness(walk, 6)
    assert walk.all(ForceDown) != []


# a kill


def test_c1_on_that_a_witness_has_said_is_saved() -> None:
    walk = at_reads().identify().read(Power.OFF, "bmc").elapse(1).read(Power.OFF, "bmc")
    saved = walk.incident
    walk.elapse(1).read(Power.OFF, "bmc")
    assert not walk.incident.owes(saved)
    walk.read(Power.ON, "ilo")
    assert walk.incident.owes(saved)
    saved = walk.incident
    walk.elapse(1).read(Power.UNKNOWN, "ilo")
    assert not walk.incident.owes(saved)
    walk.elapse(1).see(Resumed()).identify()
    assert reads(walk, Power.OFF, Power.UNKNOWN).incident.proof is None


def test_c1_on_that_a_witness_has_taken_back_is_saved_too() -> None:
    walk = at_reads().identify().read(Power.OFF, "bmc").elapse(1).read(Power.ON, "ilo")
    saved = walk.incident
    walk.elapse(1).read(Power.OFF, "ilo")
    assert walk.incident.owes(saved)


# its own ON, long ago


def test_b1_off_of_a_witness_from_before_the_level_said_on_stays_no_word() -> None:
    walk = Walk(plan=TWO).to_cut()
    (cut,) = walk.all(Cut)
    walk.elapse(1).answer_cut(cut).identify().read(Power.OFF, "ilo")
    walk.elapse(0.25).read(Power.ON, "bmc").elapse(1).read(Power.UNKNOWN, "ilo")
    began = walk.now
    while walk.phase is Phase.FENCING:
        walk.read(Power.OFF, "bmc").elapse(0.5)
    assert walk.now.since(began) >= PATIENCE_S


# a reading again


def slow(how: str) -> tuple[Walk, Effect]:
    """Walk to a proof; a witness was asked before it, and is still to answer."""
    ilo = replace(ILO, answer_s=60.0) if how == "age" else ILO
    walk = Walk(plan=make.plan(level(BMC), level(ilo), MANUAL)).to_reads().identify()
    while walk.phase is Phase.FENCING:
        walk.read(Power.OFF, "bmc").elapse(0.5)
        if walk.all(Look):
            walk.look()
    (out,) = [effect for effect in walk.all(Read) if effect.device == "ilo"]
    assert walk.phase is FORCING
    return walk, out


@pytest.mark.parametrize("how", ["pause", "age"])
def test_b9_on_that_was_asked_for_before_a_proof_is_heard_while_it_is_read_again(how: str) -> None:
    walk, out = slow(how)
    proof = walk.incident.proof
    assert proof is not None
    asked_at = proof.taken_at.plus(-5)
    if how == "pause":
        away(walk, 3.0)
    else:
        walk.elapse(31)
    assert walk.incident.marking.rereading_since is not None
    assert isinstance(out, Read)
    walk.answer_read(out, Power.ON, asked_s=asked_at.since(walk.now))
    assert walk.phase is Phase.FENCING


def test_b9_a_witness_has_its_time_at_each_reading_again() -> None:
    walk, _ = slow("pause")
    walk.elapse(30)
    began = walk.now
    while walk.incident.marking.rereading_since is not None:
        walk.read(Power.OFF, "bmc").elapse(0.5)
    assert walk.now.since(began) >= PATIENCE_S - 1


def test_b9_a_force_down_that_is_refused_takes_no_time_from_a_reading_again() -> None:
    walk, _ = slow("pause")
    put = walk.one(ForceDown)
    walk.elapse(30)
    since = walk.incident.marking.rereading_since
    assert since is not None
    walk.see(PutEnded(put, Outcome.REFUSED, "503", walk.now))
    assert (walk.incident.marking.number, walk.incident.marking.rereading_since) == (2, since)


def test_b9_a_witness_that_was_silent_at_the_proof_keeps_no_evacuation_waiting() -> None:
    walk = moving().elapse(25).put().flag()
    assert walk.phase is Phase.EVACUATING
    proof = walk.incident.proof
    without_witness(walk, 5)
    assert walk.incident.proof is not proof


# reports to Nova


def report(walk: Walk, at_s: float) -> Walk:
    return walk.look(updated_s=1000.0 + at_s) if walk.all(Look) else walk


def test_b4_reports_while_nova_takes_no_force_down_are_a_sign_of_life() -> None:
    walk = Walk().to_reads().elapse(1)
    walk.read().look().elapse(1).prove()
    for n in range(1, 4):
        if walk.phase is not FORCING:
            break
        report(walk, 10.0 * n)
        if walk.all(ForceDown):
            walk.put(Outcome.UNSENT)
        walk.elapse(5)
    assert walk.phase is not FORCING
    said = [entry.text for entry in walk.incident.timeline]
    assert any("nova-compute has reported in" in text for text in said)


@pytest.mark.parametrize("how", ["answered", "crash", "reboot", "pause"])
def test_b4_reports_in_an_evacuation_are_a_sign_of_life_however_the_put_ended(how: str) -> None:
    walk = Moving("web", "db").to_proof()
    assert walk.all(ForceDown)
    match how:
        case "answered":
            walk.put()
        case "crash":
            walk.wait(2).see(Resumed())
        case "reboot":
            walk.reboot()
        case _:
            away(walk)
    while walk.incident.marking.rereading_since is not None:
        walk.identify().read(Power.OFF).elapse(1)
    assert walk.flag().phase is Phase.EVACUATING
    for n in range(60):
        if walk.phase is not Phase.EVACUATING:
            break
        walk.identify().read(Power.OFF)
        if walk.all(Look):
            walk.flag(updated_s=1001.0 + n)
        walk.elapse(1)
    assert walk.phase is Phase.HELD or walk.incident.tries == 2
