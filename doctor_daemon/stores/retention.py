"""How long what is over is kept, and the statements that drop it.

A store has no clock. It counts ages from the last moment that was written to it, so the same rules
hold in a simulation, and a store that nobody writes to, which does not grow either, drops nothing.
The age of closed incidents is one of months and goes by the wall clock. What decisions are made of,
charges and the keys of evidence, goes by the boot's clock where that can be compared: a step of the
wall clock must not open the budget.

Each step drops a few rows and says how many, so that no commit waits long for a large clean-up.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.instant import Instant
from doctor_daemon.stores.audit import drop_lines, lines_before
from doctor_daemon.stores.chain import AUDIT_MAX
from doctor_daemon.stores.rows import check_term
from doctor_daemon.stores.volumes import drop_old

KEYS_KEEP_S = 86_400.0
"""How long a repeated event is known: the greatest age that evidence may be configured to have."""
KEYS_MAX = 100_000
FOLDS_MAX = 100_000
HEADINGS_MAX = 1000
RETURNS_MAX = 1000
"""Of the incidents that have ended, so many are looked at for hosts that fail again and again."""
RETURNS_KEEP_S = 31 * 86_400.0
"""And none that is older: a day more than the longest `flap_window_s` that can be configured."""
NOTICES_MAX = 10_000
DAY_S = 86_400.0
CHARGES_KEEP_S = DAY_S
"""How long a power cut is known to the budget: the longest `window_s` that can be configured."""

Drop = Callable[[sqlite3.Connection], int]
_INCIDENTS_AT_ONCE = 20
_NOTICES_AT_ONCE = 100
_ROWS_AT_ONCE = 5000
_ANY = "SELECT opened_wall_s FROM incidents ORDER BY seq LIMIT 1"
_CLOSED = (
    "SELECT opened_wall_s FROM incidents WHERE ended_wall_s IS NOT NULL"
    " ORDER BY ended_wall_s, seq LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept: closed incidents for `keep_days`, and fewer when all takes above `size_max`."""

    keep_days: int
    size_max: int
    """Bytes."""


def drops(rule: Retention, term: int) -> tuple[Drop, ...]:
    """Return every kind of clean-up. Each is to be done until it says 0."""

    def guarded(drop: Callable[[sqlite3.Connection, Retention, Instant], int]) -> Drop:
        def work(connection: sqlite3.Connection) -> int:
            check_term(connection, term)
            moment = connection.execute("SELECT boot_id, boot_s, wall_s FROM meta").fetchone()
            return 0 if moment[0] is None else drop(connection, rule, Instant(*moment))

        return work

    return tuple(map(guarded, (_old, _large, _audit, _notices, _keys, _folds, _charges, _volumes)))


def _old(connection: sqlite3.Connection, rule: Retention, now: Instant) -> int:
    """Drop incidents that ended long ago."""
    return connection.execute(
        "DELETE FROM incidents WHERE seq IN (SELECT seq FROM incidents"
        " WHERE ended_wall_s < ? ORDER BY ended_wall_s LIMIT ?)",
        (_horizon_s(rule, now), _INCIDENTS_AT_ONCE),
    ).rowcount


def _large(connection: sqlite3.Connection, rule: Retention, _: Instant) -> int:
    """Drop what ended first, while the database is too large.

    Notices of upkeep and lines of the audit go with the incidents that have ended since. Where none
    has ended, lines stay that are no older than the incidents that are open.
    """
    if _size(connection) <= rule.size_max:
        return 0
    told = connection.execute(
        "DELETE FROM notices WHERE seq IN (SELECT seq FROM notices"
        " WHERE kind = ? AND state <> 'pending' AND coalesce(made_wall_s <="
        " (SELECT min(ended_wall_s) FROM incidents), 1) ORDER BY seq LIMIT ?)",
        (NoticeKind.MAINTENANCE, _NOTICES_AT_ONCE),
    ).rowcount
    told = told or drop_lines(connection, lines_before(connection, _spared_s(connection)))
    if told:
        return told
    dropped = connection.execute(
        "DELETE FROM incidents WHERE seq IN (SELECT seq FROM incidents"
        " WHERE ended_wall_s IS NOT NULL ORDER BY ended_wall_s, seq LIMIT ?)",
        (_INCIDENTS_AT_ONCE,),
    ).rowcount
    return dropped + _settled(connection) if dropped else 0


def _spared_s(connection: sqlite3.Connection) -> float:
    """Return since when lines stay in a database that is too large."""
    since_s = _kept_s(connection, _CLOSED)
    return since_s if math.isfinite(since_s) else _kept_s(connection, _ANY)


