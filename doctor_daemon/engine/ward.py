"""What all cases share: the plans, the switches, the budget's ledger, and the instruments.

Everything here is changed on the event loop only, between two awaits, so a decision that reads it
and a reservation that follows are one step: two cases cannot both take the last of the budget.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from doctor_daemon import log as logs
from doctor_daemon.core import audit_orders
from doctor_daemon.core.audit import Line
from doctor_daemon.core.context import Armed, Charge, Context, Maintenance
from doctor_daemon.core.host import HostId, HostPlan, Mode, ServerList
from doctor_daemon.core.incident import Incident, Sighting
from doctor_daemon.core.ourselves import OwnRules
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.port_tasks import PortPolicy
from doctor_daemon.core.readiness import Probing
from doctor_daemon.core.volume_policy import VolumePolicy
from doctor_daemon.engine.crowd import Crowd
from doctor_daemon.engine.device_turns import DeviceTurns
from doctor_daemon.engine.grouping import Groups
from doctor_daemon.engine.hostmap import HostMap
from doctor_daemon.engine.lifelines import Lifelines
from doctor_daemon.engine.lookout import Lookout
from doctor_daemon.engine.neighbours import Neighbours
from doctor_daemon.engine.right import Right
from doctor_daemon.engine.rounds import Rounds
from doctor_daemon.engine.standpoint import Standpoint, Step
from doctor_daemon.engine.stock import Stock
from doctor_daemon.engine.turnstile import Turnstile
from doctor_daemon.metrics import Metrics
from doctor_daemon.ports import (
    Change,
    Clock,
    Controller,
    Network,
    Notifier,
    PowerDevice,
    Storage,
    Store,
    conceal,
)
from doctor_daemon.ports.own_side import OwnSide

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
ASKED_AT_ONCE = 2
"""Questions of operators that the cloud is asked at once; others wait."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says: the part of the world that a reload would change."""

    mode: Mode
    policy: Policy
    plans: Mapping[HostId, HostPlan]
    aliases: Mapping[str, HostId] = field(default_factory=dict)
    cloud: str = "default"
    volumes: VolumePolicy = field(default_factory=VolumePolicy)
    ports: PortPolicy = field(default_factory=PortPolicy)
    probing: Probing = field(default_factory=Probing)
    own: OwnRules = field(default_factory=OwnRules)


@dataclass(frozen=True, slots=True)
class Instruments:
    """What the cases work with."""

    clock: Clock
    store: Store
    controller: Controller
    devices: Mapping[str, PowerDevice]
    """`device_key` -> device."""
    notifiers: Mapping[str, Notifier]
    metrics: Metrics
    storage: Storage | None = None
    """The block storage; None: the configuration names none."""
    network: Network | None = None
    """The same of the network."""
    device_turns: DeviceTurns = field(default_factory=DeviceTurns)
    """Whose turn it is at the devices."""
    lifelines: Lifelines | None = None
    """Who acknowledges hosts' watchdogs; None: nobody does."""
    own: OwnSide | None = None
    """Who tells whether we are cut off; None: nobody does."""
    new_id: Callable[[], str] = lambda: secrets.token_hex(6)
    """Makes an id that nothing else has, short enough to be typed."""

    @property
    def beside(self) -> Mapping[str, Storage | Network]:
        """The services beside Nova that the configuration names."""
        found = {"storage": self.storage, "network": self.network}
        return {name: one for name, one in found.items() if one is not None}


