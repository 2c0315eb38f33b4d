"""What a step says to the audit: an intent before an effect, and its result after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.audit import Line, Part
from doctor_daemon.core.auditing import CUT_OFF, NOT_BEGUN, Done, audited, begun
from doctor_daemon.core.evacuation import Stuck
from doctor_daemon.core.gates import Act, verdicts
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.journal import Intent, Journal
from doctor_daemon.core.messages import (
    CHANGING,
    Crashed,
    Cut,
    CutEnded,
    Effect,
    Evacuate,
    EvacuateEnded,
    Failed,
    ForceDown,
    Look,
    Observation,
    Order,
    PutEnded,
    Refused,
    Wait,
)
from doctor_daemon.core.proof import DeviceProof
from doctor_daemon.core.release import Enable, EnableEnded, Lift, LiftEnded, SwitchedOn, SwitchOn
from doctor_daemon.core.retirement import DeleteService, ServiceDeleted
from doctor_daemon.core.tries import Outcome
from tests.core.make import (
    SERVICE,
    UUID,
    at,
    context,
    human_proof,
    identity,
    incident,
    off,
    ordered,
    power_proof,
)

CUT = Cut(1, 1, "bmc")
OTHER_CUT = Cut(1, 1, "pdu")
NAMED = {
    CUT: ("cut", "bmc, level 1, try 1"),
    ForceDown(2, SERVICE, disable=True): (
        "force_down",
        f"service {SERVICE}, and disable, request 2",
    ),
    ForceDown(2, SERVICE, disable=False): ("force_down", f"service {SERVICE}, alone, request 2"),
    Evacuate(ServerId("id-web"), 3): ("evacuate", "server id-web, attempt 3"),
    SwitchOn(4, 1, "bmc", UUID): ("switch_on", f"bmc, level 1, machine {UUID}, request 4"),
    Lift(5, SERVICE): ("lift", f"service {SERVICE}, request 5"),
    Enable(6, SERVICE): ("enable", f"service {SERVICE}, request 6"),
    DeleteService(7, SERVICE): ("delete", f"service {SERVICE}, request 7"),
}
"""Every effect that changes the world."""


def said(
    done: Done, before: Incident | None = None, seconds: float = 1
) -> tuple[Incident, tuple[Line, ...]]:
    return audited(before or incident(), done, context(seconds), 7)


def opened(*effects: Effect) -> Incident:
    """Return an incident in which these are to be done."""
    return said(Done(effects))[0]


def test_every_effect_that_changes_the_world_has_a_name() -> None:
    assert {type(effect) for effect in NAMED} == set(CHANGING)


@pytest.mark.parametrize(("effect", "name"), NAMED.items())
def test_i17_an_effect_that_is_wanted_is_said_before_it_is_done(
    effect: Effect, name: tuple[str, str]
) -> None:
    before = incident()
    after, (line,) = said(Done((Wait(at(9)), Look(1), effect)), before)
    assert after.journal == Journal(1, (Intent(1, *name),))
    assert begun(after.journal, effect)
    assert not begun(before.journal, effect)
    assert (line.id, line.part, line.at, line.term) == ("inc-1/1", Part.INTENT, at(1), 7)
    assert ((line.what, line.target), line.host, line.incident) == (name, "cmp-1", "inc-1")
    asked = verdicts(Act(line.what), before, context(1))
    assert line.gates == tuple(f"{gate.name}: {why or 'open'}" for gate, why in asked)
    assert line.evidence == (
        "alertmanager (alertmanager-kind) said down, 1 times, last at 1800000000.000",
    )
    assert line.cause == before.timeline[-1].text
    assert line.proof == ""


def test_i17_what_asks_and_waits_is_not_said() -> None:
    before = incident()
    assert said(Done((Wait(at(9)), Look(1)), (Look(1),)), before) == (before, ())


def test_an_effect_is_said_though_its_incident_has_no_line_yet() -> None:
    _, (line,) = said(Done((CUT,)), incident(timeline=()))
    assert line.cause == ""


def test_i17_an_intent_says_what_the_proof_was() -> None:
    part = DeviceProof("bmc", identity(), at(3), off(4, 5, 6))
    before = incident(proof=power_proof(6, devices=(part,)))
    _, (line,) = said(Done((ForceDown(1, SERVICE, disable=True),)), before)
    assert line.proof == (
        "power proof of try 1, taken at 1800000006.000, topology digest-1: "
        f"bmc, machine {UUID}, read off 3 times after its cut at 1800000003.000"
    )
    before = incident(proof=human_proof(6))
    _, (line,) = said(Done((ForceDown(1, SERVICE, disable=True),)), before)
    assert line.proof == ("human proof of try 1, taken at 1800000006.000, by ann: pulled the cable")


def test_i17_an_effect_is_said_once_however_often_it_is_wanted() -> None:
    after = opened(CUT)
    assert said(Done((CUT,)), after) == (after, ())  # it is still to be begun
    assert said(Done((CUT,), (CUT,)), after) == (after, ())
    assert said(Done((), (CUT,)), after) == (after, ())  # it goes on to its own end
    both, (line,) = said(Done((CUT, OTHER_CUT), (CUT,)), after)
    assert [intent.number for intent in both.journal.open] == [1, 2]
    assert line.target == "pdu, level 1, try 1"


ENDS: tuple[tuple[Effect, Observation], ...] = (
    (CUT, CutEnded(CUT, Outcome.ACCEPTED, "204", at(3))),
    *(
        (effect, PutEnded(effect, Outcome.REFUSED, "409", at(3)))
        for effect in NAMED
        if isinstance(effect, ForceDown)
    ),
    *(
        (effect, EvacuateEnded(effect, Outcome.UNKNOWN, "no answer", at(3)))
        for effect in NAMED
        if isinstance(effect, Evacuate)
    ),
    *(
        (effect, SwitchedOn(effect, Outcome.UNSENT, "another machine", at(3)))
        for effect in NAMED
        if isinstance(effect, SwitchOn)
    ),
    *(
        (effect, LiftEnded(effect, Outcome.FORBIDDEN, "403", at(3)))
        for effect in NAMED
        if isinstance(effect, Lift)
    ),
    *(
        (effect, EnableEnded(effect, Outcome.ACCEPTED, "200", at(3)))
        for effect in NAMED
        if isinstance(effect, Enable)
    ),
    *(
        (effect, ServiceDeleted(effect, Outcome.ACCEPTED, "204", at(3)))
        for effect in NAMED
        if isinstance(effect, DeleteService)
    ),
)


@pytest.mark.parametrize(("effect", "observation"), ENDS)
def test_i17_an_effect_that_has_ended_says_how(effect: Effect, observation: Observation) -> None:
    after, (line,) = said(Done(ended=((effect, observation),)), opened(effect), 3)
    assert after.journal == Journal(1)
    assert (line.id, line.part, line.at, line.term) == ("inc-1/1", Part.RESULT, at(3), 7)
    assert (line.what, line.target) == NAMED[effect]
    told = getattr(observation, "outcome", None), getattr(observation, "text", None)
    assert (line.outcome, line.text) == told
    assert (line.gates, line.evidence, line.cause) == ((), (), "")


@pytest.mark.parametrize(
    ("observation", "outcome", "text"),
    [
        (Refused(CUT, "armed", "disarmed by ben"), "unsent", "armed: disarmed by ben"),
        (Failed(CUT, "no route to host"), "unknown", "no route to host"),
        (Crashed("KeyError", CUT), "unknown", "KeyError"),
    ],
)
def test_i17_an_effect_that_was_not_answered_says_what_is_known(
    observation: Observation, outcome: str, text: str
) -> None:
    _, (line,) = said(Done(ended=((CUT, observation),)), opened(CUT))
    assert (line.outcome, line.text) == (outcome, text)


def test_i17_a_question_that_has_ended_says_nothing() -> None:
    before = opened(CUT)
    ended = ((Look(1), Failed(Look(1), "503")), (Wait(at(2)), Failed(Look(1), "503")))
    after, lines = said(Done((CUT,), ended=ended), before)
    assert lines == ()
    assert after is before, "and is not saved for that"


def test_i17_what_ends_after_the_incident_has_gone_on_is_said_all_the_same() -> None:
    before = opened(CUT)
    later, lines = said(Done((OTHER_CUT,), (CUT,)), before)
    assert [line.part for line in lines] == [Part.INTENT]
    ended = ((CUT, CutEnded(CUT, Outcome.ACCEPTED, "204", at(3))),)
    after, (line,) = said(Done((OTHER_CUT,), (OTHER_CUT,), ended), later)
    assert (line.id, line.part, line.outcome) == ("inc-1/1", Part.RESULT, "accepted")
    assert [intent.number for intent in after.journal.open] == [2]


def test_i17_what_is_not_wanted_any_more_before_it_was_begun_was_not_done() -> None:
    after, (line,) = said(Done(), opened(CUT))
    assert after.journal == Journal(1)
    assert (line.id, line.part, line.outcome) == ("inc-1/1", Part.RESULT, "unsent")
    assert line.text == NOT_BEGUN


def test_i17_what_an_earlier_daemon_had_begun_is_not_known_and_is_another_record() -> None:
    after, (result, intent) = said(Done((CUT,), resumed=True), opened(CUT))
    assert (result.id, result.part, result.outcome) == ("inc-1/1", Part.RESULT, "unknown")
    assert result.text == CUT_OFF
    assert (intent.id, intent.part, intent.target) == ("inc-1/2", Part.INTENT, result.target)
    assert after.journal == Journal(2, (Intent(2, *NAMED[CUT]),))


def test_i17_the_same_effect_once_more_is_another_record() -> None:
    ended = ((CUT, Refused(CUT, "armed", "disarmed")),)
    after, lines = said(Done((CUT,), ended=ended), opened(CUT))
    assert [(line.id, line.part) for line in lines] == [
        ("inc-1/1", Part.RESULT),
        ("inc-1/2", Part.INTENT),
    ]
    assert begun(after.journal, CUT)


def test_i17_an_order_is_said_with_who_and_why() -> None:
    release = replace(
        ordered(Order.RELEASE, 1), accept=(Stuck(17, "cmp-2"), Stuck(18, "")), until=at(60)
    )
    after, (first, second) = said(Done(orders=(ordered(Order.FENCE, 0.5), release)), seconds=2)
    assert after.journal == Journal(2)
    assert (first.id, first.part, first.what) == ("inc-1/1", Part.ORDER, "fence")
    assert (first.by, first.cause, first.at, first.text) == (
        "ann",
        "because I looked",
        at(0.5),
        "",
    )
    assert (second.id, second.what) == ("inc-1/2", "release")
    assert second.text == "vouches for 17@cmp-2, 18; it holds until 1800000060"


def test_an_order_that_changes_nothing_is_said_too() -> None:
    before = incident()
    after, lines = said(Done(orders=(ordered(Order.DISMISS),)), before)
    assert len(lines) == 1
    assert replace(after, journal=before.journal) == before
