"""One call of a device at a time, each with its deadline; how it went is told to who listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import DoctorError, LateError, Permanent, Temporary
from doctor_daemon.ports.names import leads
from doctor_daemon.ports.time import Clock

T = TypeVar("T")
OnCall = Callable[[str, float, str], None]
"""(call, seconds, outcome): identify | read | cut | switch_on, and one word for how it ended."""


class Line:
    """The way to one device, which takes one call at a time: many a one has but one session."""

    def __init__(self, timeout_s: float) -> None:
        """Begin with nobody on it."""
        self.late = f"no answer within {timeout_s:g} s"
        """What is said of a call that has not ended in time."""
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()

    def deadline(self) -> float:
        """Return when a call that begins now must have ended, by the event loop's clock."""
        return asyncio.get_running_loop().time() + self._timeout_s

    @asynccontextmanager
    async def turn(self, deadline_s: float) -> AsyncIterator[None]:
        """Keep every other call out. Raise Temporary when the turn does not come in time."""
        try:
            async with asyncio.timeout_at(deadline_s):
                await self._lock.acquire()
        except TimeoutError:
            raise Temporary(self.late) from None
        try:
            yield
        finally:
            self._lock.release()


class Timed:
    """A device that tells of its calls."""

    def __init__(self, clock: Clock, place: str = "", *, shown: bool = False) -> None:
        """Tell nobody yet.

        `place`: the name or address at which it is found; empty: it has none. `shown`: it shows
        who it is, so that it may be sought where its name led last (see `ports.names`).
        """
        self.on_call: OnCall | None = None
        self._clock = clock
        self._place = place
        self._shown = shown

    async def _timed(self, call: str, work: Awaitable[T], outcome: Callable[[T], str]) -> T:
        """Tell whoever listens how long a call took and how it ended."""
        began = self._clock.now()
        try:
            result = await work
        except DoctorError as error:
            self._tell(call, began, _word(error))
            raise
        self._tell(call, began, str(outcome(result)))
        return result

    async def lost(self) -> str:
        """Return its name if that leads nowhere; empty: it leads somewhere, or there is none."""
        found = not self._place or await leads(self._place, shown=self._shown)
        return "" if found else self._place

    def _tell(self, call: str, began: Instant, outcome: str) -> None:
        if self.on_call is not None:
            self.on_call(call, self._clock.now().since(began), outcome)


def _word(error: DoctorError) -> str:
    if isinstance(error, LateError):
        return "late"
    return "permanent" if isinstance(error, Permanent) else "temporary"
