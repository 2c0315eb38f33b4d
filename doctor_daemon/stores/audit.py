"""The audit in the database: lines in a chain, and its two ends.

They are chained by the thread that writes, in the transaction that writes what they are about: a
commit that is refused leaves no number unused, and commits of many cases at once are one chain.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from doctor_daemon.core.audit import Line, Link, Page, Row, chained
from doctor_daemon.stores.chain import AUDIT_PAGE_MAX, unknown
from doctor_daemon.stores.many import insert_many
from doctor_daemon.stores.moved_lines import key_of, made_wall_s

_AT_ONCE = 1000
_ENDS = "SELECT dropped, dropped_hash, last, last_hash FROM audit_ends"


def write_lines(connection: sqlite3.Connection, lines: Sequence[Line]) -> None:
    """Chain lines. One that is there already stays as it is."""
    new = unknown(lines, _known(connection, lines)) if lines else ()
    if not new:
        return
    _, last = _ends(connection)
    rows = tuple(chained(last, new))
    insert_many(
        connection,
        "INSERT INTO audit (number, key, at_wall_s, hash, body)",
        (
            (row.number, line.key, line.at.wall_s, row.hash, row.body)
            for line, row in zip(new, rows, strict=True)
        ),
    )
    connection.execute(
        "UPDATE audit_ends SET last = ?, last_hash = ?", (rows[-1].number, rows[-1].hash)
    )


def insert_row(connection: sqlite3.Connection, row: Row) -> None:
    """Write a line of a chain as it is; what is no record is kept too, for whoever follows it."""
    key = key_of(row)
    if connection.execute("SELECT 1 FROM audit WHERE key = ?", (key,)).fetchone():
        key = f"line {row.number}"
    connection.execute(
        "INSERT INTO audit (number, key, at_wall_s, hash, body) VALUES (?, ?, ?, ?, ?)",
        (row.number, key, made_wall_s(row), row.hash, row.body),
    )


def write_ends(connection: sqlite3.Connection, anchor: Link, last: Link) -> None:
    """Say where the chain begins and ends."""
    connection.execute(
        "UPDATE audit_ends SET dropped = ?, dropped_hash = ?, last = ?, last_hash = ?",
        (anchor.number, anchor.hash, last.number, last.hash),
    )


def _known(connection: sqlite3.Connection, lines: Sequence[Line]) -> set[str]:
    found = "SELECT 1 FROM audit WHERE key = ?"
    return {line.key for line in lines if connection.execute(found, (line.key,)).fetchone()}


def _ends(connection: sqlite3.Connection) -> tuple[Link, Link]:
    dropped, dropped_hash, last, last_hash = connection.execute(_ENDS).fetchone()
    return Link(dropped, dropped_hash), Link(last, last_hash)


def page(connection: sqlite3.Connection, after: int, limit: int) -> Page:
    """Return lines after a number, and the ends of the chain."""
    rows = connection.execute(
        "SELECT number, hash, body FROM audit WHERE number > ? ORDER BY number LIMIT ?",
        (after, max(0, min(limit, AUDIT_PAGE_MAX))),
    )
    return Page(*_ends(connection), tuple(Row(*row) for row in rows))


def lines_before(connection: sqlite3.Connection, horizon_s: float, most: int | None = None) -> int:
    """Return which line is the first that stays: none of before that moment, and not too many.

    Whatever comes after one that stays stays, too. Infinity is after every moment.
    """
    _, last = _ends(connection)
    young = connection.execute(
        "SELECT number FROM audit WHERE at_wall_s >= ? ORDER BY number LIMIT 1", (horizon_s,)
    ).fetchone()
    first = last.number + 1 if young is None else int(young[0])
    return first if most is None else max(first, last.number - most + 1)


def drop_lines(connection: sqlite3.Connection, number: int) -> int:
    """Drop the oldest lines before a number, some at once, and remember where the chain is."""
    rows = connection.execute(
        "SELECT number, hash FROM audit WHERE number < ? ORDER BY number LIMIT ?",
        (number, _AT_ONCE),
    ).fetchall()
    if not rows:
        return 0
    connection.execute("UPDATE audit_ends SET dropped = ?, dropped_hash = ?", rows[-1])
    return connection.execute("DELETE FROM audit WHERE number <= ?", (rows[-1][0],)).rowcount
