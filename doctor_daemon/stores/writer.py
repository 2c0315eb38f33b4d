"""The thread that owns the write connection, and commits in groups.

Synchronising the disk takes milliseconds however little is written. So whatever was asked for while
the last commit was being synchronised goes into the next one together: one transaction, a savepoint
for each piece of work so that one that is refused fails alone, one synchronisation, and one wake-up
of the event loop for all who wait.

SQLite appends to a log, which is to be moved into the database now and then. That takes as long as
many commits, so it is begun when nothing has been asked for a while, and by a thread and connection
of its own: a commit that comes meanwhile does not wait for it.

Nobody who stops waiting takes anything back: work that was queued is done.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.faults import Unsynced, understood

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
Claim = Callable[[], tuple[sqlite3.Connection, int]]
Move = Callable[[], None]
"""Moves the log into the database, by a connection of its own; raises nothing."""

QUEUE_MAX = 4000
"""Pieces of work that may wait: more than all cases, and what thirty sources that flood may have
under way at once, come to."""
WRITE_S = 10.0
CALM_S, CALM_GROUPS, BUSY_GROUPS = 0.03, 50, 150
"""With no work for so long, and so many groups in the log, it is moved into the database; with many
more it is moved all the same."""
MOVE_S = 10.0
"""How long the end of the daemon waits for such a move; the next start takes the log as it is."""
OPEN_S = 300.0
"""Opening may have to read the whole database once."""


@dataclass(frozen=True, slots=True)
class _Job:
    work: Work[Any]
    done: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _End:
    """How one job ended: by a value, or by an error."""

    done: asyncio.Future[Any]
    value: object = None
    error: Exception | None = None

    def tell(self) -> None:
        if self.done.done():
            return  # nobody waits any more
        if self.error is not None:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self.value)


class Writer:
    """One thread and its connection, made by `claim` in that thread."""

    def __init__(self, path: Path, claim: Claim, move: Move, write_s: float = WRITE_S) -> None:
        """Make no thread yet: `start` does. The path is for errors alone."""
        self.groups = 0
        """Transactions that were committed, each with one synchronisation of the disk."""
        self._path = path
        self._claim = claim
        self._move = move
        self._write_s = write_s
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting = 0
        self._file: tuple[int, int] | None = None
        self._closed = False
        self._logged = 0
        self._mover: Thread | None = None
        self._fault = ""
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()

    @property
    def waiting(self) -> int:
        """How many pieces of work wait, or are being done."""
        return self._waiting

    async def start(self) -> int:
        """Begin, and return the term. Raise Permanent or Temporary."""
        opened: asyncio.Future[int] = self._loop.create_future()
        # A daemon thread: one that hangs in the kernel must not keep the process from ending,
        # and a commit that is cut off there is one that was never told of.
        Thread(target=self._run, args=(opened,), name="store-writer", daemon=True).start()
        try:
            return await self._bounded(opened, OPEN_S)
        except BaseException:
            self._queue.put(None)
            raise

    async def write(self, work: Work[T]) -> T:
        """Do one piece of work, all or nothing; when this returns it is durable.

        Raise Temporary when it cannot be known in time whether it was done.
        """
        if self._fault or self._closed:
            raise Permanent(self._fault or f"{self._path}: the store is closed")
        if self._waiting >= QUEUE_MAX:
            msg = f"{self._path}: {self._waiting} writes are waiting already"
            raise Temporary(msg)
        done: asyncio.Future[T] = self._loop.create_future()
        self._waiting += 1
        self._queue.put(_Job(work, done))
        return await self._bounded(done, self._write_s)

    async def _bounded(self, future: asyncio.Future[T], limit_s: float) -> T:
        try:
            async with asyncio.timeout(limit_s):
                return await future
        except TimeoutError:
            msg = f"{self._path}: no answer from the disk in {limit_s:g} s"
            raise Temporary(msg) from None

    def refuse(self, fault: Exception) -> None:
        """Write nothing any more: what is on the disk cannot be relied upon."""
        self._fault = self._fault or str(fault)

    async def stop(self) -> None:
        """Do what is queued, and end."""
        self._closed = True
        self._queue.put(None)
        with suppress(Temporary):
            await self._bounded(asyncio.shield(self._ended), self._write_s)

    # in the thread

    def _run(self, opened: asyncio.Future[int]) -> None:
        try:
            connection, term = self._claim()
        except Exception as error:  # noqa: BLE001 - handed to the one who waits
            self._tell([_End(opened, error=error), _End(self._ended)])
            return
        self._file = _identity(self._path)
        with closing(connection):
            self._tell([_End(opened, term)])
            while jobs := self._jobs():
                self._tell(self._group(connection, jobs), len(jobs))
            if self._mover is not None:
                self._mover.join(MOVE_S)
        self._tell([_End(self._ended)])

    def _jobs(self) -> list[_Job]:
        """Wait for work and take all there is; nothing: the end has come."""
        job = self._first()
        jobs = []
        while job is not None:
            jobs.append(job)
            try:
                job = self._queue.get_nowait()
            except Empty:
                return jobs
        if jobs:
            self._queue.put(None)  # first what was asked for before
        return jobs

    def _first(self) -> _Job | None:
        """Wait for work. Have the log moved if none comes soon after the last."""
        moving = self._mover is not None and self._mover.is_alive()
        if self._logged >= CALM_GROUPS and not moving and not self._fault:
            if self._logged < BUSY_GROUPS:
                with suppress(Empty):
                    return self._queue.get(timeout=CALM_S)
            self._logged = 0
            mover = Thread(target=self._move, name="store-log", daemon=True)
            with suppress(RuntimeError):  # no more threads are allowed: the log can wait
                mover.start()
                self._mover = mover
        return self._queue.get()

    def _group(self, connection: sqlite3.Connection, jobs: Sequence[_Job]) -> list[_End]:
        """Do all jobs in one transaction. What none of them can be blamed for fails them all."""
        if self._fault:
            return [_End(job.done, error=Permanent(self._fault)) for job in jobs]
        try:
            with understood(self._path):
                connection.execute("BEGIN IMMEDIATE")
                ends = [self._attempt(connection, job) for job in jobs]
                connection.execute("COMMIT")
            self._check_file()
        except Exception as error:  # noqa: BLE001 - handed to those who wait
            if isinstance(error, Permanent | Unsynced):
                self.refuse(error)
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            return [_End(job.done, error=copy(error)) for job in jobs]
        self.groups += 1
        self._logged += 1
        return ends

    def _check_file(self) -> None:
        """Raise Permanent if what was committed went into a file that has lost its name.

        SQLite goes on in a file that somebody has deleted or replaced; the next start would not
        find it, and would remember nothing.
        """
        if self._file is None or self._file != _identity(self._path):
            raise Permanent(f"{self._path}: somebody has moved, deleted or replaced the file")

    def _attempt(self, connection: sqlite3.Connection, job: _Job) -> _End:
        """Do one job; undo it alone if it is refused."""
        connection.execute("SAVEPOINT job")
        try:
            with understood(self._path):
                value = job.work(connection)
        except (Permanent, Temporary):
            raise  # the disk, or the database: it concerns them all
        except Exception as error:  # noqa: BLE001 - a Conflict, or a bug in one change
            connection.execute("ROLLBACK TO job")
            connection.execute("RELEASE job")
            return _End(job.done, error=error)
        connection.execute("RELEASE job")
        return _End(job.done, value)

    def _tell(self, ends: Sequence[_End], jobs: int = 0) -> None:
        with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._told, ends, jobs)

    def _told(self, ends: Sequence[_End], jobs: int) -> None:
        self._waiting -= jobs
        for end in ends:
            end.tell()


def _identity(path: Path) -> tuple[int, int] | None:
    """Tell which file has this name: device and inode."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
