"""When a maintenance that an operator was told of is in force, as the present daemon has to see it.

On the boot on which it was ordered its end is known exactly. On another one only the wall clock
tells how much is left of it, and that may have been stepped: each daemon that starts asks it anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from doctor_daemon.core.instant import Instant


@dataclass
class Window:
    """One maintenance: since when, in the world's time, and until when as it was ordered."""

    since_s: float
    until: Instant
    ends: Instant
    """When it ends for the present daemon."""

    def kept(self, world_s: float, now: Instant, bound_s: float) -> bool:
        """Tell whether it has certainly been in force for so long, and certainly still is."""
        return world_s - self.since_s > bound_s and not now.plus(bound_s).reached(self.ends)


def timed_anew(windows: Iterable[Window], now: Instant) -> None:
    """Time each as a daemon does that starts now."""
    for window in windows:
        left_s = max(window.until.wall_s - now.wall_s, 0.0)
        same = window.until.boot_id == now.boot_id
        window.ends = window.until if same else now.plus(left_s)
