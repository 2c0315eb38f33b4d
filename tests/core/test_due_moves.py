"""What is due while servers are moved: only what is needed, and at its pace."""

from dataclasses import replace

import pytest

from doctor_daemon.core.due import due
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.incident import Incident, Rounds
from doctor_daemon.core.messages import Follow, Inspect, Read, Wait
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.tries import DeviceTry, Outcome, Try
from tests.core.make import at, identity, incident, off, power_proof, sighting
from tests.core.moving import Moving

PATIENT = Policy(progress_s=2000.0, proof_age_s=1000.0, off_timeout_s=900.0)
"""Nothing but the time of one server is waited for before that has passed."""


def guarded(**changes: object) -> Incident:
    """Make an incident whose power was read OFF twice, and is guarded since second 0."""
    device = DeviceTry(identity(), cut=Outcome.ACCEPTED, cut_at=at(-9), readings=off(0, 1))
    attempt = Try(1, 1, 1, "digest-1", at(-10), at(-9.5), {"bmc": device})
    made = incident(
        phase=Phase.EVACUATING,
        fencing=attempt,
        proof=power_proof(-1),
        sighting=sighting(0),
        rounds=Rounds(guarded_from=at(0)),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by their names


@pytest.mark.parametrize(("taken_s", "pause_s"), [(-1, 1), (0, 1), (0.25, 5)])
def test_b13_the_power_is_read_calmly_once_the_proof_was_renewed(
    taken_s: float, pause_s: float
) -> None:
    walk = Moving(incident=guarded(proof=power_proof(taken_s))).wait(1)
    assert pause_s in [wait.until.since(at(1)) for wait in walk.all(Wait)]
    assert walk.wait(pause_s - 0.25).all(Read) == []
    assert walk.wait(0.25).all(Read) != []


def test_what_has_no_proof_is_not_read_and_waits_for_none() -> None:
    walk = Moving(incident=guarded(proof=None)).wait(60)
    assert walk.all(Read) == []
    assert at(900) in [wait.until for wait in walk.all(Wait)]


@pytest.mark.parametrize("stage", Stage)
def test_only_what_is_open_at_nova_is_waited_for(stage: Stage) -> None:
    walk = Moving(policy=PATIENT).to_inspected()
    record = replace(walk.record(), stage=stage)
    walk.incident = replace(walk.incident, evacuations={record.server.id: record})
    waits = [wait.until for wait in walk.all(Wait)]
    open_ = stage in (Stage.CHECKING, Stage.UNDER_WAY)
    assert (record.since.plus(600) in waits) is open_


def test_the_next_that_takes_too_long_is_waited_for_whatever_has_taken_too_long_already() -> None:
    walk = Moving(policy=PATIENT).to_inspected()
    record = replace(walk.record(), stage=Stage.UNDER_WAY)
    sinces = {"long": -700.0, "late": -100.0, "next": -300.0, "last": -50.0}
    records = {
        ServerId(name): replace(
            record,
            server=replace(record.server, id=ServerId(name)),
            since=record.since.plus(when),
        )
        for name, when in sinces.items()
    }
    walk.incident = replace(walk.incident, evacuations=records)
    waits = [wait.until for wait in walk.all(Wait)]
    assert record.since.plus(300) in waits
    assert not {record.since.plus(when) for when in (-100, 500, 550)} & set(waits)


@pytest.mark.parametrize("stage", Stage)
def test_nova_is_asked_for_everything_only_where_anything_is_unclear(stage: Stage) -> None:
    walk = Moving().to_inspected()
    record = replace(walk.record(), stage=stage)
    walk.incident = replace(walk.incident, evacuations={record.server.id: record})
    found = due(walk.incident, walk.wait(2).context)
    asked = [effect for effect in found if isinstance(effect, Inspect | Follow)]
    match stage:
        case Stage.CHECKING:
            assert asked == [Inspect(2)]
        case Stage.WAITING | Stage.UNDER_WAY:
            assert asked == [Follow(1)]
        case _:
            assert asked == []
