"""Crashes and pauses at the boundaries of saves and calls.

At a boundary a daemon may die: whoever passes never returns, that daemon's tasks are ended, and
what is on the disk and in the world stays as it is at that very moment.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.simulation.faults import Swarm
from tests.simulation.pauses import CALLED, SAVED, Pauses
from tests.simulation.processes import INSIDE

ALONE, AMONG_SEVERAL = 0.2, 0.08
"""How often one dies: a lease has to run out, and nothing is cut for a while after each."""


class Boundaries:
    """Every save and every call passes by here, before and after."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self.pauses = Pauses(swarm)
        self.passed: Counter[str] = Counter()

    async def pass_by(self, kind: str, what: str = "") -> None:
        """Pass a boundary, or die at it, or stand still at it."""
        self.passed[f"{kind} {what}".strip()] += 1
        process = INSIDE.get()
        if process is None:
            return
        weight = AMONG_SEVERAL if self.pauses.shared else ALONE
        if process.crash is not None and self._swarm.strikes(kind, weight):
            process.crash()
        if process.dead:
            await asyncio.Event().wait()
        if process.crash is not None and what != "of deliveries":
            saved = kind == "crash-after-commit"
            weight = SAVED if "commit" in kind else CALLED
            self.pauses.perhaps(process, weight, *(("just-saved",) if saved else ()))
