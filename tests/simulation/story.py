"""One seed: trouble for a while, then calm, then the judgement."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from doctor_daemon.core.host import Mode
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.engine import Engine, Pace
from doctor_daemon.engine.outbox import Delivering
from doctor_daemon.engine.poller import Polling
from doctor_daemon.engine.ward import Instruments, Rules
from doctor_daemon.metrics import Metrics
from doctor_daemon.ports import Change, Store, device_key
from doctor_daemon.stores.memory import MemoryStore
from tests.simulation.accidents import Accidents
from tests.simulation.audits import Audits
from tests.simulation.bmc import Bmc
from tests.simulation.chronicle import Chronicle
from tests.simulation.clocks import Clocks
from tests.simulation.consumer import SimConsumer
from tests.simulation.crash import Boundaries
from tests.simulation.daemons import Daemons
from tests.simulation.disk import Disk
from tests.simulation.endings import Ending
from tests.simulation.faults import Swarm
from tests.simulation.less import Less, shape
from tests.simulation.monitors import Monitors
from tests.simulation.nova import SimNova
from tests.simulation.oracle import Oracle
from tests.simulation.people import Staff
from tests.simulation.processes import Process
from tests.simulation.standing import run
from tests.simulation.wakings import Wakings
from tests.simulation.windows import timed_anew
from tests.simulation.world import World

TROUBLE_S = 600.0
CALM_S = 900.0
QUIET_S = 1100.0
"""Longer than a release may take to be held."""
ALONE = 1_000_000
"""From this seed on there is a single daemon, with a disk of its own."""
LOWER = (Mode.OBSERVE, Mode.NOTIFY, Mode.FENCE)
POLICY = Policy(
    grace_s=5.0,
    warm_up_s=20.0,
    corroboration_s=60.0,
    proof_age_s=20.0,
    evacuation_timeout_s=200.0,
    settle_s=45.0,
    quarantine_s=90.0,
    flaps_max=1,
    quiet_s=30.0,
    mass_ratio_from=4,
    mass_all_from=4,
    mass_cool_down_s=60.0,
)
PACE = Pace(Polling(30.0, 30.0, 600.0, 120.0), Delivering(give_up_s=300.0, at_once=2), tick_s=1.0)


class EnoughError(Exception):
    """What was looked for has happened."""


@dataclass
class Verdict:
    """What a seed has shown."""

    seed: int
    violations: list[str]
    edges: set[tuple[Phase, Phase]]
    faults: Counter[str]
    boundaries: Counter[str]
    incidents: Counter[str] = field(default_factory=Counter)
    story: str = ""
    """The whole history, in words: the same seed tells the same one."""
    chronicle: Chronicle = field(default_factory=Chronicle)
    """The same by the world's time, with all that has struck."""
    strikes: list[tuple[str, int]] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    daemons: int = 0
    """How many machines ran one."""


