"""The truth: hosts, their power and their guests, and Nova's rows, whatever the daemon believes.

Everything that changes is remembered with its time, so that the oracle can ask how it really was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random

from doctor_daemon.core.around import ServerGroup
from doctor_daemon.core.holding import Word
from doctor_daemon.core.host import Device, HostId, HostPlan, Level, Mode, Server, ServerId
from doctor_daemon.core.incident import IncidentId
from tests.simulation import tags
from tests.simulation.evidence import need
from tests.simulation.faults import Swarm

GAP_S = 130.0
"""A silence that no pace of looking can miss."""
SHARED = 0.3
"""In how many worlds all power devices are behind one, which serves one call at a time."""
SECOND_BMC = 0.5
"""How many second levels are a BMC, which tells how the host itself is, and no outlet."""
BEAT_S = 10.0
"""How often a living nova-compute reports in."""
CHOSEN_S = 60.0
"""A host may be chosen for so long after its last report: Nova's `service_down_time`."""


@dataclass
class Row:
    """Nova's record of one compute service."""

    uuid: str
    status: str = "enabled"
    reason: str = ""
    forced_down: bool = False
    updated_s: float = 0.0
    foreign_flag: bool = False
    """forced_down was set by somebody other than the daemon."""
    lifted_at: float = -1e9
    """When forced_down was last taken away, by whomever."""
    foreign_at: float = -1e9
    """When somebody other than the daemon last wrote to it."""
    deleted: bool = False

    def write(self, now: float, *, forced_down: bool, status: str, reason: str) -> None:
        """Write to it as Nova does: what changes nothing does not touch it."""
        if (self.forced_down, self.status, self.reason) != (forced_down, status, reason):
            self.lifted_at = now if self.forced_down and not forced_down else self.lifted_at
            self.forced_down, self.status, self.reason = forced_down, status, reason
            self.updated_s = now


@dataclass
class Machine:
    """One host as it really is."""

    id: HostId
    plan: HostPlan
    row: Row
    supplies: dict[str, bool]
    """Device name -> whether it lets power through. Power is on while any of a level's does."""
    liar: str = ""
    """The device that says Off of it from its cut on, and cuts nothing."""
    compute: bool = True
    beat_at: float = -1e9
    """When its nova-compute last reported in."""
    beats_since: float = -1e9
    """Since when it does so without a gap."""
    started_at: float = -1e9
    """When its nova-compute was started last."""
    servers: dict[ServerId, Server] = field(default_factory=dict)
    aggregates: tuple[Mapping[str, str], ...] = ()
    """The metadata of those that it is in."""
    history: list[tuple[float, bool]] = field(default_factory=list)
    """(when, power on), in order."""

    @property
    def power(self) -> bool:
        """Tell whether the host has power: every level must let some of it through."""
        return all(
            any(self.supplies[device.name] for device in level.devices)
            for level in self.plan.levels
            if not level.manual
        )

    @property
    def takes_servers(self) -> bool:
        """Tell whether Nova's scheduler may choose this host."""
        return (
            self.power
            and self.compute
            and not self.row.forced_down
            and self.row.status == "enabled"
        )

    def power_at(self, when: float) -> bool:
        """Tell whether the host had power at a moment."""
        state = True
        for at, on in self.history:
            if at > when:
                break
            state = on
        return state


