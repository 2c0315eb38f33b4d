"""The clock of several daemons at once: each has an era of its own, and the world has none.

Whoever asks for the time is told it in the era of the daemon that it runs in. So what one daemon
timed compares with nothing of another's, as with real ones.
"""

from __future__ import annotations

import asyncio
from contextvars import Context, ContextVar

from doctor_daemon.core.instant import Instant
from tests.simulation.virtual import EPOCH_S, VirtualClock

ERA: ContextVar[str] = ContextVar("the era of the daemon that runs", default="world")


class EraClock(VirtualClock):
    """`ports.Clock` for all daemons and instruments of one world."""

    def now(self) -> Instant:
        loop_s = asyncio.get_running_loop().time()
        return Instant(ERA.get(), loop_s, EPOCH_S + loop_s)


def within(era: str, context: Context | None = None) -> Context:
    """Return a context of that era, made of another one."""
    made = Context() if context is None else context.copy()
    made.run(ERA.set, era)
    return made
