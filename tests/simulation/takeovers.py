"""One host that fails, two daemons that share a store, and what befalls the one that leads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace

from doctor_daemon.core.host import Device, Level, Mode
from doctor_daemon.core.instant import Instant
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from tests.simulation.daemons import Living
from tests.simulation.processes import within
from tests.simulation.scenes import ENDS, FAILS_S, LINE, NAMED, Scene
from tests.simulation.world import Machine

PATIENCE_S = 10.0
SETTLED_S = 5.0
"""So long after the end it is looked at what has become of it all."""
Befalls = Callable[["Takeover", Living], Coroutine[None, None, None]]


class Takeover(Scene):
    """A scene in which one daemon leads, and others stand by."""

    def __init__(
        self, mode: Mode = Mode.FENCE, make: Callable[..., Engine] = Engine, count: int = 2
    ) -> None:
        super().__init__(mode, make, count)
        self.leaders: list[str] = []
        """Whose terms there have been, in order."""

    def _led(self, now: Instant) -> None:
        super()._led(now)
        holder = self.daemons.lease.holder
        self.leaders.append(holder.name if holder is not None else "")

    async def stage(self, place: str, befalls: Befalls) -> None:
        """Let the host fail; let something befall who leads at that place; go on to the end."""
        lives = [asyncio.create_task(self.daemons.live(site)) for site in self.daemons.sites]
        others = [asyncio.create_task(loop) for loop in (self.world.beat(), self._watch())]
        await self.until(lambda: self.daemons.leading is not None)
        first = self.leading
        await first.ask(Operators(first.engine).arm("ann", "go"), PATIENCE_S)
        self.oracle.disarmed_since = None
        await asyncio.sleep(FAILS_S - self.world.now())
        self.machine.compute = False
        if place == "cut-waits":
            asked = self.boundaries.passed[NAMED]
            await self.until(lambda: self.boundaries.passed[NAMED] > asked)
            busy = asyncio.create_task(self._busy(first.engine), context=within(first.process))
            others.append(busy)
        await self.until(lambda: self._at(place, first))
        await befalls(self, first)
        await self.until(lambda: self.daemons.leading is not None and self.incident.phase in ENDS)
        await asyncio.sleep(SETTLED_S)
        self.daemons.ends.set()
        await asyncio.gather(*lives)
        for task in others:
            task.cancel()

    @property
    def leading(self) -> Living:
        """Who leads."""
        found = self.daemons.leading
        assert found is not None
        return found

    def _at(self, place: str, first: Living) -> bool:
        if place == "put-answered":
            return self.boundaries.passed["crash-after-call force_down"] > 0
        return place in self.boundaries.pauses.places(first.process)


class Witnessed(Takeover):
    """One in which the host has a second device, that tells how it is itself."""

    def _plain(self, machine: Machine, mode: Mode) -> None:
        super()._plain(machine, mode)
        (first,) = machine.plan.levels
        uuid = first.devices[0].uuid
        second = Level((Device("pdu", "sim", uuid, line=LINE, tells_host=True),))
        machine.supplies["pdu"] = True
        machine.plan = replace(machine.plan, levels=(first, second))
