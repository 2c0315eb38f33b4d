"""Pauses of the daemon: when they come, what they hit, and when each was over.

The world goes on meanwhile. They come mostly where they could do harm: while something is on its
way, just after a save, and between a decision and what it leads to.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.tries import Try
from doctor_daemon.errors import Temporary
from tests.simulation.faults import Swarm
from tests.simulation.standing import StandingLoop, answered, later

T = TypeVar("T")
LENGTHS_S = ((2.5, 6.0),) * 4 + ((6.0, 30.0),) * 4 + ((30.0, 130.0),) * 2 + ((130.0, 600.0),)
"""How long they are, in seconds: all are long enough to be noticed."""
APART_S = ((0.0, 8.0), (5.0, 60.0), (30.0, 200.0))
"""How long after one the next may come."""
LAST_S, LATE_S = 1200.0, (2.5, 30.0)
"""Until when calls are hit in the calm, and for how long: there hosts are given back."""
LEAST_S = 1.0
"""How long after one the next may come at all."""
WEIGHTS = {
    "grace": 0.2,
    "before-cut": 0.3,
    "cut-waits": 2.0,
    "proven": 1.0,
    "unread": 0.5,
    "read-out": 0.1,
}
"""How much more often one is hit than the rest, where somebody looks on."""
CALLS = {"cut": 3.0, "permit": 0.5, "put": 4.0, "post": 4.0, "lift": 20.0, "switch_on": 20.0}
"""How often a call that changes the world is hit while it is on its way."""
REST = 0.01
SAVED, CALLED = 0.15, 0.1
"""How often one comes just before or after a save, and a call."""


class Pauses:
    """Lets the daemon stand still, and knows when it did."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self.out = Counter[str]()
        """Calls that are on their way, by what they are."""
        self.over_at = -1e9
        """When the last one was over, in the world's time; or will be."""
        self.cut: set[IncidentId] = set()
        """Incidents whose host may have been cut since they began, or since its last release."""
        self.begun: dict[HostId, Instant] = {}
        """Host -> when a cut of it was last begun: since then it waits for nothing more."""
        self.open: Callable[[], Iterable[Incident]] = tuple
        """The open incidents of the daemon that lives."""
        self.last_s = LAST_S
        """Until when calls are hit in the calm."""
        self._next_s = 0.0

    @contextmanager
    def call(self, what: str) -> Iterator[None]:
        """Count a call while it is on its way."""
        self.out[what] += 1
        weight = CALLS.get(what, 0.0)
        if weight:
            later(self._swarm.seconds(0.0, 0.05), self._while_out, what, weight)
        try:
            yield
        finally:
            self.out[what] -= 1

    def _while_out(self, what: str, weight: float) -> None:
        if self.out[what] > 0:
            self.soon(weight)

    def decided(self, head: Incident | None) -> None:
        """Strike perhaps just after the save of what leads to a cut, or to a force-down."""
        attempt = head.fencing if head else None
        if head is None or attempt is None or attempt.go_at is None:
            return
        if head.phase is Phase.FORCING_DOWN and head.marking.put is None:
            self.soon(0.5, "just-saved")
        elif head.phase is Phase.FENCING and self._cutting(head, attempt) == "cut-waits":
            self.soon(1.0, "just-saved", "cut-waits")

    def soon(self, weight: float, *places: str) -> None:
        """Stand still from now on, or not, be it soon after another pause."""
        now = asyncio.get_running_loop().time()
        self._next_s = min(self._next_s, self.over_at + LEAST_S)
        if self._swarm.on:
            self.perhaps(weight, *places)
        elif self._next_s <= now < self.last_s and self._swarm.strikes("pause", weight, calm=True):
            self.begin(self._swarm.seconds(*LATE_S), *places)

    async def answer(self, seconds: float, work: Callable[[], T], timeout_s: float) -> T:
        """Await an answer of the world's. Raise Temporary where its time-out was faster.

        After a pause both may be there, and either may be seen first.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        value = await answered(seconds, work)
        if loop.time() - began > timeout_s and self._swarm.random.random() < 0.5:
            msg = "no answer in time"
            raise Temporary(msg)
        return value

    async def watch(self) -> None:
        """Look on, and strike where it is interesting."""
        while True:
            await asyncio.sleep(self._swarm.seconds(0.02, 1.0))
            weight = max((WEIGHTS.get(place, REST) for place in self.places()), default=0.0)
            self.perhaps(weight)

    def places(self) -> set[str]:
        """Return what a pause would hit now."""
        found = {f"{what}-out" for what, count in self.out.items() if count > 0}
        found = {"over-permit" if place == "permit-out" else place for place in found}
        return found | {place for one in self.open() for place in self._of(one)}

    def _of(self, incident: Incident) -> Iterator[str]:
        attempt = incident.fencing
        match incident.phase:
            case Phase.SUSPECTED:
                yield "grace"
            case Phase.FENCING:
                passed = attempt if attempt and attempt.go_at else None
                yield self._cutting(incident, passed) if passed else "before-cut"
            case Phase.FORCING_DOWN if incident.marking.put is None:
                yield "" if self.out["put"] else "proven"
            case Phase.FORCING_DOWN:
                yield "unread"
            case phase:
                yield phase.value

    def _cutting(self, incident: Incident, attempt: Try) -> str:
        begun = self.begun.get(incident.host)
        if begun is None or attempt.go_at is None or begun.since(attempt.go_at) < 0:
            return "cut-waits"
        answered = all(device.cut is not None for device in attempt.devices.values())
        return "reading" if answered else ""

    def perhaps(self, weight: float, *places: str) -> None:
        """Stand still from now on, or not."""
        now, swarm = asyncio.get_running_loop().time(), self._swarm
        if now < self._next_s or not weight or not swarm.strikes("pause", weight):
            return
        seconds = swarm.seconds(*swarm.random.choice(LENGTHS_S))
        self.begin(seconds, *places, asleep=swarm.random.random() < 0.3)
        self._next_s = self.over_at + swarm.seconds(*swarm.random.choice(APART_S))

    def begin(self, seconds: float, *places: str, asleep: bool = False) -> None:
        """Stand still from now on; `asleep`: because the machine sleeps."""
        loop, swarm = cast("StandingLoop", asyncio.get_running_loop()), self._swarm
        for place in {*places, *self.places(), *(("asleep",) if asleep else ())} - {""}:
            swarm.note(f"pause-{place}")
        self.over_at = loop.time() + seconds
        self._next_s = self.over_at + LEAST_S
        loop.stand_still(seconds, swarm.random, asleep=asleep)
