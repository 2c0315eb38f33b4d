"""One daemon's line to the store that several share: answers take time, are lost, or never come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from doctor_daemon.errors import Temporary
from tests.simulation.clocks import present_s
from tests.simulation.crash import Boundaries
from tests.simulation.faults import Swarm
from tests.simulation.leases import Lease
from tests.simulation.processes import Process, Site
from tests.simulation.standing import later

T = TypeVar("T")
WRITTEN_S = 4.0
"""How long nobody answers until a write counts as unanswered."""
MOMENT_S = (0.001, 0.02)
SLOW_S = (0.5, 6.0)
DOOR = 2.0
"""How often a daemon stands still just before it asks whether it leads: then much is to be done."""


class Line:
    """What a daemon asks the store goes this way, and its answer comes back."""

    def __init__(
        self, lease: Lease, site: Site, process: Process, swarm: Swarm, boundaries: Boundaries
    ) -> None:
        self.process, self.boundaries = process, boundaries
        self.swarm = swarm
        self._lease, self._site = lease, site

    @property
    def severed(self) -> bool:
        """Tell whether nothing gets through now."""
        return present_s() < max(self._site.cut_off_until_s, self._lease.away_until_s)

    async def at_the_door(self) -> None:
        """Die here, or stand still, before something is asked for the sake of an effect."""
        await self.boundaries.pass_by("crash-before-call", "confirm")
        self.boundaries.pauses.soon(self.process, DOOR)
        await asyncio.sleep(0)

    async def asked(
        self, work: Callable[[], T], limit_s: float, *, slow_s: float | None = None
    ) -> T:
        """Have the store do something, at its own moment. Raise Temporary where no answer comes.

        It may have been done all the same. `slow_s`: how long a write takes; it is done in time,
        or not at all.
        """
        question = _Question[T]()
        there_s = self.swarm.seconds(*MOMENT_S)
        if slow_s is not None:
            there_s = slow_s
        elif self.swarm.strikes("store-slow", 0.1):
            there_s = self.swarm.seconds(*SLOW_S)
        later(there_s, self._arrives, question, work, limit_s - there_s)
        if slow_s is None and there_s > limit_s:
            question.unheard(limit_s)
        return await question.coming

    def _arrives(self, question: _Question[T], work: Callable[[], T], left_s: float) -> None:
        """Have it done, and answered, perhaps."""
        if self.severed:
            return question.unheard(left_s)
        try:
            value = work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the asker's
            return later(self.swarm.seconds(*MOMENT_S), question.refuse, error)
        if self.swarm.strikes("store-answer-lost", 0.1):
            return question.unheard(left_s)
        return later(self.swarm.seconds(*MOMENT_S), question.answer, value)


class _Question(Generic[T]):
    """What was asked, until it is answered, or it is certain that nobody will."""

    def __init__(self) -> None:
        self.coming: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def answer(self, value: T) -> None:
        if not self.coming.done():
            self.coming.set_result(value)

    def refuse(self, error: Exception) -> None:
        if not self.coming.done():
            self.coming.set_exception(error)

    def unheard(self, after_s: float) -> None:
        later(max(after_s, 0.0), self.refuse, Temporary("the store does not answer"))
