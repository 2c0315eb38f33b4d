"""The world of a story: hosts, their power, the cloud, and consumers, as they really are.

It outlives every daemon. Its instruments are those of the engine's bench, and each host has power
devices of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from doctor_daemon.core.host import (
    Device,
    HostId,
    HostPlan,
    Level,
    Mode,
    Reserve,
    Selection,
    WayBack,
)
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.port_tasks import PortPolicy
from doctor_daemon.core.volume_policy import VolumePolicy
from doctor_daemon.engine.engine import Pace
from doctor_daemon.engine.outbox import Delivering
from doctor_daemon.engine.poller import Polling
from doctor_daemon.engine.ward import Instruments, Rules
from doctor_daemon.metrics import Metrics
from doctor_daemon.ports import (
    Controller,
    Named,
    Network,
    NoticeRow,
    Notifier,
    PowerDevice,
    Storage,
    Store,
    device_key,
)
from doctor_daemon.ports.own_side import OwnSide
from tests.crash_points.eras import EraClock
from tests.crash_points.skins import Gate, skin
from tests.engine.consumers import ScriptedConsumer
from tests.engine.instruments import HOST, OTHER, UUID, ScriptedDevice, ScriptedNova
from tests.engine.neutron import BenchNeutron
from tests.engine.own_side import ScriptedOwnSide
from tests.engine.rig import SHARED, SlowDisk, server
from tests.engine.volumes import BenchCinder

BMC = Level((Device("bmc", "redfish", UUID),))
POLICY = Policy(
    grace_s=1.0,
    warm_up_s=8.0,
    quiet_s=0.0,
    watch_s=12.0,
    quarantine_s=30.0,
    mass_all_from=99,
    budget_per_domain=9,
    budget_total=9,
)
PACE = Pace(Polling(30.0, 30.0), Delivering(), tick_s=5.0)


class Consumer(ScriptedConsumer):
    """A consumer that may be gone for good, for a while."""

    trouble: Callable[[NoticeRow], Exception | None] | None = None

    async def deliver(self, row: NoticeRow) -> None:
        error = self.trouble(row) if self.trouble is not None else None
        if error is not None:
            self.errors = [error]
        await super().deliver(row)


@dataclass
class World:
    """What a story is about, and how the daemons are configured for it."""

    mode: Mode = Mode.EVACUATE
    levels: tuple[Level, ...] = (BMC,)
    policy: Policy = POLICY
    way_back: WayBack = field(default_factory=WayBack)
    volumes: VolumePolicy = field(default_factory=VolumePolicy)
    ports: PortPolicy = field(default_factory=PortPolicy)
    reserve: Reserve = field(default_factory=Reserve)
    selection: Selection = SHARED
    servers: int = 2
    kinds: Mapping[str, type[ScriptedDevice]] = field(default_factory=dict)
    """Power device -> what it is like, where it is not as any other."""
    delivering: Delivering = PACE.delivering
    clock: EraClock = field(default_factory=EraClock)
    cloud: type[ScriptedNova] = ScriptedNova
    disk: type[SlowDisk] = SlowDisk
    """What a daemon has that has its store for itself."""

    def __post_init__(self) -> None:
        self.nova = self.cloud(self.clock)
        self.nova.there[HOST.name] = tuple(server(n, "red") for n in range(self.servers))
        self.consumers = {name: Consumer(name, self.clock) for name in ("vnfm", "ops")}
        self.devices = {
            device_key(host, device): self.kinds.get(device.name, ScriptedDevice)(
                device.name, self.clock
            )
            for host in (HOST, OTHER)
            for level in self.levels
            for device in level.devices
        }
        self.cinder: BenchCinder | None = None
        self.neutron: BenchNeutron | None = None
        self.own: ScriptedOwnSide | None = None
        self.pulled: set[HostId] = set()
        """Hosts of which somebody has pulled the plug."""
        self._ids = count(1)

    # the truth

    def off(self, host: HostId) -> bool:
        """Tell whether a host has no power: every device of one level lets none through."""
        dark = any(
            level.devices
            and not any(self.devices[device_key(host, device)].on for device in level.devices)
            for level in self.levels
        )
        return dark or host in self.pulled

    def repair(self, host: HostId) -> None:
        """Give a host its power back, and start it."""
        self.power(host)
        self.nova.start(host.name)

    def power(self, host: HostId) -> None:
        """Give a host its power back."""
        self.pulled.discard(host)
        for key, device in self.devices.items():
            if key.startswith(f"{host}/"):
                device.on = True

    def host_of(self, server_: str) -> HostId | None:
        """Return the host that a server is on."""
        there = self.nova.there.items()
        found = (name for name, all_ in there if server_ in [one.id for one in all_])
        name = next(found, None)
        return None if name is None else HostId("default", name)

    def state(self) -> dict[str, Any]:
        """Return how everything is, as plain data: what two tellings are compared by."""
        nova, cinder, neutron = self.nova, self.cinder, self.neutron
        rows = cinder.volumes.rows if cinder is not None else []
        return {
            "forced down": sorted(nova.down),
            "enabled": sorted(nova.enabled),
            "disabled": dict(sorted(nova.disabled.items())),
            "deleted": sorted(nova.leaving.gone),
            "servers": {name: sorted(s.id for s in all_) for name, all_ in nova.there.items()},
            "power": {key: device.on for key, device in self.devices.items()},
            "ports": sorted(neutron.is_down()) if neutron is not None else [],
            "volumes": [
                (row.host, row.disabled, row.frozen, row.replication, row.backend) for row in rows
            ],
        }

    # the daemons

    def rules(self) -> Rules:
        """Return what every daemon is configured with."""
        plans = {host: self._plan(host) for host in (HOST, OTHER)}
        return Rules(self.mode, self.policy, plans, {}, "default", self.volumes, self.ports)

    def _plan(self, host: HostId) -> HostPlan:
        plan = HostPlan(host, "rack-1", self.mode, "", self.levels, "digest", self.selection)
        return replace(plan, way_back=self.way_back, reserve=self.reserve)

    @property
    def pace(self) -> Pace:
        """Return how the daemons' own loops run."""
        return replace(PACE, delivering=self.delivering)

    def tools(self, gate: Gate, store: Store) -> Instruments:
        """Return the instruments of one daemon, whose every call passes its gate."""
        devices = {
            key: skin(one, gate, *_as_device(one), label=key) for key, one in self.devices.items()
        }
        notifiers = {name: skin(one, gate, Notifier) for name, one in self.consumers.items()}
        return Instruments(
            self.clock,
            skin(store, gate, Store),
            skin(self.nova, gate, Controller),
            devices,
            notifiers,
            Metrics(),
            None if self.cinder is None else skin(self.cinder, gate, Storage),
            None if self.neutron is None else skin(self.neutron, gate, Network),
            own=None if self.own is None else skin(self.own, gate, OwnSide),
            new_id=lambda: f"{next(self._ids):012x}",
        )


def _as_device(device: ScriptedDevice) -> tuple[type, ...]:
    return (PowerDevice, Named) if isinstance(device, Named) else (PowerDevice,)
