"""One host that fails in a world without faults, and one pause of the daemon at a given moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from random import Random

from doctor_daemon.core.corroboration import Corroboration
from doctor_daemon.core.evidence import Evidence, Trust, Verdict
from doctor_daemon.core.host import Device, Level, Mode, Selection, Server, ServerId, WayBack
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import DoctorError
from tests.simulation.daemons import Living
from tests.simulation.less import Less
from tests.simulation.processes import within
from tests.simulation.story import Story
from tests.simulation.world import Machine

FAILS_S = 30.0
"""When the host fails: the daemon has warmed up."""
SAID_S = 3.0
"""How often a monitor says what it sees of it."""
MEANWHILE_S = 10.0
"""So long after the daemon stood still something happens to the host, and before it goes on."""
LINE = "rack"
WIDE = 80
HOSTS = 3
BUSY_S = 2.0
NAMED = "crash-after-call identify"
"""Where a device has just said who its host is."""
LIMIT_S = 600.0
"""How long a scene is waited for at most."""
ENDS = (Phase.DOWN, Phase.HELD, Phase.DISMISSED)
Meanwhile = Callable[["Scene"], Coroutine[None, None, None]]


class Scene(Story):
    """A story of one host, told to its end; its other hosts are well."""

    one: Living
    """The daemon, where there is one."""

    def __init__(
        self, mode: Mode = Mode.FENCE, make: Callable[..., Engine] = Engine, count: int = 1
    ) -> None:
        """Make a world in which all power devices are behind one that serves one call at a time."""
        super().__init__(1, make, Less(daemons=count))
        self.disk.remote = True
        self.swarm.on, self.swarm.random = False, Random(0)
        self.boundaries.pauses.last_s = 0.0
        for host in tuple(self.world.machines)[HOSTS:]:
            del self.world.machines[host]
        self.machine: Machine = next(iter(self.world.machines.values()))
        for machine in self.world.machines.values():
            self._plain(machine, mode)
        self.silent = False
        """Nobody says anything of the host."""
        self._said = 0

    def _plain(self, machine: Machine, mode: Mode) -> None:
        uuid = machine.plan.levels[0].devices[0].uuid
        machine.supplies = {"bmc": True}
        machine.plan = replace(
            machine.plan,
            mode=mode,
            protected="",
            levels=(Level((Device("bmc", "sim", uuid, line=LINE),)),),
            selection=Selection(shared_storage=True),
            way_back=WayBack(),
            corroboration=Corroboration(),
        )
        machine.servers.clear()
        machine.aggregates = ()
        if machine.id == self.machine.id:
            vm = ServerId("vm")
            machine.servers[vm] = Server(vm, vm, "red", vm_state="active")
            self.world.running[vm] = {machine.id}

    async def play(self, place: str, seconds: float, meanwhile: Meanwhile) -> None:
        """Let it fail; stand still when a pause would hit that; and go on to the end."""
        one = self.one = self.daemons.begin(self.daemons.sites[0])
        engine, process = one.engine, one.process
        process.crash = None
        others = [asyncio.create_task(loop) for loop in (self.world.beat(), self._watch())]
        await engine.ready.wait()
        await one.ask(Operators(engine).arm("ann", "go"), 10.0)
        self.oracle.disarmed_since = None
        await asyncio.sleep(FAILS_S - self.world.now())
        self.machine.compute = False
        if place == "cut-waits":
            passed = self.boundaries.passed
            asked = passed[NAMED]
            await self.until(lambda: passed[NAMED] > asked)
            busy = asyncio.create_task(self._busy(engine), context=within(process))
            others.append(busy)
        await self.until(lambda: place in self.boundaries.pauses.places(process))
        self.boundaries.pauses.begin(process, seconds)
        await asyncio.sleep(MEANWHILE_S)
        await meanwhile(self)
        await self.until(lambda: self.woken and self.incident.phase in ENDS)
        await asyncio.sleep(1.0)
        engine.stop()
        await one.task
        for task in others:
            task.cancel()

    async def _busy(self, engine: Engine) -> None:
        """Let another host's device keep the line of them all for a while."""
        async with engine.ward.tools.device_turns.turn(f"line {LINE}"):
            await asyncio.sleep(BUSY_S)

    @property
    def woken(self) -> bool:
        """Tell whether the pause is over, and what had waited is done."""
        return self.world.now() > self.one.process.over_at + SAID_S

    @property
    def incident(self) -> Incident:
        """The incident of the host, as it is saved: the last one."""
        (*_, last) = [i for i in self.disk.saved.values() if i.host == self.machine.id]
        return last

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for something, for a bounded time."""
        async with asyncio.timeout(LIMIT_S):
            while not happened():  # noqa: ASYNC110 - the world gives no event, and its time is free
                await asyncio.sleep(0.001)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(SAID_S)
            lives = self.machine.compute and self.machine.power
            if self.silent or (lives and self.world.now() < FAILS_S):
                continue
            self._said += 1
            for one in tuple(self.daemons.living.values()):
                with suppress(DoctorError):
                    await one.ask(self.say(one, Verdict.UP if lives else Verdict.DOWN), SAID_S)
                    break

    async def say(self, one: Living, verdict: Verdict) -> None:
        """Tell a daemon what is seen of the host."""
        key, at = f"am|{self._said}", one.process.clock.now()
        said = Evidence(self.machine.id, verdict, "am", "prometheus", Trust.ALONE, "host", key, at)
        await one.engine.desk.submit([said])

    @property
    def lines(self) -> list[str]:
        """The timeline from the failure on: seconds since then, and what happened, cut short."""
        return [f"{e.at.boot_s - FAILS_S:3.0f} {e.text}"[:WIDE] for e in self.incident.timeline]
