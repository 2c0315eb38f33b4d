"""A daemon on a bench: the real engine, one or two hosts, and instruments that do as they are told.

Nothing is patched: every instrument is an implementation of its port, and time is virtual.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from doctor_daemon.core.evidence import Evidence, Trust, Verdict
from doctor_daemon.core.host import (
    Device,
    HostId,
    HostPlan,
    Level,
    Mode,
    Selection,
    Server,
    ServerId,
    WayBack,
)
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.ourselves import OwnRules
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.port_tasks import PortPolicy
from doctor_daemon.core.volume_policy import VolumePolicy
from doctor_daemon.engine.engine import Engine, Pace
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.outbox import Delivering
from doctor_daemon.engine.poller import Polling
from doctor_daemon.engine.ward import Instruments, Rules
from doctor_daemon.errors import Temporary
from doctor_daemon.metrics import Metrics
from doctor_daemon.ports import Change, Network, Storage, Store, device_key
from doctor_daemon.ports.own_side import OwnSide
from doctor_daemon.stores.memory import MemoryStore
from tests.engine.consumers import ScriptedConsumer
from tests.engine.instruments import HOST, OTHER, UUID, ScriptedDevice, ScriptedNova
from tests.simulation.virtual import VirtualClock

__all__ = ["HOST", "OTHER", "UUID", "Rig", "SlowDisk", "accuse", "incident_of", "server", "until"]


class SlowDisk(MemoryStore):
    """The memory store, with commits that take time and can be made to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.commit_s = 0.0
        self.failures = 0
        self.unsaveable: HostId | None = None
        self.writing: Change | None = None
        """What is being saved."""

    async def commit(self, change: Change, *, term: int) -> None:
        self.writing = change
        await asyncio.sleep(self.commit_s)
        self.writing = None
        if change.head is not None and change.head.host == self.unsaveable:
            msg = "too large"
            raise ValueError(msg)
        if self.failures:
            self.failures -= 1
            msg = "disk full"
            raise Temporary(msg)
        await super().commit(change, term=term)


SHARED = Selection(shared_storage=True)
"""Every server may be moved."""


@dataclass
class Rig:
    """The bench, and the daemon on it while `running`."""

    policy: Policy = field(default_factory=lambda: Policy(grace_s=10.0))
    warm_up_s: float = 0.0
    quiet_s: float = 0.0
    all_from: int = 99
    mode: Mode = Mode.FENCE
    levels: tuple[Level, ...] = (Level((Device("bmc", "redfish", UUID),)),)
    selection: Selection = SHARED
    way_back: WayBack = field(default_factory=WayBack)
    clock: VirtualClock = field(default_factory=VirtualClock)
    disk: SlowDisk = field(default_factory=SlowDisk)
    metrics: Metrics = field(default_factory=Metrics)
    delivering: Delivering = field(default_factory=Delivering)
    storage: Storage | None = None
    volumes: VolumePolicy = field(default_factory=VolumePolicy)
    network: Network | None = None
    ports: PortPolicy = field(default_factory=PortPolicy)
    own: OwnSide | None = None
    own_rules: OwnRules = field(default_factory=OwnRules)
    aside: bool = False
    """Another daemon leads: this one is not waited for."""
    signed_s: float | None = None
    """The moment that requests are signed at: the same for all, so that one can come twice."""
    bugs: list[Exception] = field(default_factory=list)
    said: int = 0

    def __post_init__(self) -> None:
        self.nova = ScriptedNova(self.clock)
        self.consumer = ScriptedConsumer("vnfm", self.clock)
        self.second = ScriptedConsumer("ops", self.clock)
        names = {device.name for level in self.levels for device in level.devices}
        self.devices = {name: ScriptedDevice(name, self.clock) for name in sorted(names)}
        self.nova.there[HOST.name] = (server(1, "red"), server(2, "blue"))

    @property
    def device(self) -> ScriptedDevice:
        """The first power device."""
        return next(iter(self.devices.values()))

    def signing_s(self, off_s: float = 0.0) -> int:
        """Return the second that a request is signed at, so many seconds from the first one's."""
        if self.signed_s is None:
            self.signed_s = self.clock.now().wall_s
        return int(self.signed_s + off_s)

    def plan(self, host: HostId) -> HostPlan:
        plan = HostPlan(host, "rack-1", self.mode, "", self.levels, "digest", self.selection)
        return replace(plan, way_back=self.way_back)

    def engine(self) -> Engine:
        """Make a daemon on this bench."""
        devices = {
            device_key(host, device): self.devices[device.name]
            for host in (HOST, OTHER)
            for level in self.levels
            for device in level.devices
        }
        store: Store = self.disk
        consumers = {"vnfm": self.consumer, "ops": self.second}
        all_ = (self.clock, store, self.nova, devices, consumers, self.metrics)
        tools = Instruments(*all_, self.storage, self.network, own=self.own)
        plans = {host: self.plan(host) for host in (HOST, OTHER)}
        pace = Pace(Polling(30.0, 30.0), self.delivering, tick_s=5.0)
        aliases = {"cmp-1.example": HOST}
        policy = replace(
            self.policy, warm_up_s=self.warm_up_s, quiet_s=self.quiet_s, mass_all_from=self.all_from
        )
        rules = Rules(self.mode, policy, plans, aliases, "default", self.volumes, self.ports)
        rules = replace(rules, own=self.own_rules)
        return Engine(rules, tools, pace, lambda _what, error: self.bugs.append(error))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Engine]:
        """Run a daemon until the block ends, and then stop it as SIGTERM would."""
        engine = self.engine()
        task = asyncio.create_task(engine.run())
        ready = asyncio.create_task(engine.ready.wait())
        if not self.aside:
            await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
        try:
            yield engine
        finally:
            ready.cancel()
            engine.stop()
            await task

    async def crash(self, engine_task: asyncio.Task[None]) -> None:
        """Let a daemon die at once."""
        engine_task.cancel()
        await asyncio.wait((engine_task,))

    def evidence(self, verdict: Verdict = Verdict.DOWN, host: HostId = HOST) -> Evidence:
        """Make one more piece of evidence, of a source that is trusted alone."""
        self.said += 1
        return Evidence(
            host=host,
            verdict=verdict,
            source="am",
            kind="prometheus",
            trust=Trust.ALONE,
            fingerprint="f",
            key=f"k{self.said}",
            received_at=self.clock.now(),
            summary="HostDown",
        )


def server(number: int, project: str) -> Server:
    """Make a server."""
    return Server(ServerId(f"vm-{number}"), f"vm-{number}", project, "ACTIVE", "active")


def incident_of(engine: Engine, host: HostId = HOST) -> Incident:
    """Return a host's open incident."""
    return engine.desk.cases[host].incident


async def until(engine: Engine, phase: Phase, host: HostId = HOST, limit_s: float = 300.0) -> float:
    """Wait, in virtual time, for a host's incident to stand in a phase; return when it did."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < limit_s:
        case = engine.desk.cases.get(host)
        if case is not None and case.incident.phase is phase:
            return loop.time()
        await asyncio.sleep(0.01)
    case = engine.desk.cases.get(host)
    found = case.incident.phase if case else "closed"
    msg = f"{host} is {found} and not {phase} after {limit_s:g} s"
    raise AssertionError(msg)


async def accuse(rig: Rig, engine: Engine) -> None:
    """Arm the daemon and accuse the host."""
    await Operators(engine).arm("ann", "test")
    await engine.desk.submit([rig.evidence()])
