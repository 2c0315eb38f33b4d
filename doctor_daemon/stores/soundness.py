"""Whether a database is sound: that takes reading all of it, and a large one takes long to be read.

So a start waits a moment for the answer, which is enough for most. A large one is begun with only
once somebody waits for its end: it would keep what is open from being read. Until the answer has
come nothing is begun that changes the world (`ports.soundness`), and nothing is dropped. What is
not sound is not written any more.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from threading import Event, Thread

from doctor_daemon.errors import Temporary

AT_ONCE_S = 0.1
"""How long a start waits for it."""
AT_ONCE_BYTES = 64 * 1024 * 1024
"""And only with as many bytes as may be read in that time."""
Look = Callable[[Callable[[sqlite3.Connection], None]], None]
"""Looks through a database, and hands over its connection first. Raises what is wrong with it."""


class Check:
    """One look through a database, in a thread of its own. It belongs to the loop that makes it.

    It is a `ports.soundness.Soundness`.
    """

    def __init__(self, look: Look, at_once_s: float = AT_ONCE_S) -> None:
        """Look at nothing yet: `begin` does."""
        self.fault: Exception | None = None
        """What was found, once it is over; None: it is sound."""
        self.over = asyncio.Event()
        self.told: Callable[[Exception | None], None] = lambda _: None
        """Hears what was found, in the loop, where that is known only after the start."""
        self._look = look
        self._at_once_s = at_once_s
        self._ended = Event()
        self._begun = self._beside = self._stopped = False
        self._connection: sqlite3.Connection | None = None
        self._loop = asyncio.get_running_loop()

    def begin(self, size: int, *, whole: bool) -> None:
        """Begin to look, and wait a moment for the end, or with `whole` until it has come.

        A database of more bytes than are read in that moment is looked at later, unless it is to be
        done with. Raise what was found. Not in the loop's own thread.
        """
        if not whole and size > AT_ONCE_BYTES:
            self._beside = True
            return
        self._go()
        self._beside = not self._ended.wait(None if whole else self._at_once_s)
        if self._ended.is_set() and self.fault is not None:
            raise copy(self.fault)

    def _go(self) -> None:
        if not self._begun:
            self._begun = True
            # A daemon thread: one that hangs in the kernel must not keep the process from ending.
            Thread(target=self._run, name="store-check", daemon=True).start()

    @property
    def sound(self) -> bool:
        """Whether all has been read, and is sound."""
        return self.over.is_set() and self.fault is None

    async def ended(self) -> None:
        """Wait until all has been read. Raise what was found."""
        self._go()
        await self.over.wait()
        if self.fault is not None:
            raise copy(self.fault)

    def interrupt(self) -> None:
        """Look no further; nobody is told of what is found."""
        self._stopped = True
        if self._connection is not None and not self._ended.is_set():
            with suppress(sqlite3.Error):  # it has been closed just now
                self._connection.interrupt()

    async def stop(self, within_s: float) -> None:
        """Look no further, and wait for the end."""
        self.interrupt()
        if not self._begun:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.over.wait()

    # in the thread

    def _run(self) -> None:
        try:
            self._look(self._reading)
        except Exception as error:  # noqa: BLE001 - handed to those who wait
            self.fault = error
        self._ended.set()
        with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._tell)

    def _reading(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        if self._stopped:
            raise Temporary("nobody waits for it any more")

    # in the loop

    def _tell(self) -> None:
        self.over.set()
        if self._beside and not self._stopped:
            self.told(self.fault)
