"""The real clock: CLOCK_BOOTTIME and the kernel's boot id.

CLOCK_BOOTTIME goes on while the machine sleeps, which the event loop's own clock does not; so a
sleep is measured anew when it ends.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from pathlib import Path

from doctor_daemon.core.instant import Instant

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LEAST_S = 0.0005


class SystemClock:
    """`ports.Clock` of this machine."""

    def __init__(self, *, era: bool = False) -> None:
        """Read the boot id once: it changes with nothing but a boot.

        `era`: moments of this clock compare with no other clock's, of the same boot neither. Where
        several daemons share a store, another may have led between two runs of this one, and a
        machine that was frozen then does not know for how long.
        """
        self._boot_id = BOOT_ID.read_text().strip()
        if era:
            self._boot_id = f"{self._boot_id}-{secrets.token_hex(4)}"

    def now(self) -> Instant:
        """Return the present moment."""
        return Instant(self._boot_id, time.clock_gettime(time.CLOCK_BOOTTIME), time.time())

    async def sleep_until(self, until: Instant) -> None:
        """Sleep until a moment of this boot; return at once for the past."""
        while not (now := self.now()).reached(until):  # noqa: ASYNC110 - time gives no event
            await asyncio.sleep(max(until.since(now), LEAST_S))
