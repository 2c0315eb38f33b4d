"""Forcing down: one PUT, decided on a fresh look, and believed only when it is read back."""

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.messages import ForceDown, Look, PutEnded, Read
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.tries import Outcome
from tests.core.make import SERVICE, human_proof, incident, maintenance, plan, sighting
from tests.core.walk import Walk

PATIENT = replace(Policy(), progress_s=1e6, proof_age_s=1e6)
"""A policy under which neither the proof nor the phase grows old."""

THERE = {"state": "down", "forced_down": True, "status": "disabled"}


# the PUT


def test_one_put_forces_down_and_disables() -> None:
    walk = Walk().to_proof()
    assert walk.all(ForceDown) == [ForceDown(1, SERVICE, disable=True)]
    assert walk.incident.marking.number == 1
    assert walk.all(Look) == []


@pytest.mark.parametrize(("waited_s", "fresh"), [(0, True), (5, True), (5.25, False)])
def test_the_put_is_decided_on_a_fresh_look(waited_s: float, *, fresh: bool) -> None:
    sure = incident(phase=Phase.FORCING_DOWN, proof=human_proof(), sighting=sighting(0))
    walk = Walk(sure).elapse(waited_s)
    assert (walk.all(ForceDown) != []) is fresh
    assert (walk.all(Look) != []) is not fresh


def test_a_put_needs_a_look_that_is_fresh() -> None:
    walk = Walk(policy=replace(Policy(), off_hold_s=5.25, off_reads=2)).to_proof()
    assert (walk.all(ForceDown), walk.all(Look)) == ([], [Look(1)])
    assert walk.look().all(ForceDown) != []


def test_i18_a_foreign_disable_keeps_its_reason() -> None:
    walk = Walk(reserved=frozenset({"ticket 7"})).to_fencing().identify()
    walk.look(status="disabled", reason="ticket 7").cut().prove()
    assert walk.all(ForceDown) == [ForceDown(1, SERVICE, disable=False)]
    walk.put().look(state="down", forced_down=True, status="disabled", reason="ticket 7")
    assert walk.phase is Phase.DOWN
    assert walk.said == (
        "Nova has it forced down; somebody else had disabled it: their reason is kept (read back)"
    )


def test_c4_a_foreign_flag_is_no_proof() -> None:
    walk = Walk(reserved=frozenset({""})).to_fencing().identify().look(**THERE)
    assert walk.phase is Phase.FENCING
    assert walk.cut().phase is Phase.FENCING


def test_c4_a_foreign_flag_is_left_as_it_is() -> None:
    walk = Walk(reserved=frozenset({""})).to_fencing().identify().look(**THERE).cut().prove()
    assert walk.phase is Phase.DOWN
    assert walk.said == "somebody else had forced it down already: left as it is (read back)"
    assert walk.incident.marking.number == 0
    assert walk.incident.marking.foreign_flag


def test_a_flag_that_nova_does_not_act_upon_yet_is_put_all_the_same() -> None:
    walk = Walk().to_fencing().identify().look(forced_down=True, state="up").cut().prove()
    assert walk.all(ForceDown) == [ForceDown(1, SERVICE, disable=True)]
    walk.put().look(**THERE)
    assert walk.said == "somebody else had forced it down already: left as it is (read back)"


# reading back


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.UNKNOWN])
def test_c5_a_put_is_believed_only_when_it_is_read_back(outcome: Outcome) -> None:
    walk = Walk().to_proof().put(outcome)
    assert walk.phase is Phase.FORCING_DOWN
    assert walk.said == f"force-down {outcome}: 200"
    assert (walk.all(ForceDown), walk.all(Look)) == ([], [Look(1)])
    assert walk.look(**THERE).phase is Phase.DOWN
    assert walk.said == "Nova has it forced down and disabled (read back)"


def test_a_flag_without_the_status_is_enough_and_is_said_to_be_just_that() -> None:
    walk = Walk().to_proof().put(Outcome.ACCEPTED).look(state="down", forced_down=True)
    assert walk.phase is Phase.DOWN
    assert walk.said == "Nova has it forced down, and not disabled (read back)"


def test_c5_a_look_from_before_the_end_of_the_put_reads_nothing_back() -> None:
    walk = Walk().to_proof().elapse(1)
    effect = walk.one(ForceDown)
    walk.wait(1).see(PutEnded(effect, Outcome.ACCEPTED, "200", walk.now))
    assert walk.all(Look) == [Look(1)]
    assert walk.look(asked_at=walk.now.plus(-0.25), **THERE).phase is Phase.FORCING_DOWN
    assert walk.look(**THERE).phase is Phase.DOWN


@pytest.mark.parametrize(
    "found", [{}, {"state": "down", "status": "disabled"}, {"state": "up", "forced_down": True}]
)
def test_c5_a_put_that_is_not_there_is_done_again_with_another_number(
    found: dict[str, object],
) -> None:
    walk = Walk().to_proof().put().look(**found)
    assert walk.said == "the force-down is not there when read back"
    assert walk.waits == [1.0, 899.75, 29.75]
    walk.elapse(1)
    assert [effect.number for effect in walk.all(ForceDown)] == [2]


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNSENT])
def test_c5_a_put_that_did_nothing_is_done_again_later(outcome: Outcome) -> None:
    walk = Walk().to_proof().put(outcome)
    assert walk.said == f"force-down {outcome}: 200"
    assert (walk.all(ForceDown), walk.waits) == ([], [1.0, 899.75, 29.75])
    walk.elapse(0.75)
    assert walk.all(ForceDown) == []
    walk.elapse(0.25)
    assert [effect.number for effect in walk.all(ForceDown)] == [2]


