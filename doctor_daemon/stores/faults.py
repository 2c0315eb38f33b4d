"""What an error of SQLite means to whoever asked for something to be saved.

Three things can be wrong: nothing can be written now, which may pass (Temporary); the database must
not be used, which a human has to see to (Permanent); or somebody else has written (Conflict). What
is none of these is a bug in a statement, and stays the exception that it is.

Result codes: https://www.sqlite.org/rescode.html
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doctor_daemon.errors import Conflict, DoctorError, Permanent, Temporary

_PRIMARY = 0xFF
"""An extended code has its primary code in the lowest byte."""

_PASSING = {
    sqlite3.SQLITE_BUSY: "another process has it locked",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_INTERRUPT: "the statement was interrupted",
    sqlite3.SQLITE_IOERR: "reading or writing failed",
    sqlite3.SQLITE_LOCKED: "it is locked",
    sqlite3.SQLITE_NOMEM: "memory is short",
    sqlite3.SQLITE_PROTOCOL: "another process has it locked",
}
_LASTING = {
    sqlite3.SQLITE_AUTH: "access is refused",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_CORRUPT: "it is corrupt",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database",
    sqlite3.SQLITE_PERM: "access is refused",
    sqlite3.SQLITE_READONLY: "it is read-only",
}
_UNSYNCED = (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC)
_TAKEN = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Unsynced(Temporary):
    """The disk did not confirm what was written.

    The kernel may have dropped what it could not write, and says of the next synchronisation that
    all is well: nothing that this process writes after this can be relied upon.
    """


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Raise what an error of SQLite means in its place. A bug stays what it is."""
    try:
        yield
    except sqlite3.Error as error:
        meant = _meaning(error, path)
        if meant is None:
            raise
        raise meant from error


def _meaning(error: sqlite3.Error, path: Path) -> DoctorError | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    if code in _TAKEN:
        return Conflict(f"{path}: somebody else has written: {error}")
    if code in _UNSYNCED:
        return Unsynced(f"{path}: the disk could not be synchronised; {_said(error)}")
    primary = code & _PRIMARY
    if primary in _PASSING:
        return Temporary(f"{path}: {_PASSING[primary]}; {_said(error)}")
    if primary in _LASTING:
        return Permanent(f"{path}: {_LASTING[primary]}; {_said(error)}")
    return None


def _said(error: sqlite3.Error) -> str:
    return f"SQLite says: {error} ({error.sqlite_errorname})"


def refusal(error: OSError, path: Path) -> DoctorError:
    """Return what an error of the file system means when the file is made or opened."""
    text = f"{path}: {error.filename or path}: {error.strerror or type(error).__name__}"
    return Temporary(text) if error.errno in _FULL else Permanent(text)
