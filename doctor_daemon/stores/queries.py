"""What is asked of the database, as statements. Each function reads one consistent state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from doctor_daemon.core.context import Armed, Charge
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import EvidenceRow, Heading, Snapshot
from doctor_daemon.stores import host_tasks, spent, volumes
from doctor_daemon.stores.codec import (
    ARMED,
    ENTRY,
    EVACUATION,
    MAINTENANCE,
    SERVER,
    UPKEEP,
    load_head,
)
from doctor_daemon.stores.notices import pending
from doctor_daemon.stores.retention import (
    HEADINGS_MAX,
    KEYS_MAX,
    RETURNS_KEEP_S,
    RETURNS_MAX,
)

_ROWS = (("entries", "seq"), ("servers", "id"), ("evacuations", "server"))
"""The rows of an incident beside its head, and what they go by."""


def snapshot(connection: sqlite3.Connection) -> Snapshot:
    """Return what a starting daemon needs."""
    return replace(
        small(connection),
        incidents=tuple(_open_incidents(connection)),
        pending=pending(connection),
        gaps=frozenset(_gaps(connection)),
        returns=tuple(_returns(connection)),
    )


def small(connection: sqlite3.Connection) -> Snapshot:
    """Return of it what is no incident, nor told of one."""
    return Snapshot(
        charges=tuple(_charges(connection)),
        armed=_armed(connection),
        maintenance=tuple(
            MAINTENANCE.loads(body)
            for (body,) in connection.execute("SELECT body FROM maintenance ORDER BY cloud, host")
        ),
        sequences={
            (consumer, HostId(cloud, host)): last
            for consumer, cloud, host, last in connection.execute(
                "SELECT consumer, cloud, host, last FROM sequences"
            )
        },
        evidence=_evidence(connection),
        upkeep=tuple(
            UPKEEP.loads(body)
            for (body,) in connection.execute("SELECT body FROM upkeep ORDER BY cloud, host")
        ),
        orders=volumes.orders(connection),
        tasks=volumes.tasks(connection),
        port_tasks=host_tasks.port_tasks(connection),
        reserves=host_tasks.reserves(connection),
        masses=host_tasks.masses(connection),
        passages=host_tasks.passages(connection),
        spent=spent.spent(connection),
        floors=spent.floors(connection),
    )


def _open_incidents(connection: sqlite3.Connection) -> Iterator[Incident]:
    rows = connection.execute(
        "SELECT id, version, head FROM incidents WHERE ended_wall_s IS NULL ORDER BY seq"
    ).fetchall()
    theirs = [_of_open(connection, table, key) for table, key in _ROWS]
    for row in rows:
        yield _put_together(row, *(found.get(row[0], ()) for found in theirs))


def _of_open(connection: sqlite3.Connection, table: str, key: str) -> Mapping[str, Sequence[str]]:
    """Return the rows of all open incidents at once: a start has tens of thousands."""
    found: dict[str, list[str]] = {}
    rows = connection.execute(
        f"SELECT incident, body FROM incidents JOIN {table} ON incident = incidents.id"  # noqa: S608 - a table of ours
        f" WHERE ended_wall_s IS NULL ORDER BY incidents.seq, {table}.{key}"
    )
    for id_, body in rows:
        found.setdefault(id_, []).append(body)
    return found


def all_incidents(connection: sqlite3.Connection) -> Iterator[Incident]:
    """Yield all that are kept, whole, in the order of their opening."""
    for row in connection.execute("SELECT id, version, head FROM incidents ORDER BY seq"):
        try:
            yield _whole(connection, row)
        except Permanent as error:
            raise Permanent(f"incident {row[0]}: {error}") from error


def find(connection: sqlite3.Connection, id_: IncidentId) -> Incident | None:
    """Return one incident, open or closed."""
    row = connection.execute(
        "SELECT id, version, head FROM incidents WHERE id = ?", (id_,)
    ).fetchone()
    return None if row is None else _whole(connection, row)


def _whole(connection: sqlite3.Connection, row: tuple[Any, ...]) -> Incident:
    """Put an incident together from its head and its rows."""
    theirs = (
        connection.execute(f"SELECT body FROM {table} WHERE incident = ? ORDER BY {key}", row[:1])  # noqa: S608 - a table of ours
        for table, key in _ROWS
    )
    return _put_together(row, *([body for (body,) in found] for found in theirs))


def _put_together(
    row: tuple[Any, ...], entries: Sequence[str], servers: Sequence[str], moves: Sequence[str]
) -> Incident:
    id_, version, text = row
    incident = load_head(
        text,
        tuple([ENTRY.loads(body) for body in entries]),
        tuple([SERVER.loads(body) for body in servers]),
        tuple([EVACUATION.loads(body) for body in moves]),
    )
    if (incident.id, incident.version) != (id_, version):
        raise Permanent(f"the saved incident {id_} says of itself that it is another")
    return incident


def _charges(connection: sqlite3.Connection) -> Iterator[Charge]:
    rows = connection.execute(
        "SELECT incident, number, domain, boot_id, boot_s, wall_s FROM charges ORDER BY rowid"
    )
    for incident, number, domain, *at in rows:
        yield Charge(incident, number, domain, Instant(*at))


def _armed(connection: sqlite3.Connection) -> Armed:
    (body,) = connection.execute("SELECT armed FROM meta").fetchone()
    return Armed() if body is None else ARMED.loads(body)


def _gaps(connection: sqlite3.Connection) -> Iterator[tuple[str, HostId]]:
    """Yield the lanes whose last notice that is not pending was given up.

    Few are given up, and they have an index: what was delivered is looked at only after one.
    """
    rows = connection.execute(
        "SELECT consumer, cloud, host FROM notices AS dead WHERE state = 'dead' AND NOT EXISTS"
        " (SELECT 1 FROM notices AS later WHERE later.consumer = dead.consumer"
        " AND later.cloud = dead.cloud AND later.host = dead.host"
        " AND later.sequence > dead.sequence AND later.state <> 'pending')"
    )
    yield from ((consumer, HostId(cloud, host)) for consumer, cloud, host in rows)


_EVENTS = (
    "SELECT key, k.cloud, k.host, k.source, k.fingerprint, k.verdict,"
    " coalesce(e.summary, ''), k.boot_id, k.boot_s, k.wall_s, k.incident"
    " FROM evidence_keys AS k LEFT JOIN evidence AS e USING (cloud, host, source, fingerprint)"
)


def _evidence(connection: sqlite3.Connection) -> Sequence[EvidenceRow]:
    """Return the latest events, the oldest first, each with what was last said of its kind."""
    rows = connection.execute(f"{_EVENTS} ORDER BY k.seq DESC LIMIT ?", (KEYS_MAX,)).fetchall()
    return tuple(map(_event, reversed(rows)))


def said(connection: sqlite3.Connection, source: str, limit: int) -> Sequence[EvidenceRow]:
    """Return the latest events of one source, the newest first."""
    rows = connection.execute(
        f"{_EVENTS} WHERE k.source = ? ORDER BY k.seq DESC LIMIT ?", (source, limit)
    )
    return tuple(map(_event, rows))


def _event(row: tuple[Any, ...]) -> EvidenceRow:
    key, cloud, host, source, fingerprint, verdict, summary, *at, incident = row
    return EvidenceRow(
        key=key,
        host=HostId(cloud, host),
        source=source,
        fingerprint=fingerprint,
        verdict=verdict,
        summary=summary,
        at=Instant(*at),
        incident=incident,
    )


def _returns(connection: sqlite3.Connection) -> Iterator[tuple[HostId, float]]:
    """Yield whose incidents have ended with a return, as `lately.came_back` has it.

    Those that nobody looks back to are not read. An old head that cannot be read is no reason not
    to start.
    """
    rows = connection.execute(
        "SELECT cloud, host, ended_wall_s FROM incidents"
        " WHERE ended_wall_s >= (SELECT coalesce(wall_s, 0) FROM meta) - ?"
        " AND CASE WHEN instr(head, '\"returns\":0') THEN 0"  # most: no need to read them whole
        " WHEN json_valid(head) THEN json_extract(head, '$.value.release.returns') > 0 END"
        " ORDER BY ended_wall_s DESC, seq DESC LIMIT ?",
        (RETURNS_KEEP_S, RETURNS_MAX),
    ).fetchall()
    yield from ((HostId(cloud, name), ended_s) for cloud, name, ended_s in reversed(rows))


_HEADINGS = (
    "SELECT id, cloud, host, phase, opened_wall_s, ended_wall_s, (SELECT body FROM entries"
    " WHERE incident = incidents.id ORDER BY seq DESC LIMIT 1) FROM incidents"
)
_NEWEST = "ORDER BY seq DESC LIMIT ?"


def headings(connection: sqlite3.Connection, host: HostId | None, limit: int) -> Sequence[Heading]:
    """Return the newest incidents first, each with the last line of its timeline."""
    limit = max(0, min(limit, HEADINGS_MAX))
    if host is None:
        rows = connection.execute(f"{_HEADINGS} {_NEWEST}", (limit,))
    else:
        of_host = "WHERE cloud = ? AND host = ?"
        rows = connection.execute(
            f"{_HEADINGS} {of_host} {_NEWEST}", (host.cloud, host.name, limit)
        )
    return tuple(
        Heading(
            id=id_,
            host=HostId(cloud, name),
            phase=phase,
            opened_wall_s=opened_wall_s,
            ended_wall_s=ended_wall_s,
            text=ENTRY.loads(body).text if body else "",
        )
        for id_, cloud, name, phase, opened_wall_s, ended_wall_s, body in rows
    )
