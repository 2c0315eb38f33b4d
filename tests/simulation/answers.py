"""What the simulated Nova answers to questions: late, not at all, or once we go on after a pause.

Each answer is worked out by the world at its own moment, whether the daemon stands still or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar, TypeVar

from doctor_daemon.core.around import ServerGroup
from doctor_daemon.core.evacuation import Migration
from doctor_daemon.core.host import HostId, Server, ServerList
from doctor_daemon.core.incident import Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.retirement import Transit
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Fleet
from doctor_daemon.ports.states import StatesPage, StatesWanted
from tests.simulation.oracle import Oracle
from tests.simulation.world import BEAT_S, CHOSEN_S, Machine, World

T = TypeVar("T")
TIMEOUT_S = 15.0
NO_CONNECTION = "nothing was sent, for no connection stood"


class NovaAnswers:
    """The questions of `ports.Controller`, over the world's rows."""

    api: ClassVar[int] = 1

    def __init__(self, world: World, oracle: Oracle) -> None:
        self._world = world
        self._swarm = world.swarm
        self._oracle = oracle
        self._rebuilds = oracle.rebuilds
        self._pauses = oracle.boundaries.pauses

    async def _ask(self, what: str, answer: Callable[[], T]) -> T:
        """Have the world work out an answer, or fail; it may have to wait for us to go on."""
        swarm = self._swarm

        def work() -> T:
            if self._away():
                raise Temporary(NO_CONNECTION)
            if swarm.strikes("bug", 0.03):
                msg = f"bug while {what}"
                raise RuntimeError(msg)
            if swarm.strikes("nova-5xx"):
                msg = "503"
                raise Temporary(msg)
            if swarm.strikes("nova-down-cell", 0.3):
                msg = "the cell does not answer"
                raise Temporary(msg)
            return answer()

        with self._pauses.call(what):
            await self._oracle.boundaries.pass_by("crash-before-call", what)
            slow = swarm.strikes("nova-slow")
            seconds = swarm.seconds(1.0, 8.0) if slow else swarm.seconds(0.01, 0.2)
            value = await self._pauses.answer(seconds, work, TIMEOUT_S)
            await self._oracle.boundaries.pass_by("crash-after-call", what)
            return value

    def _away(self) -> bool:
        """Tell whether all of Nova is away, as in an upgrade."""
        return self._swarm.on and self._world.now() < self._world.nova_away_until

    def _show(self, machine: Machine, asked_at: Instant) -> Sighting:
        row = machine.row
        late = self._world.now() - row.updated_s > CHOSEN_S + BEAT_S
        state = "down" if row.forced_down or late else "up"
        return Sighting(
            row.uuid, state, row.status, row.forced_down, row.reason, row.updated_s, asked_at
        )

    async def look(self, host: HostId) -> Sighting:
        asked_at = self._oracle.clock.now()

        def answer() -> Sighting:
            machine = self._world.machines[host]
            if not self._world.known(machine):
                msg = f"Nova lists no compute service of {host}"
                raise Permanent(msg)
            if self._swarm.strikes("nova-service-replaced", 0.2):
                machine.row.uuid += "x"
            return self._show(machine, asked_at)

        return await self._ask("look", answer)

    async def fleet(self) -> Fleet:
        asked_at = self._oracle.clock.now()

        def answer() -> Fleet:
            known = [m for m in self._world.machines.values() if self._world.known(m)]
            return Fleet({m.id.name: self._show(m, asked_at) for m in known})

        return await self._ask("fleet", answer)

    async def transits(self, host: HostId) -> Sequence[Transit]:
        rows = await self._ask("transits", lambda: self._rebuilds.of(host))
        return [Transit(row.id, row.server, "evacuation", row.status) for row in rows]

    async def servers(self, host: HostId) -> ServerList:
        machine, clock = self._world.machines[host], self._oracle.clock.mine()

        def answer() -> ServerList:
            self._listed()
            return ServerList(tuple(machine.servers.values()), clock.now().wall_s)

        return await self._ask("servers", answer)

    def _listed(self) -> None:
        if self._swarm.strikes("nova-servers-fail"):
            msg = "500"
            raise Temporary(msg)

    async def aggregates(self, host: HostId) -> Sequence[Mapping[str, str]]:
        def answer() -> Sequence[Mapping[str, str]]:
            self._listed()
            return self._world.machines[host].aggregates

        return await self._ask("aggregates", answer)

    async def server_groups(self) -> Sequence[ServerGroup]:
        def answer() -> Sequence[ServerGroup]:
            if self._swarm.strikes("groups-hidden"):
                msg = "403"
                raise Permanent(msg)
            return self._world.groups

        self._world.groups_told = False
        groups = await self._ask("server_groups", answer)
        self._world.groups_told = True
        return groups

    async def evacuations(self, host: HostId) -> Sequence[Migration]:
        return await self._ask("evacuations", lambda: self._rebuilds.of(host))

    async def changed_evacuations(self, since_wall_s: float) -> Sequence[Migration]:
        own = self._oracle.clock.mine()

        def answer() -> Sequence[Migration]:
            ago_s = own.now().wall_s - since_wall_s + own.unaware_s()  # Nova's clock goes on
            return self._rebuilds.changed(self._world.now() - ago_s)

        return await self._ask("changed_evacuations", answer)

    async def all_servers(self, *, calm: bool = False) -> Mapping[str, tuple[Server, ...]]:
        return await self._ask("all_servers", self._map)

    def _map(self) -> Mapping[str, tuple[Server, ...]]:
        wrong = partial(self._swarm.strikes, "map-wrong", 0.3)
        machines = self._world.machines.values()
        return {m.id.name: tuple(s for s in m.servers.values() if not wrong()) for m in machines}

    async def changed_servers(self, since_wall_s: float) -> Sequence[tuple[Server, str]]:
        return await self._ask("changed_servers", self._changed)

    def _changed(self) -> Sequence[tuple[Server, str]]:
        if not self._swarm.strikes("map-wrong", 0.2):
            return []
        servers = next(iter(self._world.machines.values())).servers.values()
        return [(Server(one.id, one.id, "project-9"), "cmp-1") for one in servers][:1]

    async def states(self, wanted: StatesWanted) -> StatesPage:
        asked_at = self._oracle.clock.now()
        return await self._ask("states", lambda: StatesPage((), asked_at.wall_s))  # nobody asks

    async def hidden_from_owners(self) -> Sequence[str]:
        return ()

    async def check(self) -> Sequence[str]:
        return ()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        return
