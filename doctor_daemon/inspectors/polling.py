"""The rounds of a source that looks by itself: at a pace, each bounded, and never silently failing.

A round that fails says nothing about any host. It is logged when it begins to fail, when it fails
in another way, and when it is over; how long ago the last good one was is a metric.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from doctor_daemon.errors import DoctorError
from doctor_daemon.ports.surroundings import Surroundings

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

PAUSE_MIN_S = 0.05


class Rounds:
    """Looks again and again for one source."""

    def __init__(self, source: str, every_s: float) -> None:
        """Pace the rounds from one beginning to the next."""
        self._log = log.bind(source=source)
        self._source = source
        self._every_s = every_s
        self._trouble = ""

    async def run(self, look: Callable[[], Awaitable[None]], around: Surroundings) -> None:
        """Look until cancelled. A bug ends it: whoever runs it counts that, and begins anew."""
        clock = asyncio.get_running_loop().time
        while True:
            began_s = clock()
            await self.once(look, around)
            spent_s = clock() - began_s
            await asyncio.sleep(max(self._every_s - spent_s, PAUSE_MIN_S))

    async def once(self, look: Callable[[], Awaitable[None]], around: Surroundings) -> None:
        """Look once, and tell how it went."""
        try:
            await look()
        except DoctorError as error:
            if str(error) != self._trouble:
                self._log.warning("the source cannot look", error=str(error))
            self._trouble = str(error)
            return
        if self._trouble:
            self._log.info("the source looks again")
        self._trouble = ""
        around.looked(self._source)
