"""The outbox as it is kept: what is still to be told, what is listed, what is told once more.

Lists leave the bodies out: one may be half a megabyte, and nobody reads it there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from doctor_daemon.core.host import HostId
from doctor_daemon.ports import NoticeRow, Wanted
from doctor_daemon.stores.codec import INSTANT
from doctor_daemon.stores.retention import NOTICES_MAX
from doctor_daemon.stores.rows import check_term

_COLUMNS = (
    "SELECT id, consumer, project, cloud, host, incident, kind, sequence, state, attempts, error,"
    " gap_before, late, made_at, evidence_at"
)
_LISTED = f"{_COLUMNS}, '' FROM notices"
_WHOLE = f"{_COLUMNS}, body FROM notices"
_PLACED = f"{_COLUMNS}, body, seq FROM notices"
_AGAIN = "UPDATE notices SET state = 'pending', attempts = 0, error = '', late = 1"
_OF_STATE = {
    # Spelt out: an index of some rows alone is used for a word, not for a value that is filled in.
    "pending": "state = 'pending'",
    "delivered": "state = 'delivered'",
    "dead": "state = 'dead'",
}


def pending(connection: sqlite3.Connection) -> Sequence[NoticeRow]:
    """Return what is still to be told, in the order of its making."""
    rows = connection.execute(f"{_WHOLE} WHERE state = 'pending' ORDER BY seq")
    return tuple(map(_notice, rows))


def of_incident(connection: sqlite3.Connection, id_: str) -> Iterator[tuple[int, NoticeRow]]:
    """Yield what was told of an incident, whole, and its number in the order of its making."""
    found = connection.execute(f"{_PLACED} WHERE incident = ? ORDER BY seq", (id_,))
    return ((seq, _notice(row)) for *row, seq in found)


def of_none(connection: sqlite3.Connection) -> Iterator[tuple[int, NoticeRow]]:
    """Yield the same of what was told and belongs to no incident that is kept."""
    without = "incident NOT IN (SELECT id FROM incidents)"
    found = connection.execute(f"{_PLACED} WHERE {without} ORDER BY seq")
    return ((seq, _notice(row)) for *row, seq in found)


def listed(connection: sqlite3.Connection, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
    """Return the newest notices first, without their bodies."""
    which = ["true" if wanted.state is None else _OF_STATE.get(wanted.state, "false")]
    values: list[object] = []
    if wanted.consumer is not None:
        which.append("consumer = ?")
        values.append(wanted.consumer)
    if wanted.ids is not None:
        which.append(_among(wanted.ids))
        values.extend(wanted.ids)
    values.append(max(0, min(limit, NOTICES_MAX)))
    asked = f"{_LISTED} WHERE {' AND '.join(which)} ORDER BY seq DESC LIMIT ?"
    return tuple(map(_notice, connection.execute(asked, values)))


def given_up(connection: sqlite3.Connection) -> Mapping[str, int]:
    """Return how many dead notices are kept, by consumer."""
    rows = connection.execute(
        "SELECT consumer, count(*) FROM notices WHERE state = 'dead' GROUP BY consumer"
    )
    return dict(rows.fetchall())


def replay(connection: sqlite3.Connection, ids: Collection[str], term: int) -> Sequence[NoticeRow]:
    """Have dead notices told again; return all of these that are to be told late."""
    check_term(connection, term)
    these = tuple(ids)
    connection.execute(f"{_AGAIN} WHERE state = 'dead' AND {_among(these)}", these)
    asked = f"{_WHOLE} WHERE state = 'pending' AND late AND {_among(these)} ORDER BY seq"
    return tuple(map(_notice, connection.execute(asked, these)))


def _among(ids: Collection[str]) -> str:
    return f"id IN ({', '.join('?' * len(ids))})"


def _notice(row: Sequence[Any]) -> NoticeRow:
    id_, consumer, project, cloud, host, incident, kind, sequence, *delivery = row
    state, attempts, error, gap_before, late, made_at, evidence_at, body = delivery
    return NoticeRow(
        id=id_,
        consumer=consumer,
        project=project,
        host=HostId(cloud, host),
        incident=incident,
        kind=kind,
        sequence=sequence,
        body=body,
        state=state,
        attempts=attempts,
        error=error,
        gap_before=bool(gap_before),
        late=bool(late),
        made_at=INSTANT.loads(made_at) if made_at else None,
        evidence_at=INSTANT.loads(evidence_at) if evidence_at else None,
    )
