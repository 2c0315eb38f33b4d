"""Our own side as a test wants it: good, bad, hanging or broken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from doctor_daemon.core.host import HostId
from doctor_daemon.core.ourselves import Check, Sign
from tests.simulation.virtual import VirtualClock

CHECK_S = 0.05


class ScriptedOwnSide:
    """Implements `ports.OwnSide`, with one sign."""

    wanted = (Sign.REFERENCE,)
    every_s = 5.0

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.good = True
        self.hangs = False
        self.bug: Exception | None = None
        self.asked: list[AbstractSet[HostId]] = []

    async def check(self, suspects: AbstractSet[HostId]) -> Sequence[Check]:
        self.asked.append(suspects)
        asked_at = self.clock.now()
        await asyncio.sleep(1000.0 if self.hangs else CHECK_S)
        if self.bug is not None:
            raise self.bug
        why = "all reference points answer" if self.good else "no reference point answers"
        return [Check(Sign.REFERENCE, self.good, why, asked_at)]