def _size(connection: sqlite3.Connection) -> int:
    """Return the bytes in use. Free pages are used again before the file grows."""
    (size,) = connection.execute(
        "SELECT (page_count - freelist_count) * page_size"
        " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
    ).fetchone()
    return int(size)


def _audit(connection: sqlite3.Connection, rule: Retention, now: Instant) -> int:
    """Drop lines of the audit that are old, and from before all incidents that are kept."""
    horizon_s = min(_horizon_s(rule, now), _kept_s(connection, _ANY))
    return drop_lines(connection, lines_before(connection, horizon_s, AUDIT_MAX))


def _kept_s(connection: sqlite3.Connection, oldest: str) -> float:
    """Return when the oldest incident that is kept was opened; infinity: there is none."""
    row = connection.execute(oldest).fetchone()
    return math.inf if row is None else float(row[0])


def _notices(connection: sqlite3.Connection, rule: Retention, now: Instant) -> int:
    """Drop notices with their incident, once they are settled; and any that is very old.

    They stand in the order of their making, so that the oldest are looked at alone.
    """
    return (
        _settled(connection)
        + connection.execute(
            "DELETE FROM notices WHERE seq IN (SELECT seq FROM"
            " (SELECT seq, made_wall_s FROM notices WHERE made_wall_s IS NOT NULL"
            " ORDER BY seq LIMIT ?) WHERE made_wall_s < ?)",
            (_ROWS_AT_ONCE, _horizon_s(rule, now)),
        ).rowcount
    )


def _settled(connection: sqlite3.Connection) -> int:
    """Drop what is settled without an incident. Upkeep never has one: its notices go by age.

    They go in the order of their making. Were one kept that was given up, and not the next, which
    has told of the gap, a gap would be told of twice. Whose incidents are gone is asked of an index
    alone: the notices themselves may be a gigabyte, and commits wait meanwhile.
    """
    return connection.execute(
        "DELETE FROM notices WHERE seq IN (SELECT seq FROM notices WHERE incident IN"
        " (SELECT incident FROM (SELECT DISTINCT incident FROM notices)"
        " WHERE incident NOT IN (SELECT id FROM incidents))"
        " AND state <> 'pending' AND kind <> ? ORDER BY seq LIMIT ?)",
        (NoticeKind.MAINTENANCE, _ROWS_AT_ONCE),
    ).rowcount


def _keys(connection: sqlite3.Connection, _: Retention, now: Instant) -> int:
    """Drop keys that no evidence of an acceptable age can repeat, and what is beyond the limit."""
    return connection.execute(
        "DELETE FROM evidence_keys WHERE seq IN (SELECT seq FROM evidence_keys"
        " WHERE (boot_id = ? AND boot_s < ?) OR (boot_id <> ? AND wall_s < ?)"
        " OR seq <= (SELECT max(seq) FROM evidence_keys) - ? LIMIT ?)",
        (
            *(now.boot_id, now.boot_s - KEYS_KEEP_S, now.boot_id, now.wall_s - KEYS_KEEP_S),
            *(KEYS_MAX, _ROWS_AT_ONCE),
        ),
    ).rowcount


def _folds(connection: sqlite3.Connection, rule: Retention, now: Instant) -> int:
    """Drop what has not been said for long, and what is beyond the limit."""
    return connection.execute(
        "DELETE FROM evidence WHERE rowid IN (SELECT rowid FROM evidence WHERE last_wall_s < ?"
        " UNION SELECT rowid FROM (SELECT rowid FROM evidence"
        " ORDER BY last_wall_s DESC LIMIT -1 OFFSET ?) LIMIT ?)",
        (_horizon_s(rule, now), FOLDS_MAX, _ROWS_AT_ONCE),
    ).rowcount


def _charges(connection: sqlite3.Connection, _: Retention, now: Instant) -> int:
    """Drop charges of this boot that no budget looks back to. Those of another are timed anew."""
    return connection.execute(
        "DELETE FROM charges WHERE boot_id = ? AND boot_s < ?",
        (now.boot_id, now.boot_s - CHARGES_KEEP_S),
    ).rowcount


def _volumes(connection: sqlite3.Connection, _: Retention, __: Instant) -> int:
    """Drop the oldest orders and tasks about Cinder."""
    return drop_old(connection, _ROWS_AT_ONCE)


def _horizon_s(rule: Retention, now: Instant) -> float:
    return now.wall_s - rule.keep_days * DAY_S
