"""Where names lead: as the system resolves them, and where they led last while it cannot.

A name server that is gone is our own trouble, and must not keep a dead host from being fenced: a
BMC that is known by name is where it was an hour ago. Whoever is reached so still has to show who
it is, by its certificate and, if a BMC, by its machine's UUID. A name that was never resolved
leads nowhere.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from typing_extensions import override

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

PATIENCE_S = 0.5
"""How long the system is waited for where it is known where a name led."""
KEPT_S = 86_400.0
NAMES_MAX = 10_000
Key: TypeAlias = tuple[str, int]
"""A name, and the family of its addresses."""
Found: TypeAlias = list[ResolveResult]
Lookup = Callable[[str, socket.AddressFamily], Awaitable[Found]]


@dataclass(slots=True)
class Known:
    """Where a name led, and when that was (CLOCK_MONOTONIC)."""

    found: Found
    at_s: float
    lost: bool = False
    """Whether it could not be resolved since."""


class Memory:
    """Where names led. `lookup` asks the system; `clock` counts seconds, and never back."""

    def __init__(
        self, lookup: Lookup | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lookup = lookup or _system
        self._clock = clock
        self._known: OrderedDict[Key, Known] = OrderedDict()
        self._asked: dict[Key, asyncio.Task[Found]] = {}

    async def resolve(self, host: str, family: socket.AddressFamily) -> Found:
        """Return where a name leads. Raise OSError where that is not known."""
        key = (host, family)
        asked, known = self._ask(key, family), self._lately(key)
        if known is None:
            return await asyncio.shield(asked)
        await asyncio.wait((asked,), timeout=PATIENCE_S)
        if asked.done() and not asked.cancelled() and asked.exception() is None:
            return asked.result()
        return known.found

    def _ask(self, key: Key, family: socket.AddressFamily) -> asyncio.Task[Found]:
        """Have the system asked; whoever wants to know the same meanwhile waits for that."""
        asked = self._asked.get(key)
        if asked is None or asked.get_loop() is not asyncio.get_running_loop():
            asked = self._asked[key] = asyncio.create_task(self._looked_up(key[0], family))
            asked.add_done_callback(lambda done: self._learn(key, done))
        return asked

    async def _looked_up(self, host: str, family: socket.AddressFamily) -> Found:
        return await self._lookup(host, family)

    def _lately(self, key: Key) -> Known | None:
        known = self._known.get(key)
        return None if known is None or self._clock() - known.at_s > KEPT_S else known

    def _learn(self, key: Key, done: asyncio.Future[Found]) -> None:
        if self._asked.get(key) is done:
            del self._asked[key]
        known = self._known.get(key)
        if done.cancelled():
            return
        if done.exception() is not None or not done.result():
            if known is not None and not known.lost:
                known.lost = True
                to = [one["host"] for one in known.found]
                log.warning("a name cannot be resolved: it leads where it led", name=key[0], to=to)
            return
        if known is not None and known.lost:
            log.info("a name can be resolved again", name=key[0])
        self._known[key] = Known(done.result(), self._clock())
        self._known.move_to_end(key)
        while len(self._known) > NAMES_MAX:
            self._known.popitem(last=False)


async def _system(host: str, family: socket.AddressFamily) -> Found:
    return await ThreadedResolver().resolve(host, 0, family)


@lru_cache(maxsize=1)
def _shared() -> Memory:
    """Return the memory of this process: what one connection has learnt, the next one knows."""
    return Memory()


class Names(AbstractResolver):
    """The resolver of a connector."""

    def __init__(self, memory: Memory | None = None) -> None:
        """Share what all others know, unless given a memory of its own."""
        self._memory = memory or _shared()

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> Found:
        found = await self._memory.resolve(host, family)
        return [{**one, "port": port} for one in found]

    @override
    async def close(self) -> None:
        """Keep what is known: it is shared."""
