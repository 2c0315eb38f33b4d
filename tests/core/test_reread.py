"""A proof that grows old, or is contradicted, before Nova has the host forced down."""

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.messages import ForceDown, Look, Order, Read
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome, Try
from tests.core.make import (
    BMC,
    MANUAL,
    PDU,
    at,
    human_proof,
    incident,
    level,
    plan,
    power_proof,
    reading,
)
from tests.core.walk import Walk

ON, OFF, UNKNOWN = Power.ON, Power.OFF, Power.UNKNOWN
OLD = "the proof has grown old: reading the power again"


def by_hand(lasts_s: float = 600) -> Walk:
    """Walk to where a human has confirmed that the host is off."""
    return Walk(plan=plan(MANUAL)).to_fencing().order(Order.CONFIRM_OFF, lasts_s)


# growing old


def test_c9_a_power_proof_is_taken_again_when_it_has_grown_old() -> None:
    walk = Walk().to_proof().elapse(29.75)
    assert walk.incident.marking.rereading_since is None
    walk.elapse(0.25)
    assert (walk.said, walk.all(ForceDown)) == (OLD, [])
    assert walk.all(Read) == [Read(1, 1, "bmc", 3)]  # its number goes on


def test_c9_it_takes_as_many_reads_as_the_first_time() -> None:
    walk = Walk().to_reread()
    first = walk.incident.proof
    walk.read().elapse(1).read().elapse(1)
    assert walk.incident.proof is first
    walk.read()
    assert walk.said == "still proven off"
    assert walk.incident.marking.rereading_since is None
    assert walk.incident.proof is not None
    assert walk.incident.proof.taken_at == walk.now
    assert walk.all(ForceDown) != []


def test_c9_a_read_that_was_asked_for_before_does_not_count() -> None:
    walk = Walk().to_reread()
    first = walk.one(Read)
    walk.answer_read(first, OFF, asked_s=-0.25).elapse(1).read().elapse(1).read()
    assert walk.said == OLD
    assert walk.elapse(1).read().said == "still proven off"


@pytest.mark.parametrize(("waited_s", "phase"), [(29.75, Phase.FORCING_DOWN), (30, Phase.HELD)])
def test_b2_a_proof_that_cannot_be_read_again_in_time_asks_for_a_human(
    waited_s: float, phase: Phase
) -> None:
    walk = Walk().to_reread().read(UNKNOWN).elapse(waited_s)
    assert walk.phase is phase
    if phase is Phase.HELD:
        assert walk.gate == "proof"
        assert walk.said.startswith("held: the power of cmp-1 could not be read again in time")


def test_c9_while_nova_is_left_in_peace_a_proof_that_grows_old_is_read_again() -> None:
    """The pause between two force-downs may be longer than a proof stands."""
    walk = Walk(policy=Policy(backoff_s=120.0, backoff_max_s=120.0)).to_proof().elapse(28)
    walk.put(Outcome.UNSENT).elapse(4)
    assert (walk.said, walk.all(ForceDown), walk.all(Look)) == (OLD, [], [])
    walk.prove_again()
    assert walk.said == "still proven off"
    for _ in range(110):
        walk.elapse(1).read()
    assert (walk.phase, walk.all(Look)) == (Phase.FORCING_DOWN, [])
    walk.elapse(10).prove_again()
    assert walk.look().phase is Phase.FORCING_DOWN
    assert walk.all(ForceDown) != []


def test_a_device_that_is_gone_cannot_be_read_again() -> None:
    walk = Walk().to_reread().given(plan=plan(levels=())).elapse(1)
    assert (walk.phase, walk.gate) == (Phase.HELD, "proof")


def test_a_changed_topology_voids_a_power_proof() -> None:
    walk = Walk().to_proof().given(plan=plan(level(PDU), digest="digest-2")).elapse(1)
    assert walk.phase is Phase.FENCING
    assert (walk.incident.proof, walk.attempt.digest) == (None, "digest-2")
    assert walk.incident.timeline[-1].text == "the power devices were changed: proof void"


# power that comes back


def test_b9_power_that_is_seen_on_again_is_fenced_again() -> None:
    walk = Walk().to_reread().read(OFF).elapse(1).read(ON)
    assert walk.phase is Phase.FENCING
    assert walk.said == "ALARM: the power is on again after the proof: fencing again"
    assert (walk.incident.proof, walk.incident.refences) == (None, 1)
    assert not walk.incident.charged
    assert (walk.attempt.level, walk.attempt.nth) == (1, 1)


def test_b9_forcing_down_begins_anew_after_another_round() -> None:
    walk = Walk().to_reread().read(ON).identify().look().cut().prove()
    assert walk.phase is Phase.FORCING_DOWN
    assert [effect.number for effect in walk.all(ForceDown)] == [2]


def test_b9_one_device_that_sees_it_on_is_enough() -> None:
    walk = Walk(plan=plan(level(BMC, PDU))).to_proof().elapse(30)
    assert walk.read(OFF, "bmc").read(ON, "pdu").phase is Phase.FENCING


def test_b9_on_in_between_is_not_forgotten() -> None:
    seen = Walk().to_reread().read(UNKNOWN)
    answer = seen.attempt.device("bmc").read(reading(ON, 50)).read(reading(OFF, 50.25))
    seen.incident = replace(seen.incident, fencing=seen.attempt.put("bmc", answer))
    assert seen.elapse(1).phase is Phase.FENCING


