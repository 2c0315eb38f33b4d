"""The file of what is withheld: read whole, and put in the old one's place, on the disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

Ended = TypeVar("Ended")

FILE_MAX = 16 * 1024 * 1024


class UnsureError(OSError):
    """The new file may be in the old one's place, or the old one: a crash tells which."""


class Turns:
    """One thing at a time is done to the file, and to its end, whoever gives up waiting for it.

    A thread that writes cannot be cancelled: nobody else may begin before it has ended. It is the
    file's own: those that all share may all hang, with a name that is looked up or a long list.
    """

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="watchdogs")

    async def do(self, work: Callable[[], Awaitable[Ended]]) -> Ended:
        """Wait for one's turn, and do it. Raise what it raises."""
        await self._lock.acquire()
        task = asyncio.ensure_future(work())
        task.add_done_callback(lambda _: self._lock.release())
        return await asyncio.shield(task)

    async def in_thread(self, work: Callable[[], Ended]) -> Ended:
        """Do what waits for the disk. Raise what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def content(file: Path) -> str:
    """Read the file; empty where there is none. Raise OSError."""
    try:
        with file.open("rb") as opened:
            return opened.read(FILE_MAX).decode("ascii", "replace")
    except FileNotFoundError:
        return ""


def write(file: Path, text: str) -> None:
    """Put the file in the old one's place, on the disk.

    Raise OSError: the old one is where it was. Raise UnsureError: that is not known.
    """
    beside = file.with_name(f"{file.name}.new")
    with open(beside, "w", encoding="ascii", opener=_private) as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    try:
        beside.replace(file)
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise UnsureError(error.errno, error.strerror) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