def test_i18_what_was_before_the_first_put_is_what_counts_as_foreign() -> None:
    walk = Walk().to_proof().put(Outcome.UNKNOWN).look(status="disabled").elapse(1)
    assert walk.all(ForceDown) == [ForceDown(2, SERVICE, disable=False)]
    walk.put().look(**THERE)
    assert "their reason is kept" in walk.said


@pytest.mark.parametrize(("failures", "phase"), [(19, Phase.FORCING_DOWN), (20, Phase.HELD)])
def test_c5_a_nova_that_never_takes_it_asks_for_a_human(failures: int, phase: Phase) -> None:
    walk = Walk(policy=PATIENT).to_proof()
    for number in range(1, failures + 1):
        assert walk.one(ForceDown).number == number
        walk.put(Outcome.REFUSED)
        if walk.phase is Phase.FORCING_DOWN:
            walk.elapse(30).look()
    assert walk.phase is phase
    if phase is Phase.HELD:
        assert walk.gate == "nova"
        assert "does not take the force-down of cmp-1" in walk.said


@pytest.mark.parametrize(("failures", "phase"), [(19, Phase.FORCING_DOWN), (20, Phase.HELD)])
def test_c5_a_nova_that_cannot_be_read_asks_for_a_human(failures: int, phase: Phase) -> None:
    walk = Walk(policy=PATIENT).to_proof().put()
    for _ in range(failures):
        walk.fail(walk.one(Look), "503").elapse(30)
    assert walk.phase is phase
    if phase is Phase.HELD:
        assert walk.gate == "nova"


# late answers


def test_the_answer_of_another_put_means_nothing() -> None:
    walk = Walk().to_proof()
    before = walk.incident
    for number in (0, 2):
        effect = ForceDown(number, SERVICE, disable=True)
        walk.see(PutEnded(effect, Outcome.ACCEPTED, "200", walk.now))
    assert walk.incident is before


def test_a_second_answer_of_the_same_put_means_nothing() -> None:
    walk = Walk().to_proof()
    effect = walk.one(ForceDown)
    walk.put()
    before = walk.incident
    walk.see(PutEnded(effect, Outcome.REFUSED, "409", walk.now))
    assert walk.incident is before


@pytest.mark.parametrize("outcome", Outcome)
def test_a_put_that_ends_after_the_incident_was_held_is_recorded(outcome: Outcome) -> None:
    walk = Walk().to_proof()
    effect = walk.one(ForceDown)
    walk.elapse(900)
    assert (walk.phase, walk.gate) == (Phase.HELD, "progress")
    walk.see(PutEnded(effect, outcome, "at last", walk.now))
    assert walk.phase is Phase.HELD
    assert walk.said == f"force-down {outcome}: at last"
    assert walk.incident.marking.put is outcome


# gates just before the PUT


@pytest.mark.parametrize(
    ("world", "gate"),
    [
        ({"armed": Armed(on=False, by="ben", why="storage")}, "armed"),
        ({"maintenance": maintenance(1e6)}, "maintenance"),
        ({"plan": plan(known=False)}, "inventory"),
    ],
)
def test_i15_a_gate_that_was_shut_before_the_put_holds(world: dict[str, object], gate: str) -> None:
    walk = Walk().to_proof()
    walk.given(**world).refuse(walk.one(ForceDown), gate)
    assert (walk.phase, walk.gate) == (Phase.HELD, gate)


def test_c9_a_proof_that_grew_old_before_the_put_is_taken_again() -> None:
    walk = Walk().to_proof()
    effect = walk.one(ForceDown)
    walk.wait(30).refuse(effect, "proof", "the proof is too old")
    assert walk.phase is Phase.FORCING_DOWN
    assert [entry.text for entry in walk.incident.timeline[-2:]] == [
        "the proof is too old",
        "the proof has grown old: reading the power again",
    ]
    assert walk.elapse(1).all(Read) != []


def test_a_gate_that_was_shut_and_is_open_again_counts_as_one_failure() -> None:
    walk = Walk().to_proof()
    walk.refuse(walk.one(ForceDown), "maintenance", "new memory")
    assert (walk.phase, walk.said) == (Phase.FORCING_DOWN, "new memory")
    assert (walk.incident.marking.number, walk.incident.marking.failures) == (2, 1)


def test_the_refusal_of_another_put_means_nothing() -> None:
    walk = Walk().to_proof()
    before = walk.incident
    walk.given(armed=Armed()).refuse(ForceDown(2, SERVICE, disable=True), "armed")
    assert walk.incident is before


def test_the_refusal_of_a_put_outside_forcing_down_means_nothing() -> None:
    walk = Walk(incident())
    before = walk.incident
    walk.refuse(ForceDown(0, "", disable=True), "armed")
    assert walk.incident is before
