"""How often a source may send: one source that floods uses up its own, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from aiohttp import web
from aiohttp.typedefs import Handler

from doctor_daemon.api.connection import Limits
from doctor_daemon.core.instant import Instant
from doctor_daemon.ports import Clock, SourceTerms
from doctor_daemon.ports.refusal import Refusal


class TooManyError(Exception):
    """A source sends more than it may; there is room again after `wait_s` seconds."""

    def __init__(self, wait_s: float) -> None:
        super().__init__()
        self.wait_s = wait_s


class Bucket:
    """One source's rate: so many requests a second, and a burst on top."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        """Begin full."""
        self._limits = limits
        self._clock = clock
        self._left = float(limits.burst)
        self._at: Instant = clock.now()

    def take(self) -> float:
        """Take one; return 0, or the seconds until there is one again."""
        now = self._clock.now()
        gained = min(now.since(self._at) * self._limits.rate_per_s, self._limits.burst)
        self._left, self._at = min(self._left + gained, self._limits.burst), now
        if self._left < 1:
            return (1 - self._left) / self._limits.rate_per_s
        self._left -= 1
        return 0.0

    def spend(self) -> None:
        """Take one. Raise when there is none."""
        wait_s = self.take()
        if wait_s > 0:
            raise TooManyError(wait_s)


def of_source(limits: Limits, terms: SourceTerms) -> Limits:
    """Return the limits as a source's configuration has them."""
    return replace(
        limits,
        rate_per_s=terms.rate_per_s or limits.rate_per_s,
        burst=terms.burst or limits.burst,
    )


class Share:
    """How many requests of one source are under way: it cannot take the others' room.

    When many hosts die at once, one source may tell of all of them at once. So those for which
    there is no room wait for a little while, in order: a sender that is refused comes back much
    later.
    """

    def __init__(self, limits: Limits) -> None:
        """Begin with none."""
        self._limits = limits
        self._places = asyncio.Semaphore(limits.under_way)
        self._taken = self._waiting = 0
        self._turn = asyncio.Lock()

    @property
    def count(self) -> int:
        """How many there are, without those that wait."""
        return self._taken

    async def turn(self) -> None:
        """Wait for the next turn of the event loop that none of the same source has.

        A large body is taken apart at one go. So of each source there is one such go a turn, and
        whoever waits for a turn waits for one of each source at most.
        """
        async with self._turn:
            await asyncio.sleep(0)

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Have a place until the block ends. Raise Refusal (503) when there is none in time."""
        await self._place()
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            self._places.release()

    async def _place(self) -> None:
        if self._places.locked() and self._waiting >= self._limits.waiting:
            raise busy()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.wait_s):
                await self._places.acquire()
        except TimeoutError:
            raise busy() from None
        finally:
            self._waiting -= 1


def busy() -> Refusal:
    """Return the refusal (503) of one request too many at a time."""
    return Refusal(503, "busy", "too many requests are under way", expected="try later")


def bounded(bucket: Bucket, handler: Handler) -> Handler:
    """Return a handler that anybody may call, so often and no more."""

    async def one(request: web.Request) -> web.StreamResponse:
        bucket.spend()
        return await handler(request)

    return one
