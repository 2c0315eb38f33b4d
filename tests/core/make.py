"""Builders: small words for the values of the core, with everything a test does not name filled in.

Time is told in seconds from a fixed moment, and all of it in quarters of a second: such floats are
exact, so a test may stand right on a limit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from doctor_daemon.core.context import Armed, Context, Maintenance
from doctor_daemon.core.evidence import Evidence, Trust, Verdict, fold
from doctor_daemon.core.host import (
    Device,
    HostId,
    HostPlan,
    Level,
    Mode,
    Selection,
    Server,
    ServerId,
)
from doctor_daemon.core.host import ServerList as Servers
from doctor_daemon.core.incident import Incident, IncidentId, Sighting, open_incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Order, Ordered
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Identity, Power, Proof, ProofKind, Reading

Fields = Any
"""Any fields of the value that is made, by their names."""

BOOT, OTHER_BOOT = "boot-1", "boot-2"
UPTIME_S, EPOCH_S = 10_000.0, 1_800_000_000.0

HOST = HostId("default", "cmp-1")
UUID = "4c4c4544-0031-4b10-8036-b4c04f4d3032"
OTHER_UUID = "4c4c4544-0031-4b10-8036-b4c04f4d3099"
SERVICE = "f0bc5f5a-5d0c-4e44-9d0a-9e3f5c1b2a11"
BMC = Device("bmc", "redfish", UUID)
SECOND_BMC = Device("bmc-2", "redfish", UUID)
PDU = Device("pdu", "outlet", UUID)
MANUAL = Level(())
SHARED = Selection(shared_storage=True)
"""Every server may be moved: what is on its disk is found again elsewhere."""
ARMED = Armed(on=True, by="ann", why="in production")


def at(seconds: float, boot: str = BOOT) -> Instant:
    """So many seconds after the moment at which every test begins."""
    return Instant(boot, UPTIME_S + seconds, EPOCH_S + seconds)


def level(*devices: Device) -> Level:
    return Level(devices)


def plan(*levels: Level, **changes: Fields) -> HostPlan:
    """Make the plan of a host that may be fenced, by its BMC if nothing else is said."""
    made = HostPlan(HOST, "rack-1", Mode.FENCE, "", levels or (level(BMC),), "digest-1")
    return replace(made, **{"selection": SHARED, **changes})


def context(seconds: float | Instant = 0, **changes: Fields) -> Context:
    """Make a world in which every switch allows to act."""
    now = seconds if isinstance(seconds, Instant) else at(seconds)
    return replace(Context(now, Policy(), plan(), Mode.FENCE, ARMED), **changes)


def evidence(
    seconds: float = 0,
    verdict: Verdict = Verdict.DOWN,
    source: str = "alertmanager",
    **changes: Fields,
) -> Evidence:
    """Make one source's word; of the same source the same fingerprint."""
    said = Evidence(
        host=HOST,
        verdict=verdict,
        source=source,
        kind=f"{source}-kind",
        trust=Trust.ALONE,
        fingerprint="print",
        key=f"{source}-{seconds}-{verdict}",
        received_at=at(seconds),
        summary="HostDown",
    )
    return replace(said, **changes)


def server(name: str, project: str = "blue") -> Server:
    return Server(ServerId(f"id-{name}"), name, project)


def servers(*listed: Server, seconds: float = 0) -> Servers:
    return Servers(listed, at(seconds).wall_s)


def incident(*words: Evidence, **changes: Fields) -> Incident:
    """Make an incident opened by the first word, which was heard; fields may be set by name."""
    first = words[0] if words else evidence()
    opened = open_incident(IncidentId("inc-1"), first, plan(), servers(server("web")))
    seen = {"words": fold({}, first), "first": sighting(0), **changes}
    return replace(opened, **seen)


def sighting(seconds: float, **changes: Fields) -> Sighting:
    """Make a look at a compute service that has not reported in for long."""
    made = Sighting(SERVICE, "down", "enabled", False, "", 1000.0, at(seconds))  # noqa: FBT003 - a row
    return replace(made, **changes)


def reading(power: Power, asked_s: float, took_s: float = 0, boot: str = BOOT) -> Reading:
    asked = at(asked_s, boot)
    return Reading(power, power.value.title(), asked, asked.plus(took_s))


def off(*asked_s: float) -> tuple[Reading, ...]:
    """Make reads of OFF that were asked for then, and answered at once."""
    return tuple(reading(Power.OFF, seconds) for seconds in asked_s)


def identity(uuid: str = UUID) -> Identity:
    return Identity(uuid, "SN-1", "cmp-1", "model")


def power_proof(seconds: float = 0, **changes: Fields) -> Proof:
    made = Proof(
        ProofKind.POWER, "inc-1", 1, "digest-1", at(seconds), at(seconds).plus(Policy().proof_age_s)
    )
    return replace(made, **changes)


def human_proof(seconds: float = 0, lasts_s: float = 600, **changes: Fields) -> Proof:
    made = power_proof(
        seconds,
        kind=ProofKind.HUMAN,
        valid_until=at(seconds + lasts_s),
        by="ann",
        why="pulled the cable",
    )
    return replace(made, **changes)


def ordered(order: Order, seconds: float = 0, until_s: float | None = None) -> Ordered:
    until = None if until_s is None else at(until_s)
    return Ordered(order, "ann", "because I looked", at(seconds), until)


def maintenance(until_s: float) -> Maintenance:
    return Maintenance(HOST, "ben", "new memory", at(until_s))
