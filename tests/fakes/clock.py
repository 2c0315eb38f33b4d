"""Clocks for tests of adapters: the machine's own, and one that is moved by hand."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from doctor_daemon.core.instant import Instant

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


class BootClock:
    """`ports.Clock` on CLOCK_BOOTTIME."""

    def now(self) -> Instant:
        return Instant(_BOOT_ID, time.clock_gettime(time.CLOCK_BOOTTIME), time.time())

    async def sleep_until(self, until: Instant) -> None:
        await asyncio.sleep(max(0.0, until.since(self.now())))


class HandClock:
    """`ports.Clock` that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = Instant("boot-1", 1000.0, 1_800_000_000.0)

    def now(self) -> Instant:
        return self.at

    def move(self, seconds: float) -> None:
        self.at = self.at.plus(seconds)

    def reboot(self) -> None:
        """Begin another boot, at the same moment of the wall clock."""
        self.at = Instant("boot-2", 1.0, self.at.wall_s)

    async def sleep_until(self, until: Instant) -> None:
        self.move(max(0.0, until.since(self.at)))
