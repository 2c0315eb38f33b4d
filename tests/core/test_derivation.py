"""A proof from the answers of every device of a level."""

from dataclasses import replace

import pytest

from doctor_daemon.core.fencing import derive, rule_for
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power, Rule
from doctor_daemon.core.tries import DeviceTry, Outcome, Try
from tests.core.make import (
    BMC,
    OTHER_UUID,
    PDU,
    at,
    context,
    identity,
    incident,
    level,
    off,
    plan,
    reading,
)
from tests.core.walk import Walk

ON, OFF = Power.ON, Power.OFF
TWO = plan(level(BMC, PDU))


def test_b4_every_device_of_the_level_must_confirm() -> None:
    walk = Walk(plan=TWO).to_reads()
    for _ in range(5):
        walk.read(OFF, "bmc").read(ON, "pdu").elapse(1)
    assert walk.phase is Phase.FENCING
    proof = walk.prove().incident.proof
    assert proof is not None
    assert [part.device for part in proof.devices] == ["bmc", "pdu"]
    assert walk.incident.timeline[-1].text.startswith("proven off: bmc said off")


def proving(**changes: DeviceTry) -> tuple[Incident, Try]:
    """Make a try whose devices have answered so, with the cut at second 0."""
    attempt = Try(4, 1, 1, "digest-1", at(-5), at(-1), changes)
    return incident(fencing=attempt), attempt


def said(*reads_s: float) -> DeviceTry:
    return DeviceTry(identity(), "", Outcome.ACCEPTED, at(0), off(*reads_s), len(reads_s))


def test_a_proof_records_what_it_is_made_of() -> None:
    proof = derive(*proving(bmc=said(1, 2, 3), pdu=said(1, 2.5, 3.5)), level(BMC, PDU), context(4))
    assert proof is not None
    assert (proof.incident, proof.attempt, proof.digest) == ("inc-1", 4, "digest-1")
    assert proof.taken_at == at(3)  # the earliest of the last reads
    assert proof.valid_until == at(33)
    first, second = proof.devices
    assert (first.device, first.identity, first.cut_at) == ("bmc", identity(), at(0))
    assert (first.readings, second.readings) == (off(1, 2, 3), off(1, 2.5, 3.5))


@pytest.mark.parametrize(
    "answer",
    [
        DeviceTry(),
        replace(said(1, 2, 3), cut_at=None),
        replace(said(1, 2, 3), identity=None),
        replace(said(1, 2, 3), identity=identity(OTHER_UUID)),
        replace(said(1, 2, 3), readings=(*off(1, 2, 3), reading(ON, 4))),
        said(1, 2),
        said(-1, 2, 3),
    ],
)
def test_b1_one_device_that_does_not_confirm_is_no_proof(answer: DeviceTry) -> None:
    both = level(BMC, PDU)
    assert derive(*proving(bmc=answer, pdu=said(1, 2, 3)), both, context(4)) is None
    assert derive(*proving(bmc=said(1, 2, 3), pdu=answer), both, context(4)) is None


def test_a_proof_is_read_again_from_a_moment_of_its_own() -> None:
    fresh = derive(*proving(bmc=said(1, 2, 3)), level(BMC), context(4), since=at(1))
    assert fresh is not None
    assert derive(*proving(bmc=said(1, 2, 3)), level(BMC), context(4), since=at(1.25)) is None


@pytest.mark.parametrize(("hold_s", "rule_s"), [(0, 2), (1.5, 2), (2, 2), (8, 8)])
def test_b1_a_vendors_quirk_makes_the_hold_longer_and_never_shorter(
    hold_s: float, rule_s: float
) -> None:
    assert rule_for(replace(BMC, hold_s=hold_s), context()) == Rule(3, rule_s)


def test_b1_the_quirk_of_one_device_holds_back_the_level() -> None:
    slow = level(BMC, replace(PDU, hold_s=4.0))
    both = {"bmc": said(1, 2, 3), "pdu": said(1, 2, 4.75)}
    assert derive(*proving(**both), slow, context(6)) is None
    both["pdu"] = said(1, 2, 5)
    assert derive(*proving(**both), slow, context(6)) is not None


@pytest.mark.parametrize(
    ("second", "together"), [((3.25, 4.5, 5.5), False), ((3, 4.5, 5.5), True), ((2, 3, 4), True)]
)
def test_b4_all_devices_must_have_said_off_of_one_moment(
    second: tuple[float, ...], *, together: bool
) -> None:
    """One supply off, then the other: at no moment was the host shown to be without power."""
    for one, other in ((said(1, 2, 3), said(*second)), (said(*second), said(1, 2, 3))):
        proof = derive(*proving(bmc=one, pdu=other), level(BMC, PDU), context(6))
        assert (proof is not None) is together


def test_b1_memory_proves_nothing_by_itself() -> None:
    """Three looks at what somebody else remembers are not three readings (ADR 19)."""
    memory = replace(BMC, proves=False)
    assert derive(*proving(bmc=said(1, 2, 3)), level(BMC), context(4)) is not None
    assert derive(*proving(bmc=said(1, 2, 3)), level(memory), context(4)) is None
    both = proving(bmc=said(1, 2, 3), pdu=said(1, 2, 3))
    assert derive(*both, level(memory, PDU), context(4)) is not None
    assert derive(*both, level(memory, replace(PDU, proves=False)), context(4)) is None
    lacking = proving(bmc=said(), pdu=said(1, 2, 3))
    assert derive(*lacking, level(memory, PDU), context(4)) is None  # it is needed all the same
