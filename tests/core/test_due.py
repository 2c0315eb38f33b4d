"""What is due: in which order, at which pace, and always for later."""

from dataclasses import replace

import pytest

from doctor_daemon.core.due import due
from doctor_daemon.core.evidence import Trust
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import (
    CANCELLABLE,
    CHANGING,
    Cut,
    Effect,
    Evacuate,
    Follow,
    ForceDown,
    Identify,
    Inspect,
    ListServers,
    Look,
    Order,
    Read,
    Wait,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Closing, Enable, Lift, SwitchOn
from doctor_daemon.core.retirement import DeleteService, Survey
from doctor_daemon.core.tries import DeviceTry, Outcome, Try
from tests.core.make import (
    BMC,
    MANUAL,
    PDU,
    SERVICE,
    UUID,
    at,
    context,
    evidence,
    identity,
    incident,
    level,
    plan,
    power_proof,
    sighting,
)
from tests.core.walk import Walk, Way

ON, OFF, UNKNOWN = Power.ON, Power.OFF, Power.UNKNOWN
TWO = plan(level(BMC, PDU))


# identity


EFFECTS: list[tuple[Effect, Effect]] = [
    (Wait(at(1)), Wait(at(2))),
    (Look(1), Look(2)),
    (Identify(1, 1, "bmc"), Identify(2, 1, "bmc")),
    (Cut(1, 1, "bmc"), Cut(1, 1, "pdu")),
    (Read(1, 1, "bmc", 1), Read(1, 1, "bmc", 2)),
    (ForceDown(1, SERVICE, disable=True), ForceDown(2, SERVICE, disable=True)),
    (ListServers(1), ListServers(2)),
    (Inspect(1), Inspect(2)),
    (Evacuate(ServerId("id-web"), 1), Evacuate(ServerId("id-web"), 2)),
    (Follow(1), Follow(2)),
    (SwitchOn(1, 1, "bmc", UUID), SwitchOn(1, 1, "pdu", UUID)),
    (Lift(1, SERVICE), Lift(2, SERVICE)),
    (Enable(1, SERVICE), Enable(2, SERVICE)),
    (Survey(1), Survey(2)),
    (DeleteService(1, SERVICE), DeleteService(2, SERVICE)),
]


@pytest.mark.parametrize(("one", "other"), EFFECTS, ids=lambda effect: type(effect).__name__)
def test_an_effect_is_what_its_fields_say(one: Effect, other: Effect) -> None:
    assert one == replace(one)
    assert hash(one) == hash(replace(one))
    assert one != other


def test_every_effect_either_changes_the_world_or_may_be_cancelled() -> None:
    kinds = {type(effect) for effect, _ in EFFECTS}
    assert kinds == {*CANCELLABLE, *CHANGING}
    assert not {*CANCELLABLE} & {*CHANGING}
    assert {*CHANGING} == {Cut, ForceDown, Evacuate, SwitchOn, Lift, Enable, DeleteService}


def test_effects_of_different_kinds_are_never_the_same_one() -> None:
    assert len({effect for pair in EFFECTS for effect in pair}) == 2 * len(EFFECTS)


# each phase


def test_what_is_due_in_each_phase_in_order() -> None:
    walk = Walk(plan=TWO)
    grace, progress = Wait(at(10)), Wait(at(10 + 900))
    assert walk.elapse(0).due == (grace, Look(0))
    assert walk.look().due == (grace,)
    assert walk.to_fencing().due == (
        progress,
        Identify(1, 1, "bmc"),
        Identify(1, 1, "pdu"),
        Look(1),
    )
    timeout = Wait(at(40))
    assert walk.identify().look().due == (
        progress,
        timeout,
        Cut(1, 1, "bmc"),
        Cut(1, 1, "pdu"),
    )
    first, second = walk.all(Cut)
    assert walk.answer_cut(first).due == (progress, timeout, second, Read(1, 1, "bmc", 0))
    assert walk.answer_cut(second).due == (
        progress,
        timeout,
        Read(1, 1, "bmc", 0),
        Read(1, 1, "pdu", 0),
        Wait(at(11)),  # the next look
    )


def test_what_is_due_in_forcing_down_in_order() -> None:
    walk = Walk().to_proof()
    proof = walk.incident.proof
    assert proof is not None
    until, stale = Wait(walk.now.plus(900)), Wait(proof.valid_until)
    assert walk.due == (until, stale, ForceDown(1, SERVICE, disable=True))
    assert walk.put().due == (until, stale, Look(1))


def test_what_is_due_when_it_is_down_or_held() -> None:
    walk = Walk()
    assert walk.to_down().due == (ListServers(0),)
    assert walk.order(Order.CLOSE).due == (ListServers(0), Look(walk.incident.looks))
    held = Walk().to_held()
    assert held.due == ()
    assert held.order(Order.DISMISS).due == (Look(held.incident.looks),)


@pytest.mark.parametrize("phase", [Phase.RESOLVED, Phase.DISMISSED])
def test_nothing_is_due_when_it_is_over(phase: Phase) -> None:
    wish = Closing("ann", "why", at(0))
    over = incident(phase=phase, closing=wish, retry_at=at(5))
    assert due(over, context()) == ()


def test_while_a_retry_waits_nothing_else_is_due() -> None:
    waiting = incident(phase=Phase.DOWN, retry_at=at(5))
    assert due(waiting, context(4.75)) == (Wait(at(5)),)
    assert due(waiting, context(5)) == (ListServers(0),)


def test_what_has_no_try_and_no_proof_has_nothing_due() -> None:
    assert due(incident(phase=Phase.FENCING), context()) == ()
    assert due(incident(phase=Phase.FORCING_DOWN), context()) == ()
    lost = incident(phase=Phase.FENCING, fencing=Try(1, 9, 1, "digest-1", at(0)))
    assert due(lost, context()) == ()


def test_a_put_that_is_not_decided_yet_is_not_due() -> None:
    fresh = incident(phase=Phase.FORCING_DOWN, proof=power_proof(), sighting=sighting(0))
    assert not {ForceDown, Look} & {type(effect) for effect in due(fresh, context())}


def test_when_all_is_known_that_is_to_be_known_before_a_cut_nothing_is_asked() -> None:
    """The gates are next, and they are asked by `advance`."""
    known = Try(1, 1, 1, "digest-1", at(0), devices={"bmc": DeviceTry(identity())})
    ready = incident(phase=Phase.FENCING, fencing=known, sighting=sighting(0))
    assert not {Identify, Look, Cut} & {type(effect) for effect in due(ready, context())}


def rereading(fencing: Try | None) -> Incident:
    made = incident(phase=Phase.FORCING_DOWN, proof=power_proof(), fencing=fencing)
    return replace(made, marking=replace(made.marking, rereading_since=at(0)))


def test_a_proof_that_cannot_be_read_again_only_waits() -> None:
    progress = Wait(at(900))
    assert due(rereading(None), context()) == (progress,)
    lost = Try(1, 9, 1, "digest-1", at(0))
    assert due(rereading(lost), context()) == (progress,)
    cut = DeviceTry(identity(), cut=Outcome.ACCEPTED, cut_at=at(-40), reads=3)
    fencing = Try(1, 1, 1, "digest-1", at(-50), at(-41), {"bmc": cut})
    assert due(rereading(fencing), context()) == (progress, Wait(at(30)), Read(1, 1, "bmc", 3))


def test_nova_is_looked_at_along_with_the_reads() -> None:
    walk = Walk().to_cut()
    assert walk.all(Look) == []
    walk.cut()
    assert 0.75 in walk.waits
    assert walk.wait(0.5).all(Look) == []
    assert walk.wait(0.25).all(Look) == [Look(1)]


def test_after_a_restart_nova_is_looked_at_at_once() -> None:
    walk = Walk().to_reads()
    walk.incident = replace(walk.incident, sighting=None)
    assert walk.all(Look) == [Look(1)]


def test_while_a_cut_is_out_nova_is_left_alone() -> None:
    walk = Walk(plan=TWO).to_cut().wait(2)
    assert walk.answer_cut(walk.all(Cut)[0]).all(Look) == []
    assert walk.answer_cut(walk.all(Cut)[0]).all(Look) != []


def test_nova_is_left_in_peace_after_a_failed_look() -> None:
    walk = Walk()
    walk.fail(Look(0), "503")
    assert (walk.all(Look), walk.waits) == ([], [10.0, 1.0])
    assert walk.wait(0.75).all(Look) == []
    assert walk.wait(0.25).all(Look) == [Look(1)]


@pytest.mark.parametrize("way", [Walk.elapse, Walk.to_fencing, Walk.to_reads, Walk.to_proof])
def test_a_wait_is_always_for_later(way: Way) -> None:
    walk = way(Walk(incident(evidence(trust=Trust.ALONE))))
    for _ in range(40):
        assert all(left_s > 0 for left_s in walk.waits)
        walk.elapse(min(walk.waits, default=1))


def test_a_look_that_is_too_old_for_the_cut_and_one_that_is_not() -> None:
    """While a device is asked, one look is enough; once all have answered, it must be fresh."""
    walk = Walk(plan=TWO).to_fencing().look()
    assert walk.wait(9).all(Look) == []
    assert walk.identify().all(Look) == [Look(1)]
    old = replace(walk.incident, sighting=sighting(9.75))
    assert Look(1) in due(old, walk.context)


def test_a_manual_level_has_nothing_due() -> None:
    assert Walk(plan=plan(MANUAL)).to_fencing().due == ()
