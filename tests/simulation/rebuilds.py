"""Nova's evacuations as they are: each request begins one, whatever is under way already.

Two of the same server let it run twice, so the oracle is asked at every start of a guest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from doctor_daemon.core.evacuation import Migration, Stage
from doctor_daemon.core.host import HostId, Server, ServerId
from doctor_daemon.core.incident import Incident
from tests.simulation.faults import Swarm
from tests.simulation.standing import later
from tests.simulation.world import Machine, World

SLOW_S = 200.0


@dataclass
class Rebuild:
    """One evacuation, and when Nova last wrote to its row."""

    row: Migration
    updated_s: float | None = None
    since_s: float = 0.0
    """Since when its status has been what it is."""

    def turn(self, now: float, status: str, to: str = "") -> None:
        """Write the row's status."""
        self.row = replace(self.row, status=status, to=to or self.row.to)
        self.updated_s = self.since_s = now


class Rebuilds:
    """Every evacuation of the world, oldest first."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._swarm: Swarm = world.swarm
        self.all: list[Rebuild] = []
        self.late: list[ServerId] = []
        """Servers of which a request is still on its way to Nova."""

    def under_way(self, server: ServerId) -> bool:
        """Tell whether a request for the server is on its way, or an evacuation under way."""
        rows = (one for one in self.all if one.row.server == server)
        return server in self.late or any(not (r.row.ended or self._lost(r)) for r in rows)

    def _lost(self, rebuild: Rebuild) -> bool:
        """Tell whether the host that it was going to has been off since: nobody goes on with it."""
        to = HostId("default", rebuild.row.to)
        machine = self._world.machines.get(to)
        return machine is not None and self._world.died(machine, rebuild.since_s)

    def of(self, host: HostId) -> tuple[Migration, ...]:
        """Return every evacuation away from a host."""
        return tuple(one.row for one in self.all if one.row.source == host.name)

    def standing(self, host: HostId, statuses: tuple[str, ...], seconds: float) -> list[int]:
        """Return the evacuations that have stood so for so long, and are the last of a server.

        One that is `done` counts in any case, for Nova counts it.
        """
        own = [one for one in self.all if one.row.source == host.name]
        ended = {one.row.server: one.row.id for one in own if one.row.ended}
        late = self._world.now() - seconds
        return [
            one.row.id
            for one in own
            if one.row.status in statuses
            and one.since_s <= late
            and (one.row.ended or one.row.id > ended.get(one.row.server, 0))
        ]

    def changed(self, since_s: float) -> tuple[Migration, ...]:
        """Return what changed since; what no scheduler has touched yet has no time of change."""
        touched = (one for one in self.all if one.updated_s is not None)
        return tuple(one.row for one in touched if (one.updated_s or 0.0) >= since_s)

    def begin(self, machine: Machine, server: Server) -> None:
        """Take a request, as Nova does: it looks at nothing that is under way."""
        if server.id in self.late:
            self.late.remove(server.id)
        if server.id not in machine.servers or (machine.compute and not machine.row.forced_down):
            return  # refused: it is gone, or its host is in use
        row = Migration(len(self.all) + 1, server.id, machine.id.name, "", "accepted")
        rebuild = Rebuild(row, since_s=self._world.now())
        self.all.append(rebuild)
        self._after(self._swarm.seconds(0.05, 1.0), self._schedule, rebuild, machine)

    def begin_late(self, machine: Machine, server: Server) -> None:
        """Let a request arrive after its sender has given up."""
        self.late.append(server.id)
        self._after(self._swarm.seconds(1.0, 40.0), self.begin, machine, server)

    def _after(self, seconds: float, call: Callable[..., None], *values: object) -> None:
        later(seconds, call, *values)

    def _schedule(self, rebuild: Rebuild, machine: Machine) -> None:
        now, swarm = self._world.now(), self._swarm
        server = machine.servers.get(ServerId(rebuild.row.server))
        if server is None:
            return rebuild.turn(now, "failed")
        if swarm.strikes("evacuation-stuck"):
            return None
        fit = [m for m in self._world.machines.values() if m is not machine and m.takes_servers]
        if not fit or swarm.strikes("no-valid-host"):
            machine.servers[server.id] = replace(
                server, vm_state="error", fault="No valid host was found."
            )
            return rebuild.turn(now, "error")
        to = swarm.random.choice(fit)
        rebuild.turn(now, "pre-migrating", to.id.name)
        if swarm.strikes("destination-dies", 2.0):
            self._after(0.5, partial(self._world.switch, on=False), to)
        seconds = swarm.seconds(1.0, SLOW_S if swarm.strikes("evacuation-slow", 3.0) else 5.0)
        self._after(seconds, self._finish, rebuild, machine, to)
        return None

    def _finish(self, rebuild: Rebuild, machine: Machine, to: Machine) -> None:
        now, server = self._world.now(), machine.servers.get(ServerId(rebuild.row.server))
        if server is not None and self._swarm.strikes("server-deleted", 2.0):
            self._world.delete(machine, server.id)
            server = None
        if not to.compute or self._lost(rebuild):
            return None  # it died meanwhile: the row stays as it is, for ever
        if server is None and any(m.servers.get(ServerId(rebuild.row.server)) for m in self._all):
            # Somebody else's evacuation was faster: this one's guest starts all the same.
            self._world.start(ServerId(rebuild.row.server), to.id)
        if server is None or self._swarm.strikes("evacuation-fails"):
            return rebuild.turn(now, "failed")
        if server.vm_state != "stopped":
            self._world.start(server.id, to.id)
        del machine.servers[server.id]
        state = server.vm_state if server.vm_state == "stopped" else "active"
        to.servers[server.id] = replace(server, vm_state=state, fault="")
        rebuild.turn(now, "done")
        return None

    @property
    def _all(self) -> tuple[Machine, ...]:
        return tuple(self._world.machines.values())

    def source_returned(self, machine: Machine) -> None:
        """Do what a starting nova-compute does: clean up what was evacuated, start the rest."""
        now, away = self._world.now(), set()
        machine.started_at = now
        for one in self.all:
            own = one.row.source == machine.id.name
            if own and one.row.status != "completed" and not one.row.failed:
                away.add(one.row.server)
                self._world.stop(ServerId(one.row.server), machine.id)
                one.turn(now, "completed")
        for server in machine.servers.values():
            if server.vm_state == "active" and server.id not in away:
                self._world.start(server.id, machine.id)


def moved_wrongly(before: Incident | None, after: Incident, machine: Machine) -> Iterator[str]:
    """Yield each new outcome that is not the truth."""
    for id_, record in after.evacuations.items():
        old = before.evacuations.get(id_) if before else None
        new = record.stage is Stage.MOVED and (old is None or old.stage is not Stage.MOVED)
        if new and id_ in machine.servers:
            yield f"I-2: {id_} is told to have moved"
