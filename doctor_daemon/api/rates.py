"""How often a source may send: one source that floods uses up its own, and nobody else's."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from doctor_daemon.api.connection import Limits
from doctor_daemon.core.instant import Instant
from doctor_daemon.ports import Clock


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


def bounded(bucket: Bucket, handler: Handler) -> Handler:
    """Return a handler that anybody may call, so often and no more."""

    async def one(request: web.Request) -> web.StreamResponse:
        bucket.spend()
        return await handler(request)

    return one
