"""Nova's compute services, as one list shows them.

Source: Nova API reference, "Compute services (os-services)", at microversions 2.11 to 2.69. A host
of which nothing certain is known is an error or UNKNOWN here, and never a host that is not there.
Before 2.53 a service has no UUID but a number, and is changed by the name of its host: so its id
here is both, as `6@compute-1`, which is as stable as a UUID and compared as one.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from doctor_daemon.controllers.microversions import SERVICES, UNKNOWN_CELLS, UPDATE, Version
from doctor_daemon.controllers.rows import Row, decode, optional, rows, text
from doctor_daemon.core.incident import Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Fleet

BINARY = "nova-compute"
CONTROL = ("nova-scheduler", "nova-conductor")
"""Where one of these runs the control plane does."""
_STATES = ("up", "down")
_STATUSES = ("enabled", "disabled")


def read_services(body: bytes) -> Sequence[Row]:
    """Return the rows of a list of services."""
    return rows(decode(body), "services")


def one_service(
    found: Sequence[Row], host: str, asked_at: Instant, version: Version | None = None
) -> Sighting:
    """Return the one compute service of a host.

    Raise Temporary when its cell does not answer, Permanent when there is none, or two.
    """
    version = version or SERVICES.high
    own = [row for row in found if row.get("binary") == BINARY and row.get("host") == host]
    if len(own) > 1:
        msg = f"Nova lists {len(own)} compute services of host {host}: none can be told apart"
        raise Permanent(msg)
    if not own:
        raise _missing(host, version)
    if _unknown(own[0]):
        msg = f"Nova cannot say how {host} stands: the database of its cell does not answer"
        raise Temporary(msg)
    return _sighting(own[0], asked_at, version)


def _missing(host: str, version: Version) -> Permanent | Temporary:
    msg = f"Nova lists no compute service of a host named exactly {host!r}"
    if version >= UNKNOWN_CELLS:
        return Permanent(msg)
    return Temporary(f"{msg}; at {version} that may mean that its cell does not answer")


def all_services(found: Sequence[Row], asked_at: Instant, version: Version | None = None) -> Fleet:
    """Return every compute service; a host of two, or in a cell that is down, is unknown.

    Before 2.69 Nova leaves the services of such a cell out.
    """
    version = version or SERVICES.high
    services: dict[str, Sighting] = {}
    zones: dict[str, str] = {}
    unknown: set[str] = set()
    control: dict[str, str] = {}
    for row in found:
        if row.get("binary") in CONTROL:
            host, binary = text(row, "host"), text(row, "binary")
            control[host] = f"{control[host]} and {binary}" if host in control else binary
        if row.get("binary") != BINARY:
            continue
        host = text(row, "host")
        if _unknown(row) or host in services:
            unknown.add(host)
        else:
            services[host] = _sighting(row, asked_at, version)
            zones[host] = optional(row, "zone")
    for host in unknown:
        services.pop(host, None)
    return Fleet(services, frozenset(unknown), version < UNKNOWN_CELLS, zones, control=control)


def _unknown(row: Row) -> bool:
    return row.get("status") == "UNKNOWN"


def _sighting(row: Row, asked_at: Instant, version: Version) -> Sighting:
    forced_down = row.get("forced_down")
    if not isinstance(forced_down, bool):
        msg = f"Nova's row of {text(row, 'host')} has no forced_down"
        raise Permanent(msg)
    reason = row.get("disabled_reason")
    return Sighting(
        uuid=_numbered(row) if version < UPDATE.low else _uuid(text(row, "id")),
        state=_one_of(row, "state", _STATES),
        status=_one_of(row, "status", _STATUSES),
        forced_down=forced_down,
        reason=reason if isinstance(reason, str) else "",
        updated_s=_unix(row.get("updated_at")),
        asked_at=asked_at,
    )


def _one_of(row: Row, key: str, known: Sequence[str]) -> str:
    value = text(row, key)
    if value not in known:
        msg = f"Nova's row has {key} = {value!r:.60}, expected {' or '.join(known)}"
        raise Permanent(msg)
    return value


def _numbered(row: Row) -> str:
    number, host = row.get("id"), text(row, "host")
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        msg = f"Nova's service has the id {number!r:.60}, expected a number"
        raise Permanent(msg)
    return f"{number}@{host}"


def _uuid(value: str) -> str:
    try:
        return str(uuid.UUID(value))
    except ValueError:
        msg = f"Nova's service has the id {value!r:.60}, expected a UUID"
        raise Permanent(msg) from None


def _unix(value: object) -> float:
    """Return updated_at in Unix seconds; Nova writes UTC without saying so. 0: it has none."""
    if value is None:
        return 0.0
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        msg = f"Nova's row has updated_at = {value!r:.60}, expected an ISO 8601 time"
        raise Permanent(msg) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
