"""The database file: how it is made, checked, brought up to date and claimed.

A daemon that cannot be sure of its memory must not act, so everything that can be wrong with the
file is looked for before the first statement of ours: not a database, another program's, a newer
schema than this version knows, damaged pages.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing, suppress
from itertools import chain
from pathlib import Path

from doctor_daemon.errors import Permanent
from doctor_daemon.stores.faults import refusal, understood

APPLICATION_ID = 0x444F4354
"""`DOCT`: how file(1) and we tell our database from another program's."""
LOG_PAGES_MAX = 20_000
"""80 MiB of log; above that a commit waits while it is moved into the database."""
BUSY_S = 2.0
"""How long a statement waits for a lock. Nobody else writes but an operator with a shell."""

_FIRST = (
    """CREATE TABLE meta (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        term INTEGER NOT NULL,
        armed TEXT,
        boot_id TEXT, boot_s REAL, wall_s REAL)""",
    "INSERT INTO meta (one, term) VALUES (1, 0)",
    """CREATE TABLE incidents (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        cloud TEXT NOT NULL, host TEXT NOT NULL,
        phase TEXT NOT NULL, version INTEGER NOT NULL,
        opened_wall_s REAL NOT NULL,
        ended_wall_s REAL, -- NULL: it is open
        head TEXT NOT NULL)""",
    # At most one open incident a host, whoever asks.
    "CREATE UNIQUE INDEX open_incidents ON incidents (cloud, host) WHERE ended_wall_s IS NULL",
    "CREATE INDEX ended_incidents ON incidents (ended_wall_s, seq)",
    "CREATE INDEX incidents_of_host ON incidents (cloud, host, seq)",
    """CREATE TABLE entries (
        incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (incident, seq)) WITHOUT ROWID""",
    """CREATE TABLE servers (
        incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
        id TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (incident, id)) WITHOUT ROWID""",
    """CREATE TABLE charges (
        incident TEXT NOT NULL, number INTEGER NOT NULL, domain TEXT NOT NULL,
        boot_id TEXT NOT NULL, boot_s REAL NOT NULL, wall_s REAL NOT NULL,
        PRIMARY KEY (incident, number))""",
    """CREATE TABLE notices (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        consumer TEXT NOT NULL, project TEXT NOT NULL,
        cloud TEXT NOT NULL, host TEXT NOT NULL, incident TEXT NOT NULL,
        kind TEXT NOT NULL, sequence INTEGER NOT NULL, body TEXT NOT NULL,
        state TEXT NOT NULL, attempts INTEGER NOT NULL, error TEXT NOT NULL,
        gap_before INTEGER NOT NULL,
        made_at TEXT, evidence_at TEXT, made_wall_s REAL,
        UNIQUE (consumer, cloud, host, sequence))""",
    "CREATE INDEX pending_notices ON notices (seq) WHERE state = 'pending'",
    "CREATE INDEX notices_of_incident ON notices (incident)",
    # Apart from the notices, which are pruned: a sequence goes on for ever.
    """CREATE TABLE sequences (
        consumer TEXT NOT NULL, cloud TEXT NOT NULL, host TEXT NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (consumer, cloud, host)) WITHOUT ROWID""",
    # What was said, folded; `evidence_keys` tells which events said it.
    """CREATE TABLE evidence (
        cloud TEXT NOT NULL, host TEXT NOT NULL,
        source TEXT NOT NULL, fingerprint TEXT NOT NULL,
        verdict TEXT NOT NULL, summary TEXT NOT NULL, incident TEXT,
        first TEXT NOT NULL, last TEXT NOT NULL, last_wall_s REAL NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (cloud, host, source, fingerprint))""",
    """CREATE TABLE evidence_keys (
        seq INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        cloud TEXT NOT NULL, host TEXT NOT NULL,
        source TEXT NOT NULL, fingerprint TEXT NOT NULL,
        verdict TEXT NOT NULL, incident TEXT,
        boot_id TEXT NOT NULL, boot_s REAL NOT NULL, wall_s REAL NOT NULL)""",
    """CREATE TABLE maintenance (
        cloud TEXT NOT NULL, host TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (cloud, host)) WITHOUT ROWID""",
)

_SECOND = (
    """CREATE TABLE evacuations (
        incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
        server TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (incident, server)) WITHOUT ROWID""",
    # 1: it was given up, and an operator has had it told once more, behind its successors.
    "ALTER TABLE notices ADD COLUMN late INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX dead_notices ON notices (seq, consumer) WHERE state = 'dead'",
)

_THIRD = (
    # What consumers were last told of a host in Nova's MAINTENANCE: it is no incident.
    """CREATE TABLE upkeep (
        cloud TEXT NOT NULL, host TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (cloud, host)) WITHOUT ROWID""",
)

