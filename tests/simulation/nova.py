"""A Nova that is slow, loses replies, does late what it seemed to refuse, and has sick cells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from doctor_daemon.core.host import ServerId
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Permit
from tests.simulation.answers import NO_CONNECTION, TIMEOUT_S, NovaAnswers
from tests.simulation.departures import Departures
from tests.simulation.oracle import Oracle
from tests.simulation.returns import Returns
from tests.simulation.standing import later
from tests.simulation.wakings import Wakings
from tests.simulation.world import Machine, World


class SimNova(NovaAnswers):
    """`ports.Controller` over the world's rows."""

    def __init__(self, world: World, oracle: Oracle) -> None:
        super().__init__(world, oracle)
        self._wakings = Wakings(oracle)

    async def _back(self, what: str) -> None:
        """Let an answer be on its way."""
        with self._pauses.call(what):
            await self._pauses.answer(self._swarm.seconds(0.0, 0.3), lambda: None, TIMEOUT_S)

    async def force_down(
        self, service: str, reason: str, permit: Permit, *, disable: bool
    ) -> tuple[Outcome, str]:
        oracle, swarm = self._oracle, self._swarm
        with self._pauses.call("permit"):
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
        self._wakings.force_down_sent(machine, permit)
        if swarm.strikes("nova-5xx"):
            return Outcome.UNKNOWN, "503"
        if swarm.strikes("nova-slow"):
            later(swarm.seconds(1.0, 40.0), self._apply, machine, reason, disable)
            with self._pauses.call("put"):
                await asyncio.sleep(TIMEOUT_S)
            return Outcome.UNKNOWN, "no answer"
        self._apply(machine, reason, disable)
        await self._back("put")
        await oracle.boundaries.pass_by("crash-after-call", "force_down")
        if swarm.strikes("nova-lost-reply"):
            msg = "connection reset"
            raise Temporary(msg)
        return Outcome.ACCEPTED, "200"

    def _apply(self, machine: Machine, reason: str, disable: bool) -> None:  # noqa: FBT001 - `later` takes no keywords
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
        self._wakings.lift_sent(machine, permit)
        if any(row.status == "done" for row in self._rebuilds.of(machine.id)):
            return Outcome.REFUSED, "400: `done` evacuation migration records remain"
        return await self._put_through("lift", machine, self._lifted)

    async def enable(self, service: str, permit: Permit) -> tuple[Outcome, str]:
        machine = await self._put_back("enable", service, permit)
        if isinstance(machine, str):
            return Outcome.REFUSED, machine
        Returns(self._oracle).enable_sent(machine)
        self._wakings.permitted(f"enabling {machine.id}", permit)
        return await self._put_through("enable", machine, self._enabled)

    async def disable(self, service: str, reason: str, permit: Permit) -> tuple[Outcome, str]:
        return Outcome.REFUSED, "no host is in reserve here"

    async def _put_back(self, what: str, service: str, permit: Permit) -> Machine | str:
        """Take some time, look at the permit, and find the service; or say why not, as Nova does.

        Like a force-down, and as the real one does, it is refused where no connection stands.
        """
        with self._pauses.call("permit"):
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
        await self._back(what)
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
        self._wakings.permitted(f"deleting {machine.id}", permit)
        if departures.conflict(machine):
            return Outcome.REFUSED, "Nova answered 409"
        return await self._put_through("delete", machine, self._deleted)

    async def evacuate(self, server: ServerId, permit: Permit) -> tuple[Outcome, str]:
        oracle, swarm = self._oracle, self._swarm
        with self._pauses.call("permit"):
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
        self._wakings.evacuation_sent(machine, permit)
        if swarm.strikes("evacuate-5xx"):
            return Outcome.UNKNOWN, "503"
        if self._show(machine, oracle.clock.now()).state == "up":
            return Outcome.REFUSED, "400: still in use"
        movable = row.vm_state in ("active", "stopped", "error")
        if not movable or swarm.strikes("evacuate-refused"):
            return Outcome.REFUSED, "409"
        if swarm.strikes("evacuate-late"):
            self._rebuilds.begin_late(machine, row)
            with self._pauses.call("post"):
                await asyncio.sleep(TIMEOUT_S)
            return Outcome.UNKNOWN, "no answer"
        self._rebuilds.begin(machine, row)
        await self._back("post")
        if swarm.strikes("evacuate-bug"):
            msg = "bug after evacuate"
            raise RuntimeError(msg)
        await oracle.boundaries.pass_by("crash-after-call", "evacuate")
        if swarm.strikes("evacuate-lost-reply"):
            msg = "connection reset"
            raise Temporary(msg)
        return Outcome.ACCEPTED, "200"
