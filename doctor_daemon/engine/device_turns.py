"""Turns at power devices: one call at a time for each, so many in all, and fencing goes first.

A BMC has few sessions and a rack that fails has many BMCs: a stampede would cost the very answers
that are waited for. Probes only ask how things stand, so they wait for fencing and never the other
way round: one that is under way is called off when its device is wanted.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")
AT_ONCE = 32
"""Calls of fencing that are under way at a time, of all devices."""
CALL_MAX_S = 120.0
"""How long one call may take at most, whatever time-out its adapter keeps or forgets."""


class Overtaken(Exception):
    """A probe was called off, or not begun: its device is needed for fencing."""


class DeviceTurns:
    """Hands out turns by line: a device's own name, or the one that it shares with others."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        """Let so many calls of fencing be under way at a time."""
        self._all = asyncio.Semaphore(at_once)
        self._lines: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._fencing: Counter[str] = Counter()
        """Line -> calls of fencing that wait or are under way."""
        self._probes: defaultdict[str, set[asyncio.Task[object]]] = defaultdict(set)

    @asynccontextmanager
    async def turn(self, line: str) -> AsyncIterator[None]:
        """Wait for a turn of fencing, in the order in which they are asked for."""
        self._fencing[line] += 1
        for probe in self._probes.pop(line, ()):
            probe.cancel()
        try:
            async with self._lines[line], self._all:
                yield
        finally:
            self._fencing[line] -= 1

    def busy(self, line: str) -> bool:
        """Tell whether a turn would be waited for."""
        return self._lines[line].locked() or self._all.locked()

    async def probe(self, line: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do what can wait. Raise Overtaken when fencing needs the device, now or meanwhile."""
        if self._fencing[line]:
            raise Overtaken
        task: asyncio.Task[T] = asyncio.create_task(self._in_line(line, work))
        known: asyncio.Task[object] = task
        self._probes[line].add(known)
        try:
            return await task
        except asyncio.CancelledError:
            own = asyncio.current_task()
            if own is not None and own.cancelling():
                raise
            raise Overtaken from None
        finally:
            self._probes[line].discard(known)

    async def _in_line(self, line: str, work: Callable[[], Awaitable[T]]) -> T:
        async with self._lines[line]:
            return await work()
