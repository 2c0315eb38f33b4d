"""Time, and the right to act in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import LateError


class Clock(Protocol):
    """Time. `now` never goes back within a boot; `sleep_until` returns at once for the past."""

    def now(self) -> Instant: ...

    async def sleep_until(self, until: Instant) -> None: ...


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to change the world: the leader's term, and the moment after which it lapses."""

    term: int
    not_after: Instant

    def check(self, now: Instant) -> None:
        """Raise LateError if the permit has lapsed."""
        if now.since(self.not_after) > 0:
            msg = "the permit has lapsed: too much time passed between the decision and the call"
            raise LateError(msg)
