"""How long a device's calls take and how they end, for whoever listens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import DoctorError, LateError, Permanent
from doctor_daemon.ports.time import Clock

T = TypeVar("T")
OnCall = Callable[[str, float, str], None]
"""(call, seconds, outcome): identify | read | cut | switch_on, and one word for how it ended."""


class Timed:
    """A device that tells of its calls."""

    def __init__(self, clock: Clock) -> None:
        """Tell nobody yet."""
        self.on_call: OnCall | None = None
        self._clock = clock

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

    def _tell(self, call: str, began: Instant, outcome: str) -> None:
        if self.on_call is not None:
            self.on_call(call, self._clock.now().since(began), outcome)


def _word(error: DoctorError) -> str:
    if isinstance(error, LateError):
        return "late"
    return "permanent" if isinstance(error, Permanent) else "temporary"