class World:
    """The machines, and what can be done to them."""

    def __init__(self, swarm: Swarm) -> None:
        self.swarm = swarm
        self.chance = Random(f"tags {swarm.seed}")  # of its own: no fault depends on it
        self.machines: dict[HostId, Machine] = {}
        self.running: dict[ServerId, set[HostId]] = {}
        """Where each server truly runs, from its first start on."""
        self.nova_away_until = -1.0
        self.groups: tuple[ServerGroup, ...] = ()
        self.groups_told = False
        """Whether whoever asked for them last was told: no move waits for that."""
        self.said: dict[tuple[IncidentId, ServerId], tuple[Word, float]] = {}
        """What projects have said of servers that waited for it, and when."""
        self.tells: Callable[[str], None] = lambda text: None
        """Hears when the power of a host goes off or on."""
        self.twice: Callable[[ServerId, set[HostId]], None] = lambda server, hosts: None
        self._shared = self.chance.random() < SHARED
        count = swarm.random.randint(3, 6)
        for number in range(count):
            machine = self._machine(number)
            self.machines[machine.id] = machine
            for server in machine.servers.values():
                if server.vm_state == "active":
                    self.running[server.id] = {machine.id}
        self.groups = tags.groups([m.servers for m in self.machines.values()], self.chance)

    def _machine(self, number: int) -> Machine:
        draw, name = self.swarm.random, f"cmp-{number}"
        uuid = f"00000000-0000-4000-8000-{number:012d}"
        levels = [
            Level(tuple(Device(f"psu-{n}", "sim", uuid) for n in range(draw.choice((1, 1, 2)))))
        ]
        if draw.random() < 0.4:
            hold_s, tells = draw.choice((0.0, 4.0)), self.chance.random() < SECOND_BMC
            levels.append(Level((Device("pdu", "sim", uuid, hold_s, tells_host=tells),)))
        if self._shared:
            levels = [Level(tuple(replace(d, line="all") for d in one.devices)) for one in levels]
        if draw.random() < 0.3:
            levels.append(Level(()))
        mode = draw.choice((Mode.FENCE,) * 4 + (Mode.EVACUATE,) * 8 + (Mode.NOTIFY, Mode.OBSERVE))
        protected = "runs the control plane" if draw.random() < 0.05 else ""
        host = HostId("default", name)
        plan = HostPlan(
            host,
            f"rack-{number % 2}",
            mode,
            protected,
            tuple(levels),
            f"d-{number}",
            tags.selection(self.chance),
            way_back=tags.way_back(self.chance),
            corroboration=need(self.chance),
        )
        supplies = {device.name: True for level in levels for device in level.devices}
        machine = Machine(host, plan, Row(f"service-{number}"), supplies)
        machine.aggregates = tags.aggregates(self.chance)
        for n in range(draw.randint(0, 6)):
            id_ = ServerId(f"{name}-vm-{n}")
            state = draw.choice(("active",) * 6 + ("stopped", "stopped", "error", "paused"))
            server = Server(id_, id_, f"project-{n % 2}", vm_state=state)
            machine.servers[id_] = tags.written(server, self.chance)
        return machine

    def now(self) -> float:
        """Return the truth's own time, in seconds."""
        return asyncio.get_running_loop().time()

    def word(self, id_: IncidentId, machine: Machine, server: ServerId) -> Word | None:
        """Return what a server's project said since its host was last given back to Nova.

        A word is of one failure. A host that fails again after it has been in service is another.
        """
        word, at = self.said.get((id_, server), (None, 0.0))
        return word if at > machine.row.lifted_at else None

    def supply(self, machine: Machine, device: str, *, on: bool) -> None:
        """Let power through a device, or cut it."""
        before = machine.power
        machine.supplies[device] = on
        if machine.power != before:
            machine.history.append((self.now(), machine.power))
            self.tells(f"{machine.id} has {'power' if machine.power else 'no power any more'}")
            machine.compute = machine.compute and machine.power
            if not machine.power:
                for hosts in self.running.values():
                    hosts.discard(machine.id)

    def chosen_still(self, host: HostId, since_s: float) -> bool:
        """Tell whether Nova would choose a host, and would have for so long that it was seen."""
        row, now = self.machines[host].row, self.now()
        steady = now - max(row.foreign_at, row.lifted_at) > since_s
        enabled = row.status == "enabled" and not row.forced_down
        return enabled and steady and now - row.updated_s < CHOSEN_S - since_s

    def died(self, machine: Machine, since_s: float) -> bool:
        """Tell whether a host has been without power at any time since."""
        return not machine.power_at(since_s) or any(
            at >= since_s and not on for at, on in machine.history
        )

    def switch(self, machine: Machine, *, on: bool) -> None:
        """Cut or restore all of a host's power."""
        for device in machine.supplies:
            self.supply(machine, device, on=on)

    def known(self, machine: Machine) -> bool:
        """Tell whether Nova has the host: one that was deleted is back once nova-compute runs."""
        if machine.row.deleted and machine.compute and machine.power:
            machine.row = Row(f"{machine.row.uuid}+", updated_s=self.now())
        return not machine.row.deleted

    def start(self, server: ServerId, host: HostId) -> None:
        """Let a server truly run on a host; what runs twice is told at once."""
        hosts = self.running.setdefault(server, set())
        hosts.add(host)
        if len(hosts) > 1:
            self.twice(server, hosts)

    def stop(self, server: ServerId, host: HostId) -> None:
        """Let a server run on a host no more."""
        self.running.get(server, set()).discard(host)

    def delete(self, machine: Machine, server: ServerId) -> None:
        """Let a server's owner delete it."""
        machine.servers.pop(server, None)
        self.running.pop(server, None)
        self.groups = tags.without(self.groups, server)

    async def beat(self) -> None:
        """Let every living nova-compute report in, for ever."""
        while True:
            await asyncio.sleep(BEAT_S)
            for machine in self.machines.values():
                if machine.compute and machine.power:
                    if self.now() - machine.beat_at > GAP_S:
                        machine.beats_since = self.now()
                    machine.beat_at = machine.row.updated_s = self.now()
