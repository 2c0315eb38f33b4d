"""A database as a whole: taken out in one read, put in by few commits, of which the last counts.

While it is filled it is no database of the daemon's: its mark says that it is unfinished, and every
version refuses it. The mark is changed in the transaction that ends it.
"""

from __future__ import annotations

import sqlite3
import time
from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Protocol

from doctor_daemon.core.audit import Row
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Conflict, Permanent
from doctor_daemon.ports import Change, NoticeRow
from doctor_daemon.ports.moving import Inventory, LastNumber, Record, Told
from doctor_daemon.stores.audit import insert_row, page, write_ends
from doctor_daemon.stores.chain import AUDIT_PAGE_MAX
from doctor_daemon.stores.faults import understood
from doctor_daemon.stores.moved_rows import small_records
from doctor_daemon.stores.notices import of_incident, of_none
from doctor_daemon.stores.queries import all_incidents, small
from doctor_daemon.stores.rows import insert_placed, insert_whole, reach, write_change
from doctor_daemon.stores.schema import connect_current, connect_unfinished, finish
from doctor_daemon.stores.volumes import everything

AT_ONCE = 500
"""Records of one commit."""


class HasPath(Protocol):
    """A configuration of the SQLite store."""

    @property
    def path(self) -> Path:
        """The database."""
        ...


class SqliteMoving:
    """`ports.moving.Moving`. That no daemon runs on the file is seen to by the lock beside it."""

    def __init__(self, config: HasPath) -> None:
        """Touch nothing yet."""
        self._path = config.path

    @asynccontextmanager
    async def given(self) -> AsyncIterator[tuple[Inventory, AsyncIterator[Record]]]:
        if not self._path.exists():
            raise Permanent(f"{self._path}: there is no such file")
        with understood(self._path), closing(connect_current(self._path)) as connection:
            connection.execute("BEGIN")  # one moment for all that is read
            yield _inventory(connection), _waited_for(_records(connection))

    async def fill(self, inventory: Inventory, records: AsyncIterator[Record]) -> None:
        with understood(self._path), closing(connect_unfinished(self._path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            count = 0
            async for record in records:
                _taken(connection, record)
                count += 1
                if count % AT_ONCE == 0:
                    connection.execute("COMMIT")
                    connection.execute("BEGIN IMMEDIATE")
            _end(connection, inventory)
            finish(connection)
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


async def _waited_for(records: Iterator[Record]) -> AsyncIterator[Record]:
    for record in records:
        yield record


# taking out


def _inventory(connection: sqlite3.Connection) -> Inventory:
    term, *at = connection.execute("SELECT term, boot_id, boot_s, wall_s FROM meta").fetchone()
    incidents, closed, notices = connection.execute(
        "SELECT (SELECT count(*) FROM incidents), (SELECT count(*) FROM incidents"
        " WHERE ended_wall_s IS NOT NULL), (SELECT count(*) FROM notices)"
    ).fetchone()
    ends = page(connection, 0, 0)
    return Inventory(
        made_wall_s=time.time(),
        term=term,
        moment=None if at[0] is None else Instant(*at),
        incidents=incidents,
        closed=closed,
        notices=notices,
        anchor=ends.anchor,
        last=ends.last,
    )


def _records(connection: sqlite3.Connection) -> Iterator[Record]:
    numbers = connection.execute("SELECT seq FROM notices ORDER BY seq")
    places = array("q", (seq for (seq,) in numbers))

    def told(found: Iterator[tuple[int, NoticeRow]]) -> Iterator[Record]:
        return (Told(bisect_left(places, seq) + 1, row) for seq, row in found)

    for incident in all_incidents(connection):
        yield incident
        yield from told(of_incident(connection, incident.id))
    yield from told(of_none(connection))
    yield from small_records(small(connection), *everything(connection))
    yield from _lines(connection)


def _lines(connection: sqlite3.Connection) -> Iterator[Row]:
    after = 0
    while rows := page(connection, after, AUDIT_PAGE_MAX).rows:
        yield from rows
        after = rows[-1].number


# putting in


def _taken(connection: sqlite3.Connection, record: Record) -> None:
    """Take a record. Raise Permanent for one that SQLite cannot hold."""
    try:
        _take(connection, record)
    except (sqlite3.IntegrityError, ValueError, OverflowError, Conflict) as error:
        raise Permanent(f"it cannot be kept in SQLite: {error}") from error


def _take(connection: sqlite3.Connection, record: Record) -> None:
    match record:
        case Incident():
            insert_whole(connection, record)
        case Told(place, row):
            insert_placed(connection, place, row)
        case LastNumber(consumer, host, number):
            reach(connection, consumer, host, number)
        case Change():
            (term,) = connection.execute("SELECT term FROM meta").fetchone()
            write_change(connection, record, term)
        case Row():
            insert_row(connection, record)


def _end(connection: sqlite3.Connection, inventory: Inventory) -> None:
    at = inventory.moment
    moment = (at.boot_id, at.boot_s, at.wall_s) if at else (None, None, None)
    connection.execute(
        "UPDATE meta SET term = max(term, ?), boot_id = ?, boot_s = ?, wall_s = ?",
        (inventory.term, *moment),
    )
    write_ends(connection, inventory.anchor, inventory.last)
