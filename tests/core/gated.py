"""Incidents that pass every gate of an act, for tests that shut one."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.gates import GATES, Act
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.release import Release
from doctor_daemon.core.retirement import Left, Retirement
from doctor_daemon.core.tries import DeviceTry, Try
from tests.core.make import (
    BMC,
    Fields,
    at,
    context,
    identity,
    incident,
    power_proof,
    sighting,
)

BACK = (Act.SWITCH_ON, Act.LIFT, Act.ENABLE)


def attempt(**devices: str) -> Try:
    """A try of the first level, and who its devices have said they are."""
    known = {name: DeviceTry(identity=identity(uuid)) for name, uuid in devices.items()}
    return Try(1, 1, 1, "digest-1", at(0), devices=known)


def ready(**changes: Fields) -> Incident:
    """Make an incident that every gate of any act lets through at second 0."""
    down = sighting(0, forced_down=True)
    made = incident(sighting=down, fencing=attempt(bmc=BMC.uuid), proof=power_proof())
    return replace(made, **changes)


def back(**changes: Fields) -> Incident:
    """Make an incident of a host that every gate lets back."""
    seen = sighting(0, forced_down=True, reason="doctor-daemon:inc-1: it failed")
    accusers = ("alertmanager/print",)
    release = Release(began=at(-60), reports=2, inspected_at=at(0), accusers=accusers)
    return replace(ready(sighting=seen, life_at=at(0), release=release), **changes)


def leaving() -> Incident:
    """Make an incident of a host that every gate lets be taken out."""
    left = Left(at(0), listed=True, forced_down=True)
    return ready(retirement=Retirement("ann", "scrapped", at(0), at(0), left=left))


READY: dict[Act, Incident] = {**dict.fromkeys(BACK, back()), Act.DELETE: leaving()}
"""What passes every gate of an act; of any other act ready() does."""


def shut(gate: str, incident: Incident, **changes: Fields) -> str:
    """Say why one gate is shut; empty: it is open."""
    (found,) = [one for one in GATES if one.name == gate]
    return found.shut(incident, context(**changes))
