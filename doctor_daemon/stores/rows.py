"""What a change writes, as statements. Each function is given a connection inside a transaction.

The guards come first: the term says that nobody newer leads, the version that nobody has written
this incident in between, and the unique indexes that no host has two open incidents and no notice
is written twice.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from doctor_daemon.core.context import Charge, Maintenance
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change, Delivery, EvidenceRow, NoticeRow
from doctor_daemon.stores.audit import write_lines
from doctor_daemon.stores.changes import check_change, moment_of
from doctor_daemon.stores.codec import (
    ARMED,
    ENTRY,
    EVACUATION,
    INSTANT,
    MAINTENANCE,
    SERVER,
    UPKEEP,
    dump_head,
    sound,
)
from doctor_daemon.stores.host_tasks import write_tasks
from doctor_daemon.stores.many import for_each_of, insert_many
from doctor_daemon.stores.spent import write_spent
from doctor_daemon.stores.volumes import write_records

# Not OR REPLACE: for that SQLite keeps each page as it was before each row, at four times the cost.
_REPLACED = " ON CONFLICT DO UPDATE SET body = excluded.body"
_NOTICE = (
    "id, consumer, project, cloud, host, incident, kind, sequence, body,"
    " state, attempts, error, gap_before, late, made_at, evidence_at, made_wall_s"
)
_REACHED = " ON CONFLICT DO UPDATE SET last = max(last, excluded.last)"
_UPSERTS = {
    "maintenance": "INSERT INTO maintenance (cloud, host, body) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET body = excluded.body",
    "upkeep": "INSERT INTO upkeep (cloud, host, body) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET body = excluded.body",
}


def check_term(connection: sqlite3.Connection, term: int) -> None:
    """Raise Conflict if this is not the newest term."""
    (newest,) = connection.execute("SELECT term FROM meta").fetchone()
    if newest != term:
        raise Conflict(f"term {term} is over: term {newest} has been claimed")


def write_change(connection: sqlite3.Connection, change: Change, term: int) -> None:
    """Write one change. Raise Conflict if it was decided on a state that is not the saved one."""
    check_term(connection, term)
    check_change(change)
    if change.head is not None:
        _write_head(connection, change.head)
        _write_children(connection, change.head, change)
    _insert_charges(connection, change.charges)
    _insert_notices(connection, change.notices)
    for evidence in change.evidence:
        _fold_evidence(connection, evidence)
    if change.armed is not None:
        connection.execute("UPDATE meta SET armed = ?", (ARMED.dumps(change.armed),))
    _write_maintenance(connection, change.maintenance, change.maintenance_ended)
    for one in change.upkeep:
        connection.execute(
            _UPSERTS["upkeep"],
            (one.host.cloud, one.host.name, UPKEEP.dumps(one)),
        )
    write_records(connection, change)
    write_tasks(connection, change)
    write_spent(connection, change)
    write_lines(connection, change.audit)
    moment = moment_of(change)
    if moment is not None:
        row = (moment.boot_id, moment.boot_s, moment.wall_s)
        connection.execute("UPDATE meta SET boot_id = ?, boot_s = ?, wall_s = ?", row)


def _write_head(connection: sqlite3.Connection, head: Incident) -> None:
    if head.version == 1:
        _insert_head(connection, head)
        return
    updated = connection.execute(
        "UPDATE incidents SET phase = ?, version = ?, ended_wall_s = ?, head = ?"
        " WHERE id = ? AND version = ?",
        (*_state(head), head.id, head.version - 1),
    )
    if updated.rowcount != 1:
        raise Conflict(f"incident {head.id} is not saved at version {head.version - 1}")


def _insert_head(connection: sqlite3.Connection, head: Incident) -> None:
    connection.execute(
        "INSERT INTO incidents (phase, version, ended_wall_s, head,"
        " id, cloud, host, opened_wall_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*_state(head), head.id, head.host.cloud, head.host.name, head.opened_at.wall_s),
    )


def _state(head: Incident) -> tuple[object, ...]:
    ended_wall_s = head.phase_at.wall_s if head.phase.final else None
    return head.phase, head.version, ended_wall_s, dump_head(head)


def _write_children(connection: sqlite3.Connection, head: Incident, change: Change) -> None:
    entries = ((head.id, entry.seq, ENTRY.dumps(entry)) for entry in change.entries)
    insert_many(connection, "INSERT INTO entries (incident, seq, body)", entries)
    gone = "DELETE FROM servers WHERE incident = ? AND id IN"
    for_each_of(connection, gone, (head.id,), change.servers_gone)
    servers = ((head.id, server.id, SERVER.dumps(server)) for server in change.servers)
    insert_many(connection, "INSERT INTO servers (incident, id, body)", servers, _REPLACED)
    moves = ((head.id, one.server.id, EVACUATION.dumps(one)) for one in change.evacuations)
    insert_many(connection, "INSERT INTO evacuations (incident, server, body)", moves, _REPLACED)


def insert_whole(connection: sqlite3.Connection, incident: Incident) -> None:
    """Write an incident that is not there, whole, at whatever version it is."""
    _insert_head(connection, incident)
    parts = Change(
        entries=incident.timeline,
        servers=tuple(incident.servers.values()),
        evacuations=tuple(incident.evacuations.values()),
    )
    _write_children(connection, incident, parts)


def _insert_charges(connection: sqlite3.Connection, charges: Iterable[Charge]) -> None:
    insert_many(
        connection,
        "INSERT INTO charges (incident, number, domain, boot_id, boot_s, wall_s)",
        ((c.incident, c.number, c.domain, c.at.boot_id, c.at.boot_s, c.at.wall_s) for c in charges),
    )


def replace_charges(connection: sqlite3.Connection, charges: Sequence[Charge], term: int) -> None:
    """Put these charges in the place of all."""
    check_term(connection, term)
    connection.execute("DELETE FROM charges")
    _insert_charges(connection, charges)


def _insert_notices(connection: sqlite3.Connection, rows: Sequence[NoticeRow]) -> None:
    text = cache(INSTANT.dumps)  # those of a step are of the same two moments
    values = (_notice_values(row, text) for row in rows)
    insert_many(connection, f"INSERT INTO notices ({_NOTICE})", values)
    insert_many(
        connection,
        "INSERT INTO sequences (consumer, cloud, host, last)",
        ((row.consumer, row.host.cloud, row.host.name, row.sequence) for row in rows),
        _REACHED,
    )


def insert_placed(connection: sqlite3.Connection, place: int, row: NoticeRow) -> None:
    """Write a notice that is not there, at its place in the order of all."""
    values = (place, *_notice_values(row, INSTANT.dumps))
    insert_many(connection, f"INSERT INTO notices (seq, {_NOTICE})", [values])


def reach(connection: sqlite3.Connection, consumer: str, host: HostId, last: int) -> None:
    """Note the last number that a consumer was given about a host."""
    row = (consumer, host.cloud, host.name, last)
    insert_many(connection, "INSERT INTO sequences (consumer, cloud, host, last)", [row], _REACHED)


def _notice_values(row: NoticeRow, text: Callable[[Instant], str]) -> tuple[object, ...]:
    return (
        *(row.id, row.consumer, row.project, row.host.cloud, row.host.name, row.incident),
        *(row.kind, row.sequence, sound(row.body), row.state, row.attempts),
        *(sound(row.error), row.gap_before, row.late),
        text(row.made_at) if row.made_at else None,
        text(row.evidence_at) if row.evidence_at else None,
        row.made_at.wall_s if row.made_at else None,
    )


def write_deliveries(connection: sqlite3.Connection, batch: Sequence[Delivery], term: int) -> None:
    """Note how deliveries stand. A notice that has been pruned meanwhile needs no note."""
    check_term(connection, term)
    last = {one.id: (one.state, one.attempts, sound(one.error)) for one in batch}
    alike = defaultdict[tuple[str, int, str], list[str]](list)
    for id_, how in last.items():
        alike[how].append(id_)
    for how, ids in alike.items():
        text = "UPDATE notices SET state = ?, attempts = ?, error = ? WHERE id IN"
        for_each_of(connection, text, how, ids)


def _fold_evidence(connection: sqlite3.Connection, row: EvidenceRow) -> None:
    print_ = (row.host.cloud, row.host.name, row.source, sound(row.fingerprint))
    at = INSTANT.dumps(row.at)
    connection.execute(
        "INSERT INTO evidence (cloud, host, source, fingerprint, verdict, summary, incident,"
        " first, last, last_wall_s, count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)"
        " ON CONFLICT DO UPDATE SET verdict = excluded.verdict, summary = excluded.summary,"
        " incident = excluded.incident, last = excluded.last, last_wall_s = excluded.last_wall_s,"
        " count = count + 1",
        (*print_, row.verdict, sound(row.summary), row.incident, at, at, row.at.wall_s),
    )
    # Replaced, not updated: it moves to the end, where the newest are.
    connection.execute(
        "INSERT OR REPLACE INTO evidence_keys (key, cloud, host, source, fingerprint, verdict,"
        " incident, boot_id, boot_s, wall_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(sound(row.key), *print_, row.verdict, row.incident),
            *(row.at.boot_id, row.at.boot_s, row.at.wall_s),
        ),
    )


def _write_maintenance(
    connection: sqlite3.Connection, window: Maintenance | None, ended: HostId | None
) -> None:
    if ended is not None:
        connection.execute(
            "DELETE FROM maintenance WHERE cloud = ? AND host = ?", (ended.cloud, ended.name)
        )
    if window is not None:
        connection.execute(
            _UPSERTS["maintenance"],
            (window.host.cloud, window.host.name, MAINTENANCE.dumps(window)),
        )
