"""A source that looks by itself: at a pace, each round bounded, and never silently failing.

A round that fails says nothing about any host. It is logged when it begins to fail, when it fails
in another way, and when it is over; how long ago the last good one was is a metric.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import structlog
from aiohttp import web
from typing_extensions import override

from doctor_daemon.errors import DoctorError
from doctor_daemon.inspectors.voice import Voice
from doctor_daemon.ports import Gatekeeper, Inspector, Intake, SourceTerms
from doctor_daemon.ports.surroundings import Surroundings

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

PAUSE_MIN_S = 0.05


class Unserved(Inspector):
    """A source to which nothing is told by HTTP."""

    api: ClassVar[int] = 1
    served: ClassVar[bool] = False

    def __init__(self, terms: SourceTerms) -> None:
        """Begin with nothing said."""
        self.name = terms.name
        self._voice = Voice(terms)
        self._log = log.bind(source=terms.name)

    def place(self, around: Surroundings) -> None:
        """Learn what is around, such as which hosts have an open incident."""
        self._voice.around = around

    @override
    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        """Return none: nothing is told to it."""
        return ()


class Polling(Unserved):
    """Looks again and again for one source."""

    def __init__(self, terms: SourceTerms, every_s: float) -> None:
        """Pace the rounds from one beginning to the next."""
        super().__init__(terms)
        self._every_s = every_s
        self._trouble = ""

    @override
    async def run(self, intake: Intake) -> None:
        """Look until cancelled. A bug ends it: whoever runs it counts that, and begins anew."""
        clock = asyncio.get_running_loop().time
        try:
            while True:
                began_s = clock()
                await self._round(intake)
                spent_s = clock() - began_s
                await asyncio.sleep(max(self._every_s - spent_s, PAUSE_MIN_S))
        finally:
            await self.close()

    @abstractmethod
    async def look(self, intake: Intake) -> None:
        """Look once, and say what is to be said. Raise Temporary or Permanent."""

    async def close(self) -> None:
        """Let go of what it holds; the next look takes it anew."""

    async def _round(self, intake: Intake) -> None:
        """Look once, and tell how it went."""
        try:
            await self.look(intake)
        except DoctorError as error:
            if str(error) != self._trouble:
                self._log.warning("the source cannot look", error=str(error))
            self._trouble = str(error)
            return
        if self._trouble:
            self._log.info("the source looks again")
        self._trouble = ""
        self._voice.around.looked(self.name)