class Ward(Right):
    """The shared state. `term` is this daemon's, from the store; `bug` hears of every bug."""

    def __init__(
        self, rules: Rules, tools: Instruments, bug: Callable[[str, Exception], None]
    ) -> None:
        """Begin disarmed and empty: `Engine` fills it from the store."""
        super().__init__(tools.store, tools.clock)
        self.rules = rules
        self.tools = tools
        self.armed = Armed()
        self.switching = asyncio.Lock()
        """Held while a switch is being saved: what is on the disk ends as it is in memory."""
        self.unsaved = False
        """The disk may say another thing of the master switch than is in force."""
        self.maintenance: dict[HostId, Maintenance] = {}
        self.hostmap = HostMap()
        self.shown: Mapping[str, Sighting] = {}
        """How Nova has shown each compute service at last."""
        self.neighbours = Neighbours()
        self.standpoint = Standpoint(lambda: self.rules.own)
        self.turnstile = Turnstile(rules.policy.posts_total)
        self.crowd = Crowd()
        tools.metrics.turns.set_function(lambda: self.turnstile.width)
        self.rounds = Rounds(
            tools.controller, tools.clock, lambda: self.rules.policy.follow_every_s
        )
        self.groups = Groups(tools.controller, tools.clock, bug)
        self.sequences: dict[tuple[str, HostId], int] = {}
        self.lookout = Lookout()
        self.asking = asyncio.Semaphore(ASKED_AT_ONCE)
        """What operators ask of the cloud: it is to leave the incidents their connections."""
        self.telling: dict[HostId, asyncio.Event] = {}
        """Hosts of which something is being saved that is no incident's: set once it has ended."""
        self.stock = Stock()
        self._charges: dict[tuple[str, int], Charge] = {}

    def plan(self, host: HostId) -> HostPlan:
        """Return what is configured for a host; an unknown one may not be touched."""
        return self.rules.plans.get(host) or HostPlan(host, known=False)

    def context(self, host: HostId) -> Context:
        """Read the world as a decision about one host sees it."""
        now = self.tools.clock.now()
        own, policy = self.standpoint.seen(now), self.rules.policy
        return Context(
            now=now,
            policy=policy,
            plan=self.plan(host),
            mode=self.rules.mode,
            armed=self.armed,
            maintenance=self._window(host),
            charges=tuple(self._charges.values()),
            busy=self.neighbours.busy(host, now, policy),
            choosable=self.neighbours.choosable(host, now, policy, self.shown),
            off=self.neighbours.off(host, now, policy, own.awake_at),
            turns=0 if self.stopping else self.crowd.turns(host, self.turnstile.lined_up),
            own=own,
            returns=self.lookout.returns(host, now, policy),
            returned_at=self.lookout.returned_at(host),
            reserved=self.lookout.reserved(self.rules.plans),
            latches=self.lookout.over(host),
            passes_left=self.lookout.passes_left(now),
            passes_by=self.lookout.passes_by(),
            warm_at=self.lookout.warm_at(policy),
            repeated_at=self.lookout.repeated_at(policy, own.awake_at),
        )

    def saw(self, incident: Incident) -> bool:
        """Take note of an incident as it was saved; tell whether the last wait for hosts ended."""
        ended = self.neighbours.saw(incident, self.tools.clock.now())
        return ended and not self.context(incident.host).choosable

    def stepped(self, step: Step) -> None:
        """Take note of a step of the wall clock: what is counted by it in days moves along."""
        self.standpoint.step = step
        self.lookout.stepped(step.seconds)

    def _window(self, host: HostId) -> Maintenance | None:
        window = self.maintenance.get(host)
        over = window is not None and self.tools.clock.now().reached(window.until)
        return None if over else window

    def servers(self, host: HostId) -> ServerList:
        """Return the servers that the host map has for a host."""
        return self.hostmap.servers(host.name)

    async def quiet(self, host: HostId) -> None:
        """Wait until the notices of a host may be numbered: nobody else is saving any."""
        while (telling := self.telling.get(host)) is not None:
            await telling.wait()

    # the ledger

    def seed(self, charges: Iterable[Charge]) -> None:
        """Begin the ledger with what was taken before."""
        self._charges = {(charge.incident, charge.number): charge for charge in charges}

    def reserve(self, before: Incident | None, after: Incident) -> tuple[Charge, ...]:
        """Enter what a decided step takes, and return it, to be saved with the step."""
        self.crowd.saw(after)
        self.standpoint.saw(after)
        domain, known = self.plan(after.host).domain, len(before.charges) if before else 0
        taken = tuple(
            Charge(after.id, number, domain, at)
            for number, at in enumerate(after.charges, 1)
            if number > known
        )
        if taken:
            self.charges()  # each decision is given them all: what is over must not add up
            self._charges.update({(charge.incident, charge.number): charge for charge in taken})
        return taken

    def charges(self) -> tuple[Charge, ...]:
        """Return the charges that are still in the window, and forget the others."""
        now, window_s = self.tools.clock.now(), self.rules.policy.budget_window_s
        kept = {key: c for key, c in self._charges.items() if now.since(c.at) < window_s}
        self._charges = kept
        return tuple(self._charges.values())


def switched(armed: Armed, ward: Ward) -> Change:
    """Return what saves the master switch, and has the audit say so."""
    line = audit_orders.armed(armed, ward.tools.clock.now(), ward.term)
    return Change(armed=armed, audit=(concealed(line),))


def concealed(line: Line) -> Line:
    """Return a line of the audit without secrets: what others have said may hold any."""
    return line.said(conceal)


def tell_switch(ward: Ward) -> None:
    """Say how the switch stands: in the metric, and on every line of the log from now on."""
    ward.tools.metrics.armed.set(ward.armed.on)
    logs.standing(mode=ward.rules.mode.name.lower(), armed=ward.armed.on)


async def save_switch(ward: Ward) -> None:
    """Save the master switch as it is in force."""
    async with ward.switching:
        armed = ward.armed
        await ward.tools.store.commit(switched(armed, ward), term=ward.term)
        ward.unsaved = ward.armed is not armed
