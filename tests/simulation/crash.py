"""Crashes and pauses at the boundaries of saves and calls.

At a boundary the daemon may die: whoever passes never returns, the daemon's tasks are ended, and
what is on the disk and in the world stays as it is at that very moment.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from tests.simulation.faults import Swarm
from tests.simulation.pauses import CALLED, SAVED, Pauses


class Boundaries:
    """Every save and every call passes by here, before and after."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self.pauses = Pauses(swarm)
        self.passed: Counter[str] = Counter()
        self.crash: Callable[[], None] | None = None
        """Ends the running daemon; None while there is none."""

    async def pass_by(self, kind: str, what: str = "") -> None:
        """Pass a boundary, or die at it, or stand still at it."""
        self.passed[f"{kind} {what}".strip()] += 1
        if self.crash is not None and self._swarm.strikes(kind, 0.2):
            self.crash()
            await asyncio.Event().wait()
        if self.crash is not None and what != "of deliveries":
            saved = kind == "crash-after-commit"
            weight = SAVED if "commit" in kind else CALLED
            self.pauses.perhaps(weight, *(("just-saved",) if saved else ()))
