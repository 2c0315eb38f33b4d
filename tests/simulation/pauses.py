"""Pauses of daemons: when they come, what they hit, and when each was over.

The world goes on meanwhile, and so do the other daemons. They come mostly where they could do harm:
while something is on its way, just after a save, and between a decision and what it leads to.

A guest that is frozen has clocks that stand still with it, and does not know that it stood still.
That falls nowhere between the word that it leads and the first byte of an order: there nothing
would tell it, as docs/adr/0023-leases.md says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar, cast

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.tries import Try
from doctor_daemon.errors import Temporary
from tests.simulation.faults import Swarm
from tests.simulation.processes import INSIDE, Process
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
FROZEN_S = ((2.5, 7.0), (10.0, 40.0), (40.0, 200.0))
"""How long a guest is frozen: for less than a lease lasts, or longer."""
SAVED, CALLED = 0.15, 0.1
"""How often one comes just before or after a save, and a call."""
ASIDE = 0.3
"""How often somebody looks at a daemon that does not lead."""


class Pauses:
    """Lets daemons stand still, and knows when each did."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self.cut: set[IncidentId] = set()
        """Incidents whose host may have been cut since they began, or since its last release."""
        self.begun: dict[HostId, Instant] = {}
        """Host -> when a cut of it was last begun: since then it waits for nothing more."""
        self.living: Callable[[], Sequence[Process]] = tuple
        """The daemons that live: the one that leads is the first, where one does."""
        self.shared = False
        """Whether there are several, and so a store that knows who leads when a clock does not."""
        self.begins: Callable[[Process], None] = lambda process: None
        """Hears whose begins."""
        self.last_s = LAST_S
        """Until when calls are hit in the calm."""
        self._nobody = Process()

    def own(self) -> Process:
        """Return the daemon that this runs in."""
        return INSIDE.get() or self._nobody

    @contextmanager
    def call(self, what: str) -> Iterator[None]:
        """Count a call while it is on its way."""
        process = self.own()
        process.out[what] += 1
        weight = CALLS.get(what, 0.0)
        if weight:
            later(self._swarm.seconds(0.0, 0.05), self._while_out, process, what, weight)
        try:
            yield
        finally:
            process.out[what] -= 1

    def _while_out(self, process: Process, what: str, weight: float) -> None:
        if process.out[what] > 0 and not process.dead:
            self.soon(process, weight)

    def decided(self, head: Incident | None) -> None:
        """Strike perhaps just after the save of what leads to a cut, or to a force-down."""
        attempt = head.fencing if head else None
        if head is None or attempt is None or attempt.go_at is None:
            return
        if head.phase is Phase.FORCING_DOWN and head.marking.put is None:
            self.soon(self.own(), 0.5, "just-saved")
        elif head.phase is Phase.FENCING and self._cutting(head, attempt) == "cut-waits":
            self.soon(self.own(), 1.0, "just-saved", "cut-waits")

    def soon(self, process: Process, weight: float, *places: str) -> None:
        """Have a daemon stand still from now on, or not, be it soon after another pause."""
        now = asyncio.get_running_loop().time()
        process.next_s = min(process.next_s, process.over_at + LEAST_S)
        if self._swarm.on:
            self.perhaps(process, weight, *places)
            return
        late = process.next_s <= now < self.last_s and not process.still
        if late and self._swarm.strikes("pause", weight, calm=True):
            self.begin(process, self._swarm.seconds(*LATE_S), *places)

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
            found = self.living()
            if not found:
                continue
            process, *others = found
            if others and self._swarm.random.random() < ASIDE:
                process = self._swarm.random.choice(others)
            weight = max((WEIGHTS.get(place, REST) for place in self.places(process)), default=0.0)
            self.perhaps(process, weight or REST * bool(others))

    def places(self, process: Process) -> set[str]:
        """Return what a pause would hit now."""
        found = {f"{what}-out" for what, count in process.out.items() if count > 0}
        found = {"over-permit" if place == "permit-out" else place for place in found}
        return found | {place for one in process.open() for place in self._of(one, process)}

    def _of(self, incident: Incident, process: Process) -> Iterator[str]:
        attempt = incident.fencing
        match incident.phase:
            case Phase.SUSPECTED:
                yield "grace"
            case Phase.FENCING:
                passed = attempt if attempt and attempt.go_at else None
                yield self._cutting(incident, passed) if passed else "before-cut"
            case Phase.FORCING_DOWN if incident.marking.put is None:
                yield "" if process.out["put"] else "proven"
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

    def perhaps(self, process: Process, weight: float, *places: str) -> None:
        """Have a daemon stand still from now on, or not."""
        now, swarm = asyncio.get_running_loop().time(), self._swarm
        if now < process.next_s or process.still or not weight:
            return
        if self.shared and swarm.strikes("frozen-guest", weight):
            self.freeze(process, swarm.seconds(*swarm.random.choice(FROZEN_S)))
        elif swarm.strikes("pause", weight):
            seconds = swarm.seconds(*swarm.random.choice(LENGTHS_S))
            self.begin(process, seconds, *places, asleep=swarm.random.random() < 0.3)
        else:
            return
        process.next_s += swarm.seconds(*swarm.random.choice(APART_S)) - LEAST_S

    def begin(self, process: Process, seconds: float, *places: str, asleep: bool = False) -> None:
        """Have a daemon stand still from now on; `asleep`: because its machine sleeps."""
        loop, swarm = cast("StandingLoop", asyncio.get_running_loop()), self._swarm
        found = {*places, *self.places(process), *(("asleep",) if asleep else ())} - {""}
        for place in found:
            swarm.note(f"pause-{place}")
        process.over_at = loop.time() + seconds
        process.next_s = process.over_at + LEAST_S
        self.begins(process)
        swarm.tells(f"{process.clock.boot} stands still for {seconds:.1f} s")
        loop.stand_still(process, seconds, swarm.random, asleep=asleep)

    def freeze(self, process: Process, seconds: float) -> None:
        """Have a daemon's machine stand still with all its clocks, unless that falls just there."""
        loop = cast("StandingLoop", asyncio.get_running_loop())
        process.next_s = loop.time() + LEAST_S
        if process.confirming or process.out["permit"]:
            self._swarm.note("frozen-spared")
            return
        process.clock.freeze(seconds)
        process.next_s += seconds
        self.begins(process)
        self._swarm.tells(f"{process.clock.boot} is frozen for {seconds:.1f} s")
        loop.stand_still(process, seconds, self._swarm.random, asleep=True)
