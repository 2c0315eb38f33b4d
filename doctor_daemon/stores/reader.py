"""The thread that reads: on a connection of its own, so that a long list delays no commit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from doctor_daemon.errors import Temporary
from doctor_daemon.stores.faults import understood
from doctor_daemon.stores.schema import connect_reader

T = TypeVar("T")
READ_S = 30.0
WAITING_MAX = 100


class Reader:
    """One thread and its connection, made at the first read."""

    def __init__(self, path: Path, read_s: float = READ_S) -> None:
        """Make nothing yet."""
        self._path = path
        self._read_s = read_s
        self._waiting = 0
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-reader")

    async def read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Answer one question from one consistent state. Raise Temporary or Permanent."""
        if self._waiting >= WAITING_MAX:
            msg = f"{self._path}: {self._waiting} reads are waiting already"
            raise Temporary(msg)
        self._waiting += 1
        try:
            return await self._bounded(lambda: self._answer(question))
        finally:
            self._waiting -= 1

    async def stop(self) -> None:
        """Close the connection, and end. A disk that does not answer is not waited for long."""
        with suppress(Temporary):
            await self._bounded(self._close)
        self._thread.shutdown(wait=False)

    async def _bounded(self, work: Callable[[], T]) -> T:
        answer = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            async with asyncio.timeout(self._read_s):
                return await answer
        except TimeoutError:
            msg = f"{self._path}: no answer from the disk in {self._read_s:g} s"
            raise Temporary(msg) from None

    # in the thread

    def _answer(self, question: Callable[[sqlite3.Connection], T]) -> T:
        with understood(self._path):
            if self._connection is None:
                self._connection = connect_reader(self._path)
            self._connection.execute("BEGIN")
            try:
                return question(self._connection)
            finally:
                self._connection.execute("ROLLBACK")

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