def test_b9_each_round_is_charged_and_after_some_a_human_is_asked() -> None:
    walk = Walk().to_fencing()
    for round_ in (1, 2):
        walk.identify().look().cut().prove().elapse(30).read(ON)
        assert (walk.phase, len(walk.incident.charges)) == (Phase.FENCING, round_)
    walk.identify().look().cut().prove().elapse(30).read(ON)
    assert (walk.phase, walk.gate) == (Phase.HELD, "power")
    assert walk.said.startswith("held: the power of cmp-1 came back 3 times after the proof")
    assert len(walk.incident.charges) == 3
    assert walk.incident.marking.rereading_since is None


def test_b9_power_that_comes_back_keeps_the_put_that_was_sent() -> None:
    walk = Walk().to_proof().put(Outcome.UNKNOWN).elapse(30).read(ON)
    assert walk.incident.marking.put is Outcome.UNKNOWN
    ours = "doctor-daemon:inc-1: it failed"
    there = {"state": "down", "forced_down": True, "status": "disabled", "reason": ours}
    walk.identify().look(**there).cut().prove()
    assert walk.phase is Phase.DOWN
    assert walk.said == "Nova has it forced down and disabled (read back)"


# life after the proof


def test_i14_life_after_the_proof_voids_it_and_the_next_level_is_tried() -> None:
    walk = Walk(plan=plan(level(BMC), level(PDU))).to_proof().hear(verdict=Verdict.UP)
    assert walk.phase is Phase.FENCING
    assert (walk.incident.proof, walk.attempt.level) == (None, 2)
    assert walk.incident.timeline[-1].text == (
        "cmp-1 was heard alive although it was proven off: the proof is void"
    )


def test_i14_life_at_the_very_moment_of_the_cut_contradicts_too() -> None:
    walk = Walk().to_proof()
    began = walk.attempt.go_at
    walk.incident = replace(walk.incident, life_at=began)
    assert walk.elapse(1).phase is Phase.HELD
    walk = Walk().to_proof()
    assert began is not None
    walk.incident = replace(walk.incident, life_at=began.plus(-0.25))
    assert walk.elapse(1).phase is Phase.FORCING_DOWN


def test_d6_life_after_a_humans_word_asks_the_human_again() -> None:
    walk = by_hand().wait(1).hear(verdict=Verdict.UP)
    assert (walk.phase, walk.gate) == (Phase.HELD, "proof")
    assert "heard alive although it was proven off" in walk.said


def test_d6_life_before_a_humans_word_does_not_contradict_it() -> None:
    walk = Walk(plan=plan(level(BMC), MANUAL)).to_reads().hear(verdict=Verdict.UP)
    assert walk.gate == "manual"
    assert walk.order(Order.CONFIRM_OFF, 600).phase is Phase.FORCING_DOWN


@pytest.mark.parametrize(("life_s", "phase"), [(4, Phase.FORCING_DOWN), (5, Phase.HELD)])
def test_d6_a_humans_word_speaks_for_its_own_moment_whatever_was_cut_before(
    life_s: float, phase: Phase
) -> None:
    cut = Try(1, 1, 1, "digest-1", at(0), go_at=at(1))
    sure = incident(phase=Phase.FORCING_DOWN, proof=human_proof(5), fencing=cut)
    walk = Walk(replace(sure, life_at=at(life_s))).elapse(6)
    assert walk.phase is phase
    if phase is Phase.HELD:
        assert walk.gate == "proof"


def test_a_proof_without_a_try_cannot_be_read_again() -> None:
    bare = incident(phase=Phase.FORCING_DOWN, proof=power_proof())
    assert Walk(bare).elapse(30).gate == "proof"
    alive = replace(bare, life_at=at(1))
    assert Walk(alive).elapse(2).gate == "proof"
    read = replace(bare.marking, rereading_since=at(0))
    assert Walk(replace(bare, marking=read)).elapse(1).gate == "proof"


def test_i6_forcing_down_without_a_proof_is_held() -> None:
    walk = Walk(incident(phase=Phase.FORCING_DOWN)).elapse(1)
    assert walk.said.startswith("held: there is no proof that the host is off")


# a human's word


@pytest.mark.parametrize(("waited_s", "phase"), [(59.75, Phase.FORCING_DOWN), (60, Phase.HELD)])
def test_d6_a_humans_word_ends_when_it_was_said_to_end(waited_s: float, phase: Phase) -> None:
    walk = by_hand(60).elapse(waited_s)
    assert walk.phase is phase
    if phase is Phase.HELD:
        assert walk.said.startswith("held: ann's word that cmp-1 is off has expired")


def test_d6_a_humans_word_forces_down_like_any_proof() -> None:
    walk = by_hand()
    assert walk.all(Look) == [Look(0)]
    walk.look().put().look(state="down", forced_down=True, status="disabled")
    assert walk.phase is Phase.DOWN


def test_d6_a_changed_topology_does_not_touch_a_humans_word() -> None:
    walk = by_hand().given(plan=plan(level(PDU), digest="digest-2")).elapse(1)
    assert walk.phase is Phase.FORCING_DOWN


def test_the_shipped_proof_is_thirty_seconds_old_at_most() -> None:
    assert Policy().proof_age_s == 30


def test_b9_who_may_not_be_cut_again_is_held_with_both_reasons() -> None:
    walk = Walk().to_reread().read(ON).given(armed=Armed(on=False)).identify().look()
    assert (walk.phase, walk.gate) == (Phase.HELD, "armed")
    told = "held: the power came back after the proof, and it is not cut again: "
    assert walk.said.startswith(told)
