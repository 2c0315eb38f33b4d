"""A Neutron for the bench: each server has one port, bound to the host that the server is on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from doctor_daemon.core.policy import Policy
from doctor_daemon.core.port_tasks import PortPolicy, PortStage, PortTask
from doctor_daemon.core.ports import Port, PortPage, Said
from doctor_daemon.engine.engine import Engine
from doctor_daemon.ports import Permit
from tests.engine.instruments import CALL_S, HOST, ScriptedNova
from tests.engine.moving import bench
from tests.engine.rig import Rig
from tests.simulation.virtual import VirtualClock, run

QUICK = Policy(grace_s=1.0, force_down_tries=3)
MARKING = PortPolicy(marks=True)
DOWN = "DOWN"


class BenchNeutron:
    """`ports.Network` on the servers of the bench's Nova."""

    api: ClassVar[int] = 1

    def __init__(self, clock: VirtualClock, nova: ScriptedNova) -> None:
        self.clock = clock
        self.nova = nova
        self.said: dict[str, str] = {}
        """Port -> what somebody has said of it."""
        self.asked: list[str] = []
        """Every request that changes something, in order."""
        self.offers = True
        self.page = 2
        self.errors: list[Exception] = []
        """What questions fail with first."""
        self.answers: list[tuple[Said, str]] = []
        """How the first changes are answered; nothing is done then, unless that is UNKNOWN."""
        self.gone: set[str] = set()
        self.stuck: set[str] = set()
        """Ports that it does not change."""
        self.lists = 0
        self.under_way = self.most = 0
        self.call_s = CALL_S

    def _all(self) -> list[Port]:
        rows = [
            Port(f"p-{one.id}", host, self.said.get(f"p-{one.id}", ""))
            for host, servers in self.nova.there.items()
            for one in servers
        ]
        return sorted((port for port in rows if port.id not in self.gone), key=lambda p: p.id)

    async def _call(self) -> None:
        await asyncio.sleep(self.call_s)
        if self.errors:
            raise self.errors.pop(0)

    async def offered(self) -> bool:
        await self._call()
        return self.offers

    async def bound(self, host: str, after: str = "") -> PortPage:
        self.lists += 1
        await self._call()
        found = [port for port in self._all() if port.host == host and port.id > after]
        more = len(found) > self.page
        some = tuple(found[: self.page])
        return PortPage(some, some[-1].id if more else "")

    async def ports(self, ids: Sequence[str]) -> Sequence[Port]:
        self.lists += 1
        await self._call()
        return [port for port in self._all() if port.id in ids]

    async def say(self, port: str, *, down: bool, permit: Permit) -> tuple[Said, str]:
        permit.check(self.clock.now())
        self.asked.append(f"{'down' if down else 'clear'} {port}")
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self.call_s)
        self.under_way -= 1
        answer = self.answers.pop(0) if self.answers else (Said.SET, "200")
        if port in self.stuck:
            answer = (Said.REFUSED, "409")
        if port not in {one.id for one in self._all()}:
            return Said.GONE, "404"
        if answer[0] in (Said.SET, Said.UNKNOWN):
            self.said[port] = DOWN if down else ""
        return answer

    def is_down(self) -> set[str]:
        return {port for port, status in self.said.items() if status == DOWN}

    async def check(self) -> Sequence[str]:
        return ()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        return


def ported(count: int = 3, policy: PortPolicy = MARKING) -> tuple[Rig, BenchNeutron]:
    """Make a bench with a Neutron, whose host has so many servers."""
    rig = bench(count, QUICK)
    neutron = BenchNeutron(rig.clock, rig.nova)
    rig.network, rig.ports = neutron, policy
    return rig, neutron


def names(*numbers: int) -> set[str]:
    return {f"p-vm-{number}" for number in numbers}


def task_of(engine: Engine) -> PortTask | None:
    return engine.ward.stock.ports.get(HOST)


async def reach(engine: Engine, stage: PortStage, limit_s: float = 400.0) -> PortTask:
    """Wait, in virtual time, for the host's task to come to a stage."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < limit_s:
        task = task_of(engine)
        if task is not None and task.stage is stage:
            return task
        await asyncio.sleep(0.05)
    raise AssertionError(task_of(engine))


def told(task: PortTask) -> list[str]:
    return [line.text for line in task.story]


def story(
    main: Callable[[Rig, BenchNeutron], Awaitable[None]],
    count: int = 3,
    policy: PortPolicy = MARKING,
) -> None:
    """Play a story in virtual time; no bug is met in it."""
    rig, neutron = ported(count, policy)

    async def play() -> None:
        await main(rig, neutron)
        assert rig.bugs == []

    run(play())