class Story:
    """One world, and the daemons that live in it: one after the other, or several beside."""

    def __init__(
        self, seed: int, make: Callable[..., Engine] = Engine, less: Less | None = None
    ) -> None:
        """Make a world. `less`: what of it is left out."""
        self.less = less = less or Less()
        self.make = make
        self.chronicle = Chronicle()
        self.swarm = Swarm(seed, less)
        self.swarm.tells = self.chronicle.add
        self.world = World(self.swarm)
        self.world.tells = self.chronicle.add
        for host in [one for one in self.world.machines if one.name in less.hosts]:
            del self.world.machines[host]
        self.clock = Clocks()
        self.boundaries = Boundaries(self.swarm)
        self.disk = Disk(MemoryStore(), self.swarm, self.boundaries)
        self.oracle = Oracle(self.world, self.disk, self.clock, self.boundaries, POLICY)
        self.enough = asyncio.Event()
        self.oracle.tells = self._wrong
        self.consumers = {n: SimConsumer(n, self.swarm, self.boundaries) for n in ("vnfm", "ops")}
        self.audits = Audits(self.disk, self.oracle)
        count = less.daemons or how_many(seed)
        self.daemons = Daemons(self.oracle, self.swarm, self._engine, count)
        self.monitors = Monitors(self.world, self.oracle, self.daemons)
        self.monitors.heard = self.chronicle.heard
        self.accidents = Accidents(self.daemons, self.oracle, self.monitors)
        self.staff = Staff(self.world, self.oracle, self.daemons, self.monitors)
        self.wakings = Wakings(self.oracle)
        self.daemons.led, self.daemons.tells = self._led, self.chronicle.add
        self.disk.watch = self._saved

    def _led(self, now: Instant) -> None:
        timed_anew(self.oracle.maintenance.values(), now)
        self.wakings.started()
        lease = self.daemons.lease
        self.chronicle.add(
            f"{lease.holder.name if lease.holder else 'it'} leads: term {lease.term}"
        )

    def _saved(self, before: Incident | None, change: Change) -> None:
        self.oracle.committed(before, change)
        if change.head is not None:
            self.wakings.saved(before, change.head)
            self.chronicle.saved(before, change.head)

    def _engine(self, process: Process, store: Store) -> Engine:
        world, oracle = self.world, self.oracle
        devices = {
            device_key(machine.id, device): Bmc(machine, device, world, oracle)
            for machine in world.machines.values()
            for level in machine.plan.levels
            for device in level.devices
        }
        tools = Instruments(
            clock=process.clock,
            store=store,
            controller=SimNova(world, oracle),
            devices=devices,
            notifiers=self.consumers,
            metrics=Metrics(),
            new_id=self.swarm.new_id,
        )
        tools = self.audits.watched(tools)
        plans = {machine.id: machine.plan for machine in world.machines.values()}
        lowered = self.swarm.strikes("mode-lowered")
        process.mode = self.swarm.random.choice(LOWER) if lowered else Mode.EVACUATE
        return self.make(Rules(process.mode, POLICY, plans), tools, PACE, self._bug)

    def _bug(self, incident: str, error: Exception) -> None:
        if not str(error).startswith("bug "):
            self.oracle.wrong(f"BUG in {incident}: {error!r}")

    async def run(self) -> None:
        """Live through trouble and calm, then judge."""
        background = [
            asyncio.create_task(task)
            for task in (
                self._lives(),
                self.daemons.outages(),
                self.daemons.vigil(),
                self.world.beat(),
                self.staff.work(),
                self.staff.meddle(),
                self.staff.answer(),
                self.accidents.happen(),
                self.accidents.power_returns(),
                self.boundaries.pauses.watch(),
                self._ends_early(),
                *(self.monitors.watch(m) for m in self.world.machines.values()),
            )
        ]
        for pause_s, then in (
            (min(self.less.trouble_s or TROUBLE_S, TROUBLE_S), self._calm),
            (CALM_S, self._silence),
            (QUIET_S, self.daemons.ends.set),
        ):
            await asyncio.wait(background, timeout=pause_s, return_when=asyncio.FIRST_EXCEPTION)
            then()
        await background[0]
        for task in background:
            task.cancel()
        for result in await asyncio.gather(*background, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, EnoughError):
                self.oracle.wrong(f"BUG: {result!r}")
        if self.enough.is_set():
            return
        heard = {name: consumer.heard for name, consumer in self.consumers.items()}
        Ending(self.oracle).judge(heard)
        await self.audits.judge()

    def _wrong(self, text: str) -> None:
        self.chronicle.add(f"VIOLATION {text}")
        if shape(text) == self.less.until:
            self.enough.set()

    async def _ends_early(self) -> None:
        await self.enough.wait()
        raise EnoughError

    def _calm(self) -> None:
        self.swarm.on = False

    def _silence(self) -> None:
        self.monitors.quiet = self.daemons.quiet = True

    async def _lives(self) -> None:
        """Let each machine run its daemons, to the end."""
        await asyncio.gather(*(self.daemons.live(site) for site in self.daemons.sites))

    def told(self) -> str:
        """Tell the whole story in words."""
        lines = []
        for incident in self.disk.saved.values():
            lines.append(f"{incident.host} {incident.phase}")
            lines += [f"  {e.at.boot_s:9.2f} {e.phase:12} {e.text}" for e in incident.timeline]
        return "\n".join(lines)


def how_many(seed: int) -> int:
    """Return how many machines of a seed run a daemon: two or three, and one above `ALONE`."""
    return 1 if seed >= ALONE else Random(f"daemons {seed}").choice((2, 2, 3))


def tell(seed: int, make: Callable[..., Engine] = Engine, less: Less | None = None) -> Verdict:
    """Run one seed from the beginning to the judgement. `less`: what of it is left out."""
    made: list[Story] = []

    async def main() -> None:
        story = Story(seed, make, less)
        made.append(story)
        await story.run()

    run(main())
    story = made[0]
    return Verdict(
        seed=seed,
        violations=story.oracle.violations,
        edges=story.oracle.edges,
        faults=story.swarm.struck,
        boundaries=story.boundaries.passed,
        incidents=Counter(i.phase.value for i in story.disk.saved.values()),
        story=story.told(),
        chronicle=story.chronicle,
        strikes=story.swarm.strokes,
        hosts=[host.name for host in story.world.machines],
        daemons=len(story.daemons.sites),
    )