_FOURTH = (
    # Operators' orders about Cinder, and tasks about cinder-volumes of fenced hosts.
    """CREATE TABLE volume_records (
        kind TEXT NOT NULL, number INTEGER NOT NULL,
        over INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (kind, number)) WITHOUT ROWID""",
)

_FIFTH = (
    # What is done for a host beside its incidents: about its ports, and about a host in reserve.
    """CREATE TABLE host_tasks (
        kind TEXT NOT NULL, cloud TEXT NOT NULL, host TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (kind, cloud, host)) WITHOUT ROWID""",
)

_SIXTH = (
    # Signed requests that have come, and up to which second they are known without their names.
    """CREATE TABLE spent (
        source TEXT NOT NULL, nonce TEXT NOT NULL, signed_s INTEGER NOT NULL,
        PRIMARY KEY (source, nonce)) WITHOUT ROWID""",
    "CREATE INDEX spent_by_age ON spent (source, signed_s)",
    """CREATE TABLE spent_floors (
        source TEXT PRIMARY KEY, signed_s INTEGER NOT NULL) WITHOUT ROWID""",
)

_SEVENTH = (
    # The audit: lines in a chain, and its two ends, by which it is known whether some are gone.
    """CREATE TABLE audit (
        number INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE, at_wall_s REAL NOT NULL,
        hash TEXT NOT NULL, body TEXT NOT NULL)""",
    """CREATE TABLE audit_ends (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        dropped INTEGER NOT NULL, dropped_hash TEXT NOT NULL,
        last INTEGER NOT NULL, last_hash TEXT NOT NULL)""",
    """INSERT INTO audit_ends
        SELECT 1, 0, hash, 0, hash FROM (SELECT lower(hex(zeroblob(32))) AS hash)""",
)

STEPS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH, _SIXTH, _SEVENTH)
"""Schema n is made from schema n - 1 by the n-th of these. One that was released never changes."""


def claim(path: Path) -> tuple[sqlite3.Connection, int]:
    """Open the database for writing and take the next term, durably.

    Raise Permanent if it must not be used, Temporary if it cannot be written now.
    """
    _make_file(path)
    with understood(path), ExitStack() as undone:
        connection = undone.enter_context(closing(_connect(path)))
        _check(connection, path)
        _set_up(connection, path)
        term = _next_term(connection)
        undone.pop_all()
        return connection, term


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open the database for reading alone. Raise as `claim` does."""
    with understood(path):
        connection = _connect(path)
        connection.execute("PRAGMA query_only = ON")
        return connection


def move_log(path: Path) -> None:
    """Move what has been committed from the log into the database, as far as nobody reads it.

    What fails is left in the log: a commit will tell of the disk.
    """
    with suppress(sqlite3.Error), closing(_connect(path)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def _make_file(path: Path) -> None:
    """Make the file and its directory, for our eyes only, if they are not there."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = not path.exists()
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        if made:
            _sync_directory(path.parent)
    except OSError as error:
        raise refusal(error, path) from error


def _sync_directory(directory: Path) -> None:
    """Make the name of a new file durable: syncing the file alone does not."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _connect(path: Path) -> sqlite3.Connection:
    # mode=rw: a file that has vanished meanwhile is an error, not a new and empty memory.
    where = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(where, uri=True, timeout=BUSY_S, isolation_level=None)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse what is not ours, is newer than we are, or is damaged."""
    application = _number(connection, "application_id")
    version = _number(connection, "user_version")
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    if application != APPLICATION_ID and not (empty and application == 0 and version == 0):
        raise Permanent(f"{path}: this is another program's database")
    if version > len(STEPS):
        raise Permanent(
            f"{path}: its schema is {version}, this version of doctor-daemon knows up to "
            f"{len(STEPS)}: use the version that wrote it, or a newer one"
        )
    found = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != ("ok",):
        raise Permanent(f"{path}: it is corrupt: {found[0] if found else 'no answer'}")


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    """Have each commit synchronised, and bring the schema up to date in one transaction."""
    journal = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if journal != "wal":
        raise Permanent(f"{path}: write-ahead logging is not possible here, but {journal} only")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # What undoes one statement alone is kept in memory, and not in a file of its own.
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    # The writer moves the log into the database in calm moments. This is for when there are none.
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES_MAX}")
    steps = STEPS[_number(connection, "user_version") :]
    if not steps:
        return
    connection.execute("BEGIN IMMEDIATE")
    for statement in chain.from_iterable(steps):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(STEPS)}")
    connection.execute("COMMIT")


def _next_term(connection: sqlite3.Connection) -> int:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE meta SET term = term + 1")
    (term,) = connection.execute("SELECT term FROM meta").fetchone()
    connection.execute("COMMIT")
    return int(term)


def _number(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)
