"""The daemons of a story: each machine runs one after the other, and of all one leads.

A daemon lives until it dies, is stopped, steps down, leads no more, or the story is over; after a
while its machine begins it anew. One alone has the disk for itself, and knows its own boot again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from doctor_daemon.core.instant import Instant
from doctor_daemon.engine.engine import Engine
from doctor_daemon.errors import Conflict, Temporary
from doctor_daemon.ports import Store
from doctor_daemon.ports.leading import Role
from tests.simulation.clocks import Clocks, present_s
from tests.simulation.disk import at_once
from tests.simulation.faults import Swarm
from tests.simulation.keeper import Keeper
from tests.simulation.leases import LEASE_S, Claimant, Lease
from tests.simulation.lines import Line
from tests.simulation.oracle import Oracle
from tests.simulation.processes import OwnClock, Process, Site, within
from tests.simulation.standing import inside, later
from tests.simulation.ways import Way

T = TypeVar("T")
APART_S = 0.4
"""How far the wall clocks of two machines may be apart."""
CUT_OFF_S = ((1.0, 6.0), (6.0, 15.0), (15.0, 90.0))
"""How long a machine, or everybody, may be cut off from the store."""
VIGIL_S, VACANT_S = 3.0, 20.0
"""How often it is seen to that somebody leads, and how long nobody may where somebody could."""
Make = Callable[[Process, Store], Engine]


@dataclass(eq=False)
class Living:
    """A daemon that lives."""

    site: Site
    process: Process
    engine: Engine
    task: asyncio.Task[None]
    way: Way | None
    """Its way to a store that others share; None: it is alone."""

    @property
    def alive(self) -> bool:
        """Tell whether it has neither died nor ended."""
        return not self.task.done() and not self.process.dead

    @property
    def ready(self) -> bool:
        """Tell whether it takes orders and evidence."""
        return self.engine.ready.is_set()

    async def ask(self, call: Coroutine[Any, Any, T], wait_s: float) -> T:
        """Have it do something. Raise Temporary where no answer comes in so long."""
        return await inside(self.process, call, wait_s)


class Daemons:
    """Every machine on which a daemon runs."""

    def __init__(self, oracle: Oracle, swarm: Swarm, make: Make, count: int) -> None:
        """Begin none yet. `make` makes the engine of a process, on its store."""
        chance = Random(f"machines {swarm.seed}")
        skews = [chance.uniform(-APART_S, APART_S) if count > 1 else 0.0 for _ in range(count)]
        self.sites = [Site(f"ctl-{n}", wall_offset_s=skew) for n, skew in enumerate(skews, 1)]
        self.lease = Lease()
        self.living: dict[Site, Living] = {}
        self.ends = asyncio.Event()
        self.led: Callable[[Instant], None] = lambda now: None
        """Hears when a daemon begins to lead, by its own clock."""
        self.tells: Callable[[str], None] = lambda text: None
        """Hears of daemons that begin, die or end."""
        self.keeper: type[Keeper] = Keeper
        """What keeps a daemon's lease."""
        self.quiet = False
        """Whoever stands by is not needed any more: only time is to pass."""
        self._oracle, self._swarm, self._make = oracle, swarm, make
        self._clocks: Clocks = oracle.clock
        self._shared = count > 1
        self._begun = 0
        self._pauses = oracle.boundaries.pauses
        self._pauses.living, self._pauses.shared = self.processes, self._shared
        if self._shared:
            self._pauses.begins = self._pausing
            oracle.lease = self.lease
            self.lease.claimed = self._claimed

    @property
    def leading(self) -> Living | None:
        """Who leads and takes orders, if anybody does."""
        found = (one for one in self.living.values() if one.ready and self._leads(one))
        return next(found, None)

    def _leads(self, one: Living) -> bool:
        return one.way is None or self.lease.leads(one.way.leadership)

    @property
    def aside(self) -> Sequence[Living]:
        """Those that live and do not lead, or not yet."""
        return [one for one in self.living.values() if not self._leads(one)]

    def processes(self) -> Sequence[Process]:
        """Return those that live: the one that leads is the first."""
        lead = self.leading
        first = [lead.process] if lead else []
        return first + [one.process for one in self.living.values() if one is not lead]

    async def live(self, site: Site) -> None:
        """Run one daemon after the other on a machine."""
        while not self.ends.is_set():
            one = self.begin(site)
            if not await self._lived(one) or self._unneeded(one):
                return
            await self._downtime(site)

    def begin(self, site: Site) -> Living:
        """Begin a daemon on a machine."""
        self._begun += 1
        boot = f"boot-{site.boots}"
        if self._shared:
            boot = f"{site.name}-{boot}-{self._begun}"
        clock = OwnClock(site, boot)
        self._clocks.add(clock)
        process = Process(clock)
        way = self._way(site, process) if self._shared else None
        if way is None:
            self._clocks.leading = clock
            self.led(clock.now())
        engine = self._make(process, way or self._oracle.disk)
        task = asyncio.create_task(engine.run(), context=within(process))
        one = self.living[site] = Living(site, process, engine, task, way)
        self.tells(f"{site.name}: a daemon begins")
        process.open = lambda: tuple(case.incident for case in engine.desk.cases.values())
        process.crash = lambda: self._die(one)
        return one

    def _way(self, site: Site, process: Process) -> Way:
        oracle = self._oracle
        line = Line(self.lease, site, process, self._swarm, oracle.boundaries)
        return Way(oracle.disk, self.keeper(self.lease, line, site.name), self._clocks)

    def _die(self, one: Living) -> None:
        one.process.dead, one.process.crash = True, None
        self.tells(f"{one.site.name}: its daemon dies")
        one.task.cancel()
        if self.living.get(one.site) is one:
            del self.living[one.site]
        if one.way is not None:
            one.way.leadership.stop()
        self._forget(one)

    def _forget(self, one: Living) -> None:
        """Have the store tell of it no more, once what it has there has run out."""
        if one.way is not None:
            later(LEASE_S, self.lease.forget, one.way.leadership)

    async def _lived(self, one: Living) -> bool:
        """Let one live to its end; tell whether its machine may begin another."""
        waits = (
            self.ends.wait(),
            one.engine.stepping_down.wait(),
            self._stop_now_and_then(),
            self._until_unneeded(one),
        )
        helpers = [asyncio.create_task(wait) for wait in waits]
        await asyncio.wait((one.task, *helpers), return_when=asyncio.FIRST_COMPLETED)
        if not one.task.done():
            one.engine.stop()
        await asyncio.wait((one.task,))
        one.process.crash = None
        if self.living.get(one.site) is one:
            del self.living[one.site]
        for helper in helpers:
            helper.cancel()
        if one.process.dead:
            _ = one.task.cancelled() or one.task.exception()  # nobody is left to hear of it
            return True
        self.tells(f"{one.site.name}: its daemon has ended")
        well = self._ended_well(one)
        if one.way is not None:
            closing = asyncio.create_task(one.way.close(), context=within(one.process))
            await asyncio.wait((closing,))
            self._forget(one)
        return well

    def _ended_well(self, one: Living) -> bool:
        error = None if one.task.cancelled() else one.task.exception()
        if error is None:
            return True
        knows = one.way is not None and one.way.leadership.standing().role is Role.OVER
        over = knows or not self._leads(one)  # or it has heard so by what another has written
        kinds = (Conflict, Temporary) if not one.ready else (Conflict,)
        if one.way is not None and (over or not one.ready) and _only(error, kinds):
            self._swarm.note("deposed")
            return True
        self._oracle.wrong(f"BUG: the daemon of {one.site.name} ended by {error!r}")
        return False

    def _unneeded(self, one: Living) -> bool:
        lead = self.leading
        return self.quiet and lead is not None and lead is not one

    async def _until_unneeded(self, one: Living) -> None:
        while not self._unneeded(one):  # noqa: ASYNC110 - the world gives no event
            await asyncio.sleep(30.0)

    async def _stop_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._swarm.seconds(30, 200))
            if self._swarm.strikes("graceful-stop"):
                return

    async def _downtime(self, site: Site) -> None:
        if self.ends.is_set():
            return
        swarm = self._swarm
        long = swarm.strikes("crash-long")
        await asyncio.sleep(swarm.seconds(60, 400) if long else swarm.seconds(0.5, 10))
        if swarm.strikes("reboot"):
            site.reboot()

    # among several

    def _pausing(self, process: Process) -> None:
        lead = self.leading
        if lead is None or lead.process is not process:
            self._swarm.note("standby-stands-still")

    def _claimed(self, who: Claimant, before: Claimant | None) -> None:
        """Take note of who leads from now on, and of what became of the one before."""
        if not isinstance(who, Keeper):
            return
        at_once(self._oracle.disk.open())  # whose term grows with the lease's
        self._clocks.leading = who.line.process.clock
        self.led(self._clocks.leading.now())
        if isinstance(before, Keeper):
            process = before.line.process
            if process.dead:
                self._swarm.note("followed-dead")
            elif process.clock.frozen:
                self._swarm.note("followed-frozen")
            elif process.still:
                self._swarm.note("followed-paused")
            elif before.line.severed:
                self._swarm.note("followed-cut-off")

    async def outages(self) -> None:
        """Let machines, or everybody, lose their way to the store, and a leader his lease."""
        swarm, lease, loop = self._swarm, self.lease, asyncio.get_running_loop()
        while self._shared:
            await asyncio.sleep(swarm.seconds(2, 40))
            if swarm.strikes("store-cut-off"):
                lead, draw = self.leading, swarm.random
                site = lead.site if lead and draw.random() < 0.7 else draw.choice(self.sites)
                site.cut_off_until_s = loop.time() + swarm.seconds(*draw.choice(CUT_OFF_S))
            if swarm.strikes("store-away", 0.3):
                seconds = swarm.seconds(*swarm.random.choice(CUT_OFF_S))
                lease.away_until_s = loop.time() + seconds
                if swarm.random.random() < 0.5:  # without a majority no lease runs out either
                    lease.prolong(seconds)
            if swarm.strikes("lease-lost", 0.3):
                lease.lose()

    async def vigil(self) -> None:
        """Check that nobody waits for long to lead where it could."""
        since = dict[Living, float]()
        while self._shared:
            await asyncio.sleep(VIGIL_S)
            now, free = present_s(), self.lease.holder is None
            able = [one for one in self.living.values() if free and self._able(one)]
            since = {one: since.get(one, now) for one in able}
            late = [one.site.name for one in able if now - since[one] > VACANT_S]
            self._oracle.check("L-3", not late, f"{late} could lead, and nobody does")

    def _able(self, one: Living) -> bool:
        keeper = one.way.leadership if one.way else None
        awake = keeper is not None and not one.process.still and not keeper.line.severed
        return awake and keeper in self.lease.ready


def _only(error: BaseException, kinds: tuple[type[Exception], ...]) -> bool:
    """Tell whether an error, or all that a group of them holds, is of these kinds."""
    if isinstance(error, BaseExceptionGroup):
        return all(_only(one, kinds) for one in error.exceptions)
    return isinstance(error, kinds)
