"""The database file: how it is made, checked, brought up to date and claimed.

A daemon that cannot be sure of its memory must not act, so everything that can be wrong with the
file is looked for before the first statement of ours: not a database, another program's, a newer
schema than this version knows, damaged pages. The last takes long where there is much: see
`soundness`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from itertools import chain
from pathlib import Path

from doctor_daemon.errors import Permanent
from doctor_daemon.ports.moving import NOT_WHOLE
from doctor_daemon.stores.faults import refusal, understood
from doctor_daemon.stores.schema_steps import STEPS
from doctor_daemon.stores.soundness import Check

APPLICATION_ID = 0x444F4354
"""`DOCT`: how file(1) and we tell our database from another program's."""
UNFINISHED = 0x444F4349
"""`DOCI`: something is being put into it as a whole, and has not come to its end."""
LOG_PAGES_MAX = 20_000
"""80 MiB of log; above that a commit waits while it is moved into the database."""
BUSY_S = 2.0
"""How long a statement waits for a lock. Nobody else writes but an operator with a shell."""

_TABLES = (
    *("entries", "servers", "evacuations", "incidents", "charges", "notices", "sequences"),
    *("evidence", "evidence_keys", "maintenance", "upkeep", "volume_records", "host_tasks"),
    *("spent", "spent_floors", "audit"),
)
"""Those that hold rows, each before those that it refers to."""


def claim(path: Path, check: Check | None = None) -> tuple[sqlite3.Connection, int]:
    """Open the database for writing and take the next term, durably.

    `check` is as `connect_current` has it. Raise Permanent if it must not be used, Temporary if it
    cannot be written now.
    """
    _make_file(path)
    with understood(path), ExitStack() as undone:
        connection = undone.enter_context(closing(connect_current(path, check)))
        term = _next_term(connection)
        undone.pop_all()
        return connection, term


def connect_current(path: Path, check: Check | None = None) -> sqlite3.Connection:
    """Open a database that is there, and bring its schema up to date.

    `check` looks through all of it, and may go on after this: None: it is looked through here. What
    is to be changed, be it to another schema or to a write-ahead log, waits until all is sound.
    Raise as `claim` does.
    """
    with understood(path), ExitStack() as undone:
        connection = undone.enter_context(closing(_connect(path)))
        _check(connection, path)
        if check is None:
            _look(connection, path)
        else:
            check.begin(path.stat().st_size, whole=not _current(connection))
        _set_up(connection, path)
        undone.pop_all()
        return connection


def connect_unfinished(path: Path) -> sqlite3.Connection:
    """Open a database for being filled: one that holds nothing, or is unfinished; empty it then.

    It is unfinished from here on, and nobody else opens it until `finish`. Raise Permanent for one
    that holds something, and as `claim` does.
    """
    _make_file(path)
    with understood(path), ExitStack() as undone:
        connection = undone.enter_context(closing(_connect(path)))
        found = _check(connection, path, unfinished=True)
        _look(connection, path)
        _set_up(connection, path, found or UNFINISHED)
        if found != UNFINISHED and _holds(connection):
            raise Permanent(
                f"{path}: there is state in it already: set another state.path, or take the file"
                " away if nobody needs it"
            )
        connection.execute("BEGIN IMMEDIATE")
        for table in _TABLES:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a table of ours
        connection.execute(f"PRAGMA application_id = {UNFINISHED}")
        connection.execute("COMMIT")
        undone.pop_all()
        return connection


def finish(connection: sqlite3.Connection) -> None:
    """Say, in the transaction that is open, that the database is whole."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _holds(connection: sqlite3.Connection) -> bool:
    """Tell whether anything was ever saved: a term alone was claimed by whoever saved nothing."""
    for table in _TABLES:
        if connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():  # noqa: S608 - as above
            return True
    said = connection.execute(
        "SELECT armed IS NOT NULL OR boot_id IS NOT NULL OR (SELECT last FROM audit_ends) FROM meta"
    )
    return bool(said.fetchone()[0])


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open the database for reading alone. Raise as `claim` does."""
    with understood(path):
        connection = _connect(path)
        connection.execute("PRAGMA query_only = ON")
        return connection


def look_through(path: Path, begun: Callable[[sqlite3.Connection], None]) -> None:
    """Read all of the database by a connection of its own, which is handed over first.

    Raise Permanent where it is not sound, and as `claim` does.
    """
    with closing(connect_reader(path)) as connection, understood(path):
        begun(connection)
        _look(connection, path)


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


def _check(connection: sqlite3.Connection, path: Path, *, unfinished: bool = False) -> int:
    """Refuse what is not ours, or is newer than we are; return whose it is.

    `unfinished`: one that is being filled is not refused.
    """
    application = _number(connection, "application_id")
    version = _number(connection, "user_version")
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    if application == UNFINISHED and not unfinished:
        raise Permanent(f"{path}: {NOT_WHOLE}")
    ours = application in (APPLICATION_ID, UNFINISHED)
    if not ours and not (empty and application == 0 and version == 0):
        raise Permanent(f"{path}: this is another program's database")
    if version > len(STEPS):
        raise Permanent(
            f"{path}: its schema is {version}, this version of doctor-daemon knows up to "
            f"{len(STEPS)}: use the version that wrote it, or a newer one"
        )
    return application


def _current(connection: sqlite3.Connection) -> bool:
    """Tell whether nothing in the file has to be changed before it can be used."""
    (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
    return journal == "wal" and _number(connection, "user_version") == len(STEPS)


def _look(connection: sqlite3.Connection, path: Path) -> None:
    """Read all of it. Raise Permanent where it is damaged."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != ("ok",):
        raise Permanent(f"{path}: it is corrupt: {found[0] if found else 'no answer'}")


def _set_up(connection: sqlite3.Connection, path: Path, application: int = APPLICATION_ID) -> None:
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
    connection.execute(f"PRAGMA application_id = {application}")
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
