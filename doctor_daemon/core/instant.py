"""A point in time that survives a restart, and says so when it cannot be compared.

Durations are taken on CLOCK_BOOTTIME, which no clock step and no NTP correction moves and which
goes on while the machine sleeps. It starts again at every boot, so an instant carries the boot it
belongs to: between two boots nothing can be said about the time that passed, and whoever asks gets
infinity, which makes every proof and every piece of evidence too old. The wall clock is for people.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment: `boot_s` in seconds of CLOCK_BOOTTIME, `wall_s` in Unix seconds for display."""

    boot_id: str
    boot_s: float
    wall_s: float

    def plus(self, seconds: float) -> Instant:
        """Return the moment so many seconds later, on the same boot."""
        return Instant(self.boot_id, self.boot_s + seconds, self.wall_s + seconds)

    def since(self, earlier: Instant) -> float:
        """Return the seconds from `earlier` to here; infinity across boots: unknown is too old."""
        if self.boot_id != earlier.boot_id:
            return math.inf
        return self.boot_s - earlier.boot_s

    def reached(self, until: Instant) -> bool:
        """Tell whether `until` has come. A moment of another boot has."""
        return self.since(until) >= 0
