"""An event loop whose clock jumps, and the daemon's clock on top of it.

A day of sleeping costs nothing, and one seed always tells one story. The daemon's clock adds what
real ones do: a boot that begins anew, and wall time that steps.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

from doctor_daemon.core.instant import Instant

EPOCH_S = 1_800_000_000.0
LIVELOCK_STEPS = 20_000
OWN_FILES = 1
"""What every loop watches for itself: the pipe by which threads and signals wake it."""
_ROUNDING_S = 1e-6
"""A sum of floats may fall short of its moment; virtual time does not pass by itself."""


class _Jump(selectors.SelectSelector):
    """A selector that waits by moving the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.steps = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            msg = "deadlock: nothing is due, ever"
            raise RuntimeError(msg)
        self.now += timeout
        self.steps = 0 if timeout > 0 else self.steps + 1
        if self.steps > LIVELOCK_STEPS:
            msg = "livelock: time stands still"
            raise RuntimeError(msg)
        # The kernel has nothing to say of a loop's own pipe, which only is to wake one that waits.
        return super().select(0) if len(self.get_map()) > OWN_FILES else []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now

    def freeze(self, seconds: float) -> None:
        """Let time pass while nothing runs: what is due meanwhile is late."""
        self._jump.now += seconds


class VirtualClock:
    """`ports.Clock` on the virtual loop; `boot` and `wall_offset_s` are the simulator's to move."""

    def __init__(self) -> None:
        self.boot = 1
        self._boot_began_s = 0.0
        self.wall_offset_s = 0.0

    def now(self) -> Instant:
        loop_s = asyncio.get_running_loop().time()
        wall_s = EPOCH_S + loop_s + self.wall_offset_s
        return Instant(f"boot-{self.boot}", loop_s - self._boot_began_s, wall_s)

    async def sleep_until(self, until: Instant) -> None:
        left_s = -self.now().since(until)
        await asyncio.sleep(left_s + _ROUNDING_S if left_s > 0 else 0)

    def reboot(self) -> None:
        """Begin another boot: nothing timed before can be compared with what comes."""
        self.boot += 1
        self._boot_began_s = asyncio.get_running_loop().time()


def run(main: Coroutine[Any, Any, None], loop: type[VirtualLoop] = VirtualLoop) -> float:
    """Run to the end in virtual time; return the virtual seconds it took."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main)
        return runner.get_loop().time()
