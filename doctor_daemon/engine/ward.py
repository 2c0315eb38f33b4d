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
from doctor_daemon.engine.rounds import Rounds
from doctor_daemon.engine.standpoint import Standpoint, Step
from doctor_daemon.engine.stock import Stock
from doctor_daemon.engine.turnstile import Turnstile
from doctor_daemon.errors import LateError
from doctor_daemon.metrics import Metrics
from doctor_daemon.ports import (
    Change,
    Clock,
    Controller,
    Network,
    Notifier,
    Permit,
    PowerDevice,
    Storage,
    Store,
    conceal,
)
from doctor_daemon.ports.leading import Leadership, Role, leadership_of
from doctor_daemon.ports.own_side import OwnSide

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
PERMIT_S = 1.0
"""Gates and permit are at most this old when a call that changes the world is sent."""
CONFIRM_EVERY_S = 0.5
"""Between two questions who leads, while nobody can say."""
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


class Ward:
    """The shared state. `term` is this daemon's, from the store; `bug` hears of every bug."""

    def __init__(
        self, rules: Rules, tools: Instruments, bug: Callable[[str, Exception], None]
    ) -> None:
        """Begin disarmed and empty: `Engine` fills it from the store."""
        self.rules = rules
        self.tools = tools
        self.term = 0
        self.armed = Armed()
        self.switching = asyncio.Lock()
        """Held while a switch is being saved: what is on the disk ends as it is in memory."""
        self.unsaved = False
        """The disk may say another thing of the master switch than is in force."""
        self.stopping = False
        """Nothing that waits for its turn is begun any more."""
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

    @property
    def leadership(self) -> Leadership | None:
        """Who may act, of several daemons; None: there is one alone."""
        return leadership_of(self.tools.store)

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
            maintenance=self._window(host, now_only=True),
            charges=tuple(self._charges.values()),
            busy=self.neighbours.busy(host, now, policy),
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
            repeated_at=self.lookout.repeated_at(policy),
        )

    def stepped(self, step: Step) -> None:
        """Take note of a step of the wall clock: what is counted by it in days moves along."""
        self.standpoint.step = step
        self.lookout.stepped(step.seconds)

    def _window(self, host: HostId, *, now_only: bool) -> Maintenance | None:
        window = self.maintenance.get(host)
        over = window is not None and self.tools.clock.now().reached(window.until)
        return None if now_only and over else window

    def permit(self) -> Permit:
        """Give the right to change the world, for a moment. Raise LateError for who has none."""
        left_s = PERMIT_S if self.leadership is None else self.leadership.left_s()
        if self.leadership is not None and left_s <= 0:
            why = self.leadership.standing().text or "it is not known whether this daemon leads"
            raise LateError(f"nothing was sent: {why}")
        return Permit(self.term, self.tools.clock.now().plus(min(PERMIT_S, left_s)))

    async def led(self) -> None:
        """Wait while it is not certain that we lead: whoever does may have told others more."""
        clock = self.tools.clock
        while self.leadership is not None and self.leadership.left_s() <= 0:
            await clock.sleep_until(clock.now().plus(CONFIRM_EVERY_S))

    async def confirm(self) -> None:
        """Have the store say that we lead. Raise LateError unless it does.

        It is asked before the gates of whatever changes the world: a machine that was frozen
        meanwhile has no clock that knows. What is sent after it rests on a permit as well.
        """
        if self.leadership is not None:
            await self.leadership.confirm()
            if self.leadership.left_s() <= 0:
                raise LateError("nothing was sent: the lease is nearly over")

    async def confirmed(self, waits: Callable[[], None] = lambda: None) -> None:
        """Wait until the store says that we lead. Raise LateError when we do not, or are to stop.

        While nobody can say nothing is given up: it waits, and is weighed anew after that. `waits`
        is told so, once.
        """
        lead, clock, told = self.leadership, self.tools.clock, False
        while lead is not None:
            try:
                await self.confirm()
                return
            except LateError as error:
                if lead.standing().role is Role.OVER:
                    raise
                if self.stopping:
                    raise LateError("nothing was sent: the daemon is stopping") from None
                if not told:
                    told = True
                    waits()
                    log.warning("nothing is begun until it is certain who leads", why=str(error))
            await clock.sleep_until(clock.now().plus(CONFIRM_EVERY_S))

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
        self._charges.update({(charge.incident, charge.number): charge for charge in taken})
        return taken

    def charges(self) -> tuple[Charge, ...]:
        """Return the charges that are still in the window, and forget the others."""
        now, window_s = self.tools.clock.now(), self.rules.policy.budget_window_s
        over = [key for key, charge in self._charges.items() if now.since(charge.at) >= window_s]
        for key in over:
            del self._charges[key]
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
