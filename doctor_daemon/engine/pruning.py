"""When the store drops what is over: every hour, and sooner where much has come in.

What is kept is bounded by number, age and size, and these bounds are looked after here alone. In an
hour a few sources that flood could write a million rows; so a flood has them looked after while it
lasts, and the database stays about as large as it is meant to be.
"""

from __future__ import annotations

import asyncio

import structlog

from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import Temporary

EVERY_S = 3600.0
PIECES = 20_000
"""Pieces of evidence after which it is done before the hour is over."""
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Pruning:
    """Has the store drop what is over."""

    def __init__(self, ward: Ward, pieces: int = PIECES) -> None:
        """Begin with nothing taken in."""
        self._ward = ward
        self._pieces = pieces
        self._taken = 0
        self._much = asyncio.Event()

    def took(self, pieces: int) -> None:
        """Count evidence that was made durable."""
        self._taken += pieces
        if self._taken >= self._pieces:
            self._much.set()

    async def run(self) -> None:
        """Look after it until cancelled."""
        while True:
            await self._due()
            self._taken = 0
            self._much.clear()
            try:
                await self._ward.tools.store.prune(term=self._ward.term)
            except Temporary as error:
                log.warning("not pruned", error=str(error))

    async def _due(self) -> None:
        """Wait until an hour is over, or much has come in."""
        clock = self._ward.tools.clock
        waits = (
            asyncio.ensure_future(clock.sleep_until(clock.now().plus(EVERY_S))),
            asyncio.ensure_future(self._much.wait()),
        )
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
