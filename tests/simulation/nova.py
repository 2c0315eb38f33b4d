"""A Nova that is slow, loses replies, does late what it seemed to refuse, and has sick cells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from doctor_daemon.core.around import ServerGroup
from doctor_daemon.core.evacuation import Migration
from doctor_daemon.core.host import HostId, Server, ServerId, ServerList
from doctor_daemon.core.incident import Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.retirement import Transit
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Fleet, Permit
from doctor_daemon.ports.states import StatesPage, StatesWanted
from tests.simulation.departures import Departures
from tests.simulation.oracle import Oracle
from tests.simulation.returns import Returns
from tests.simulation.world import BEAT_S, Machine, World

DOWN_AFTER_S = 60.0
TIMEOUT_S = 15.0
NO_CONNECTION = "nothing was sent, for no connection stood"


class SimNova:
    """`ports.Controller` over the world's rows."""

    api: ClassVar[int] = 1

    def __init__(self, world: World, oracle: Oracle) -> None:
        self._world = world
        self._swarm = world.swarm
        self._oracle = oracle
        self._rebuilds = oracle.rebuilds

    async def _ask(self, what: str) -> None:
        swarm = self._swarm
        await self._oracle.boundaries.pass_by("crash-before-call", what)
        slow = swarm.strikes("nova-slow")
        await asyncio.sleep(swarm.seconds(1.0, 8.0) if slow else swarm.seconds(0.01, 0.2))
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
        await self._oracle.boundaries.pass_by("crash-after-call", what)

    def _away(self) -> bool:
        """Tell whether all of Nova is away, as in an upgrade."""
        return self._swarm.on and self._world.now() < self._world.nova_away_until

    def _show(self, machine: Machine, asked_at: Instant) -> Sighting:
        row = machine.row
        late = self._world.now() - row.updated_s > DOWN_AFTER_S + BEAT_S
        state = "down" if row.forced_down or late else "up"
        return Sighting(
            row.uuid, state, row.status, row.forced_down, row.reason, row.updated_s, asked_at
        )

    async def look(self, host: HostId) -> Sighting:
        asked_at = self._oracle.clock.now()
        await self._ask("look")
        machine = self._world.machines[host]
        if not self._world.known(machine):
            msg = f"Nova lists no compute service of {host}"
            raise Permanent(msg)
        if self._swarm.strikes("nova-service-replaced", 0.2):
            machine.row.uuid += "x"
        return self._show(machine, asked_at)

    async def fleet(self) -> Fleet:
        asked_at = self._oracle.clock.now()
        await self._ask("fleet")
        known = [m for m in self._world.machines.values() if self._world.known(m)]
        return Fleet({m.id.name: self._show(m, asked_at) for m in known})

    async def force_down(
        self, service: str, reason: str, permit: Permit, *, disable: bool
    ) -> tuple[Outcome, str]:
        oracle, swarm = self._oracle, self._swarm
        await oracle.boundaries.pass_by("crash-before-call", "force_down")
        await asyncio.sleep(swarm.seconds(0.01, 0.2))
        permit.check(oracle.clock.now())
        if self._away():
            return Outcome.REFUSED, NO_CONNECTION
        machines = (m for m in self._world.machines.values() if not m.row.deleted)
        machine = next((m for m in machines if m.row.uuid == service), None)
        if machine is None:
            return Outcome.REFUSED, "404"
        oracle.put_sent(machine, disable=disable)
        if swarm.strikes("nova-5xx"):
            return Outcome.UNKNOWN, "503"
        if swarm.strikes("nova-slow"):
            loop = asyncio.get_running_loop()
            loop.call_later(swarm.seconds(1.0, 40.0), self._apply, machine, reason, disable)
            await asyncio.sleep(TIMEOUT_S)
            return Outcome.UNKNOWN, "no answer"
        self._apply(machine, reason, disable)
        await oracle.boundaries.pass_by("crash-after-call", "force_down")
        if swarm.strikes("nova-lost-reply"):
            msg = "connection reset"
            raise Temporary(msg)
        return Outcome.ACCEPTED, "200"

    def _apply(self, machine: Machine, reason: str, disable: bool) -> None:  # noqa: FBT001 - call_later takes no keywords
        row = machine.row
        status = ("disabled", reason) if disable else (row.status, row.reason)
        row.write(self._world.now(), forced_down=True, status=status[0], reason=status[1])
        for server in tuple(machine.servers.values()):
            movable = server.vm_state in ("active", "stopped") and not machine.power
            free = movable and not self._rebuilds.under_way(server.id)
            if free and self._swarm.strikes("evacuated-by-others", 0.3):
                self._rebuilds.begin(machine, server)

    async def lift(self, service: str, permit: Permit) -> tuple[Outcome, str]:
        machine = await self._put_back("lift", service, permit)
        if isinstance(machine, str):
            return Outcome.REFUSED, machine
        Returns(self._oracle).lift_sent(machine)
        if any(row.status == "done" for row in self._rebuilds.of(machine.id)):
            return Outcome.REFUSED, "400: `done` evacuation migration records remain"
        return await self._put_through("lift", machine, self._lifted)

    async def enable(self, service: str, permit: Permit) -> tuple[Outcome, str]:
        machine = await self._put_back("enable", service, permit)
        if isinstance(machine, str):
            return Outcome.REFUSED, machine
        Returns(self._oracle).enable_sent(machine)
        return await self._put_through("enable", machine, self._enabled)

    async def disable(self, service: str, reason: str, permit: Permit) -> tuple[Outcome, str]:
        return Outcome.REFUSED, "no host is in reserve here"

    async def _put_back(self, what: str, service: str, permit: Permit) -> Machine | str:
        """Take some time, look at the permit, and find the service; or say why not, as Nova does.

        Like a force-down, and as the real one does, it is refused where no connection stands.
        """
        await self._oracle.boundaries.pass_by("crash-before-call", what)
        await asyncio.sleep(self._swarm.seconds(0.01, 0.2))
        permit.check(self._oracle.clock.now())
        if self._away():
            return NO_CONNECTION
        machines = self._world.machines.values()
        found = [m for m in machines if m.row.uuid == service and not m.row.deleted]
        return found[0] if found else "404"

    async def _put_through(
        self, what: str, machine: Machine, write: Callable[[Machine], None]
    ) -> tuple[Outcome, str]:
        """Do it, or not; and say so, or not."""
        if self._swarm.strikes("nova-5xx"):
            return Outcome.UNKNOWN, "503"
        write(machine)
        await self._oracle.boundaries.pass_by("crash-after-call", what)
        if self._swarm.strikes("nova-lost-reply"):
            msg = "connection reset"
            raise Temporary(msg)
        return Outcome.ACCEPTED, "200"

    def _deleted(self, machine: Machine) -> None:
        machine.row.deleted = True

    def _lifted(self, machine: Machine) -> None:
        row = machine.row
        row.foreign_flag = False
        row.write(self._world.now(), forced_down=False, status=row.status, reason=row.reason)

    def _enabled(self, machine: Machine) -> None:
        row = machine.row
        row.write(self._world.now(), forced_down=row.forced_down, status="enabled", reason="")

    async def delete_service(self, service: str, permit: Permit) -> tuple[Outcome, str]:
        machine = await self._put_back("delete", service, permit)
        if isinstance(machine, str):
            return (Outcome.ACCEPTED if machine == "404" else Outcome.UNSENT), machine
        departures = Departures(self._oracle)
        departures.delete_sent(machine)
        if departures.conflict(machine):
            return Outcome.REFUSED, "Nova answered 409"
        return await self._put_through("delete", machine, self._deleted)

    async def transits(self, host: HostId) -> Sequence[Transit]:
        await self._ask("transits")
        rows = self._rebuilds.of(host)
        return [Transit(row.id, row.server, "evacuation", row.status) for row in rows]

    async def servers(self, host: HostId) -> ServerList:
        await self._ask("servers")
        if self._swarm.strikes("nova-servers-fail"):
            msg = "500"
            raise Temporary(msg)
        machine = self._world.machines[host]
        return ServerList(tuple(machine.servers.values()), self._oracle.clock.now().wall_s)

    async def evacuate(self, server: ServerId, permit: Permit) -> tuple[Outcome, str]:
        oracle, swarm = self._oracle, self._swarm
        await oracle.boundaries.pass_by("crash-before-call", "evacuate")
        await asyncio.sleep(swarm.seconds(0.01, 0.3))
        permit.check(oracle.clock.now())
        if self._away():
            return Outcome.UNSENT, NO_CONNECTION
        found = [m for m in self._world.machines.values() if server in m.servers]
        if not found:
            return Outcome.REFUSED, "404"
        machine, row = found[0], found[0].servers[server]
        oracle.post_sent(server)
        if swarm.strikes("evacuate-5xx"):
            return Outcome.UNKNOWN, "503"
        if self._show(machine, oracle.clock.now()).state == "up":
            return Outcome.REFUSED, "400: still in use"
        movable = row.vm_state in ("active", "stopped", "error")
        if not movable or swarm.strikes("evacuate-refused"):
            return Outcome.REFUSED, "409"
        if swarm.strikes("evacuate-late"):
            self._rebuilds.begin_late(machine, row)
            await asyncio.sleep(TIMEOUT_S)
            return Outcome.UNKNOWN, "no answer"
        self._rebuilds.begin(machine, row)
        if swarm.strikes("evacuate-bug"):
            msg = "bug after evacuate"
            raise RuntimeError(msg)
        await oracle.boundaries.pass_by("crash-after-call", "evacuate")
        if swarm.strikes("evacuate-lost-reply"):
            msg = "connection reset"
            raise Temporary(msg)
        return Outcome.ACCEPTED, "200"

    async def aggregates(self, host: HostId) -> Sequence[Mapping[str, str]]:
        await self._ask("aggregates")
        if self._swarm.strikes("nova-servers-fail"):
            msg = "500"
            raise Temporary(msg)
        return self._world.machines[host].aggregates

    async def server_groups(self) -> Sequence[ServerGroup]:
        await self._ask("server_groups")
        if self._swarm.strikes("groups-hidden"):
            msg = "403"
            raise Permanent(msg)
        return self._world.groups

    async def evacuations(self, host: HostId) -> Sequence[Migration]:
        await self._ask("evacuations")
        return self._rebuilds.of(host)

    async def changed_evacuations(self, since_wall_s: float) -> Sequence[Migration]:
        await self._ask("changed_evacuations")
        ago_s = self._oracle.clock.now().wall_s - since_wall_s
        return self._rebuilds.changed(self._world.now() - ago_s)

    async def all_servers(self, *, calm: bool = False) -> Mapping[str, tuple[Server, ...]]:
        await self._ask("all_servers")
        return {
            machine.id.name: tuple(
                server
                for server in machine.servers.values()
                if not self._swarm.strikes("map-wrong", 0.3)
            )
            for machine in self._world.machines.values()
        }

    async def changed_servers(self, since_wall_s: float) -> Sequence[tuple[Server, str]]:
        await self._ask("changed_servers")
        if not self._swarm.strikes("map-wrong", 0.2):
            return []
        machine = next(iter(self._world.machines.values()))
        return [
            (Server(server.id, server.id, "project-9"), "cmp-1")
            for server in machine.servers.values()
        ][:1]

    async def states(self, wanted: StatesWanted) -> StatesPage:
        asked_at = self._oracle.clock.now()
        await self._ask("states")
        return StatesPage((), asked_at.wall_s)  # nobody in a simulation asks

    async def hidden_from_owners(self) -> Sequence[str]:
        return ()

    async def check(self) -> Sequence[str]:
        return ()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        return
