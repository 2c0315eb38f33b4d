"""Fair turns: so many calls at a time in all, and one host after the other.

A host with five hundred servers must not make another one with five wait for all of them.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Turnstile:
    """Lets `limit` callers in at a time; those who wait are let in host by host, in turn."""

    def __init__(self, limit: int) -> None:
        """Begin with nobody inside."""
        self._free = limit
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, host: Hashable) -> AsyncIterator[None]:
        """Wait for a turn, and keep it while the block runs."""
        await self._enter(host)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, host: Hashable) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(host, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # it was let in at the moment at which it gave up
            raise

    def _leave(self) -> None:
        """Hand the turn on to the next host, or keep it for whoever comes."""
        while self._waiting:
            host, queue = self._waiting.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._waiting[host] = queue  # to the end: the other hosts come first
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
