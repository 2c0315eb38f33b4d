"""One daemon a machine: an flock on a file beside the state.

The kernel lets go of the lock when the process ends, however it ends, so there is no stale lock to
be removed by hand at three in the morning. The file stays: were it removed, two daemons could each
hold a lock on a file of that name. The pid in it is for people, and decides nothing.

flock(2), open(2).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from doctor_daemon.errors import Conflict, Permanent

PID_MAX = 32
"""Bytes of the file that are looked at."""


class LocalLock:
    """`ports.LeaderLock` for the state at `path`; the lock is on `path` with `.lock` added."""

    def __init__(self, path: Path) -> None:
        """Touch nothing yet: `acquire` does."""
        self._path = path.with_name(f"{path.name}.lock")
        self._file: int | None = None

    async def acquire(self) -> None:
        """Take the lock. Raise Conflict if another daemon has it, Permanent if it cannot be had."""
        if self._file is not None:
            raise Conflict(f"{self._path}: this daemon has the lock already")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Permanent(f"{self._path}: {error.filename}: {error.strerror}") from error
        try:
            self._lock(file)
        except BaseException:
            os.close(file)
            raise
        self._file = file

    def _lock(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            raise Conflict(f"{self._path}: held by {_holder(file)}") from error
        except OSError as error:
            raise Permanent(f"{self._path}: {error.strerror}") from error

    async def release(self) -> None:
        """Let go. Without a lock this does nothing."""
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)


def _holder(file: int) -> str:
    """Name who has the lock: it writes its pid right after it has taken it."""
    pid = os.pread(file, PID_MAX, 0).strip()
    return f"another daemon, pid {int(pid)}" if pid.isdigit() else "another daemon"


@asynccontextmanager
async def locked(path: Path | None) -> AsyncIterator[None]:
    """Hold the lock beside a store's file; a store without a file needs none."""
    if path is None:
        yield
        return
    lock = LocalLock(Path(path))
    await lock.acquire()
    try:
        yield
    finally:
        await lock.release()
