"""Other people's programs, run within bounds: so long, so many at once, so much output.

A program hangs, forks, ignores what it is told and prints without end; so each call of one has a
deadline, keeps the first part of what is printed, and ends with all that it has started.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import structlog

from doctor_daemon.errors import Temporary
from doctor_daemon.ports.process_tree import Call, Tree

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

KEPT_MAX = 262_144
"""Bytes kept of what a program prints, of each of its two outputs."""
PRINTED_MAX = 16 * 1_048_576
"""Bytes after which a program that goes on printing is ended."""
TERM_S = 0.5
"""How long a program that is told to end may take to say goodbye to its device."""
KILL_S = 2.0
"""How long the kernel may take to end what was killed."""
REAP_S = 0.05
"""How long the loop may stand still for what was killed and has not ended yet."""
SHOWN_MAX = 10
"""How many processes are named that could not be ended."""
LATE = "no answer in time"
"""In `Ended.why`: the deadline came first."""

_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended. `why` is not empty if it did not end by itself."""

    code: int
    out: str
    err: str
    why: str = ""


class Running:
    """A program that runs, and what it has printed so far."""

    def __init__(self, tree: Tree) -> None:
        """Listen to it, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._tree = tree
        self._out, self._err = bytearray(), bytearray()
        self._open = {tree.out: self._out, tree.err: self._err}
        self._printed = 0
        self._over = False
        self._killed = False
        self.closed = False
        self._news = asyncio.Event()
        for number in self._open:
            os.set_blocking(number, False)
            self._loop.add_reader(number, self._take, number)
        self._loop.add_reader(tree.pidfd, self._end)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._tree.pid

    def say(self, content: bytes) -> None:
        """Write to its standard input. Raise OSError when it does not listen."""
        self._tree.say(content)

    @property
    def printed(self) -> bytes:
        """What it has printed to its standard output."""
        return bytes(self._out)

    @property
    def complained(self) -> str:
        """What it has printed to its standard error."""
        return self._err.decode(errors="replace")

    @property
    def over(self) -> bool:
        """Whether it has ended, or has printed more than anybody wants to hear."""
        return self._over or self._printed > PRINTED_MAX

    async def until_news(self, deadline_s: float) -> None:
        """Wait until it prints or ends. Raise TimeoutError at the deadline."""
        async with asyncio.timeout_at(deadline_s):
            await self._news.wait()
        self._news.clear()

    async def end(self, deadline_s: float) -> Ended:
        """Wait until it ends by itself, and end it at the deadline."""
        why = ""
        try:
            while not self.over:
                await self.until_news(deadline_s)
        except TimeoutError:
            why = LATE
        if not self._over and not why:
            why = f"it printed more than {PRINTED_MAX // 1_048_576} MiB"
        code = await self.close()
        out = self._out.decode(errors="replace")
        return Ended(code, out, self.complained, why)

    async def close(self) -> int:
        """End what still runs of it, and return its exit status (-9 if it cannot be known)."""
        try:
            self._tree.hang_up()
            if not self._over:
                self._tree.signal_group(signal.SIGTERM)
                await self._gone(TERM_S)
            self._kill()
            await self._gone(KILL_S)
        finally:
            code = self._let_go()
        return -signal.SIGKILL if code is None else code

    def _kill(self) -> None:
        """Kill what is left, also of a program that has ended by itself."""
        for number in tuple(self._open):
            while number in self._open and self._take(number):
                pass
        self._tree.signal_group(signal.SIGKILL)
        self._killed = True
        if left := self._tree.kill_all():
            text = "what a program has started cannot be ended, and may go on acting"
            log.warning(
                text, program=self._tree.program, count=len(left), pids=sorted(left)[:SHOWN_MAX]
            )

    async def _gone(self, seconds: float) -> None:
        until_s = self._loop.time() + seconds
        with suppress(TimeoutError):
            while not self._over:
                await self.until_news(until_s)

    def _let_go(self) -> int | None:
        """Forget it; however this is reached, nothing of it is left running."""
        if not self._over or not self._killed:
            self._kill()
        self._loop.remove_reader(self._tree.pidfd)
        for number in tuple(self._open):
            self._loop.remove_reader(number)
        code = self._tree.reap(REAP_S)
        self._tree.close()
        self.closed = True
        return code

    def _take(self, number: int) -> bool:
        """Take what can be read now; what is too much is read and forgotten.

        Return whether there may be more: with an end in sight, and not without bounds.
        """
        try:
            chunk = os.read(number, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        kept = self._open[number]
        kept += chunk[: KEPT_MAX - len(kept)]
        self._printed += len(chunk)
        if not chunk:
            self._loop.remove_reader(number)
            del self._open[number]
        self._news.set()
        return bool(chunk) and self._printed <= PRINTED_MAX

    def _end(self) -> None:
        self._loop.remove_reader(self._tree.pidfd)
        self._over = True
        self._news.set()


class Programs:
    """The turns that programs take: on a machine with two cores, fifty at once are a stampede.

    Orders have turns of their own, as many again: a flood of questions does not delay a cut.
    """

    def __init__(self, at_once: int = 8, memory_bytes: int = 512 * 1_048_576) -> None:
        """Let `at_once` questions run side by side, and as many orders."""
        self._turns: WeakKeyDictionary[
            asyncio.AbstractEventLoop, tuple[asyncio.Semaphore, asyncio.Semaphore]
        ] = WeakKeyDictionary()
        self.bound(at_once, memory_bytes)

    def bound(self, at_once: int, memory_bytes: int) -> None:
        """Change the bounds, before the first program is started."""
        self._at_once = at_once
        self.memory_bytes = memory_bytes
        self._turns.clear()

    @asynccontextmanager
    async def turn(self, deadline_s: float, *, order: bool = False) -> AsyncIterator[None]:
        """Wait for a turn. Raise Temporary when it does not come in time."""
        turns = self._turns.setdefault(
            asyncio.get_running_loop(),
            (asyncio.Semaphore(self._at_once), asyncio.Semaphore(self._at_once)),
        )[order]
        try:
            async with asyncio.timeout_at(deadline_s):
                await turns.acquire()
        except TimeoutError:
            msg = f"its turn did not come: {self._at_once} programs are running"
            raise Temporary(msg) from None
        try:
            yield
        finally:
            turns.release()


SHARED = Programs()
"""The turns of this process."""


@asynccontextmanager
async def running(call: Call) -> AsyncIterator[Running]:
    """Start a program, and end it with all that it has started. Raise Temporary if it cannot be."""
    try:
        tree = Tree(call)
    except OSError as error:
        msg = f"{call.arguments[0]} cannot be started: {error.strerror}"
        raise Temporary(msg) from None
    program = Running(tree)
    try:
        yield program
    finally:
        if not program.closed:
            await program.close()


async def run(call: Call, deadline_s: float) -> Ended:
    """Run a program to its end. Raise Temporary when it cannot be started."""
    async with running(call) as program:
        return await program.end(deadline_s)
