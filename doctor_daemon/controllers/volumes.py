"""Cinder's services, log levels and versions, as its answers show them, and the bodies it is sent.

Source: Cinder API reference, "Services (services)", "API versions". A row that is not as documented
is an error, not a default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from doctor_daemon.controllers.microversions import Offer, Span, Version, parse_offer
from doctor_daemon.controllers.rows import Row, decode, optional, rows, text
from doctor_daemon.core.log_levels import LogLevels, LogScope
from doctor_daemon.core.volumes import VOLUME, Target, VolumeService
from doctor_daemon.errors import Permanent

CINDER = "Cinder"
SERVICES = Span(Version(3, 0), Version(3, 7), "to list services")
"""From 3.7 a service names its cluster. From 3.49 a list would have every backend asked for its
state by way of the scheduler, which may be what is down."""
UPDATE = Span(Version(3, 0), Version(3, 0), "to change services")
CLUSTERS = Span(Version(3, 26), Version(3, 26), "to change clusters")
"""From 3.26 freeze, thaw and failover take a cluster in the place of a host."""
LOGS = Span(Version(3, 32), Version(3, 32), "to read and set log levels")
"""From 3.32 log levels can be read and set."""
_STATES = ("up", "down")
_STATUSES = ("enabled", "disabled")


def read_offer(body: bytes) -> Offer:
    """Read the versions that Cinder lists at its root. Raise Permanent where there is no 3."""
    for version in rows(decode(body, CINDER), "versions", CINDER):
        if optional(version, "id").startswith("v3"):
            return replace(parse_offer({"version": version}), of=CINDER)
    msg = "the volume endpoint does not list a version 3; is it Cinder's v3?"
    raise Permanent(msg)


def read_services(body: bytes) -> Sequence[VolumeService]:
    """Read a list of services. Raise Temporary for what is no JSON, Permanent for odd rows."""
    return [_service(row) for row in rows(decode(body, CINDER), "services", CINDER)]


def _service(row: Row) -> VolumeService:
    binary = text(row, "binary", CINDER)
    return VolumeService(
        binary=binary,
        host=text(row, "host", CINDER),
        status=_one_of(row, "status", _STATUSES),
        state=_one_of(row, "state", _STATES),
        zone=optional(row, "zone"),
        reason=optional(row, "disabled_reason"),
        updated_at=optional(row, "updated_at"),
        frozen=_frozen(row) if binary == VOLUME else False,
        replication=optional(row, "replication_status"),
        backend=optional(row, "active_backend_id"),
        cluster=optional(row, "cluster"),
    )


def _one_of(row: Row, key: str, known: Sequence[str]) -> str:
    value = text(row, key, CINDER)
    if value not in known:
        msg = f"Cinder's row has {key} = {value!r:.60}, expected {' or '.join(known)}"
        raise Permanent(msg)
    return value


def _frozen(row: Row) -> bool:
    frozen = row.get("frozen")
    if not isinstance(frozen, bool):
        msg = f"Cinder's row of {text(row, 'host', CINDER)} does not say whether it is frozen"
        raise Permanent(msg)
    return frozen


def read_levels(body: bytes) -> Sequence[LogLevels]:
    """Read log levels. Raise Temporary for what is no JSON, Permanent for odd rows."""
    return [_levels(row) for row in rows(decode(body, CINDER), "log_levels", CINDER)]


def _levels(row: Row) -> LogLevels:
    levels = row.get("levels")
    if not isinstance(levels, dict) or not all(isinstance(now, str) for now in levels.values()):
        msg = f"Cinder's log levels of {text(row, 'host', CINDER)} are no levels"
        raise Permanent(msg)
    return LogLevels(text(row, "binary", CINDER), text(row, "host", CINDER), dict(levels))


def place(target: Target) -> Mapping[str, object]:
    """Return what names a target of freeze, thaw and failover."""
    return {"cluster": target.cluster} if target.cluster else {"host": target.host}


def span(target: Target) -> Span:
    """Return the microversion that takes such a target."""
    return CLUSTERS if target.cluster else UPDATE


def loggers(scope: LogScope) -> Mapping[str, object]:
    """Return what names loggers. Nothing is left to what Cinder takes for left out."""
    return {"binary": scope.binary or "*", "server": scope.host, "prefix": scope.prefix}
