"""The daemon's heart: loads what was open, runs the cases, outbox and poller, and ends well.

Starting claims the store (and so a new term), times anew what another boot had timed, and takes
every open incident up again before any new evidence is let in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field

import structlog

from doctor_daemon.core.host import HostId, Server
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Elapsed
from doctor_daemon.core.ourselves import Paused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.sightings import Noticed, Strayed, Unseen
from doctor_daemon.engine.absences import Absences
from doctor_daemon.engine.caretaker import Caretaker
from doctor_daemon.engine.case import Case
from doctor_daemon.engine.desk import Desk
from doctor_daemon.engine.inbox import Letter
from doctor_daemon.engine.links import Links
from doctor_daemon.engine.masskeeper import Masskeeper, held_by_mass
from doctor_daemon.engine.outbox import Delivering, Outbox
from doctor_daemon.engine.poller import Poller, Polling
from doctor_daemon.engine.portkeeper import Portkeeper
from doctor_daemon.engine.pruning import Pruning
from doctor_daemon.engine.readiness import Readiness
from doctor_daemon.engine.reservekeeper import Reservekeeper
from doctor_daemon.engine.selfcheck import Selfcheck
from doctor_daemon.engine.standing_by import STANDING_BY, StandBy
from doctor_daemon.engine.storekeeper import Storekeeper
from doctor_daemon.engine.taking_up import take_up
from doctor_daemon.engine.ticker import Ticker
from doctor_daemon.engine.ward import Instruments, Rules, Ward
from doctor_daemon.engine.watch import set_gauges, set_leading, watch
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Fleet, Snapshot

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
STOP_S = 60.0
"""How long calls that change the world may still take when the daemon stops."""
DRIVEN_AT_ONCE = 5
"""Of many open incidents so many are taken up at a time: who asks or tells is heard in between."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How the engine's own loops run."""

    polling: Polling = field(default_factory=Polling)
    delivering: Delivering = field(default_factory=Delivering)
    tick_s: float = 0.5


def _log_bug(what: str, error: Exception) -> None:
    log.error("internal error", what=what, exc_info=error)


class Engine:
    """Runs everything. `bug` hears of every contained bug, for tests that allow none."""

    def __init__(
        self,
        rules: Rules,
        tools: Instruments,
        pace: Pace | None = None,
        bug: Callable[[str, Exception], None] = _log_bug,
        case: type[Case] = Case,
    ) -> None:
        """Make the parts; nothing is read or done before `run`."""
        pace = pace or Pace()
        self._case_class = case
        self.ward = Ward(rules, tools, self._met)
        tools.metrics.before_scrape.append(self._gauges)
        self.pruning = Pruning(self.ward)
        self.desk = Desk(self.ward, self._start, self.pruning.took)
        self.poller = Poller(self.ward, self._noticed, self._met, pace.polling, self._strayed)
        self.storekeeper = Storekeeper(self.ward, self._open_incidents, self._met)
        self.portkeeper = Portkeeper(self.ward, self._open_incidents, self._met)
        self.reservekeeper = Reservekeeper(self.ward, self._open_incidents, self._met)
        self.masskeeper = Masskeeper(self.ward, self._open_incidents, self._nudge)
        self.ready = asyncio.Event()  # set once every open incident is loaded, and can be told
        self.ticked: Instant | None = None  # the last tick: the sign that there is progress
        self.ticker = Ticker(self.ward, pace.tick_s, self._ticked, self._paused)
        self.outbox = Outbox(self.ward, self._met, pace.delivering)
        self.selfcheck = Selfcheck(self.ward, self._open_incidents, self._nudge, self._met)
        self.caretaker = Caretaker(self.ward, self.desk.cases, self.outbox.put, self._met)
        self.absences = Absences(self.ward)
        self.standby = StandBy(self.ward)
        if self.ward.leadership is not None:
            self.desk.aside = STANDING_BY
        self.readiness = Readiness(self.ward, self.desk.cases.__contains__, self._met)
        self._bug = bug
        self.beside: list[Callable[[], Coroutine[None, None, None]]] = []  # loops: run as our own
        self._tasks: asyncio.TaskGroup | None = None
        self._driven: set[asyncio.Task[None]] = set()
        self._background: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self.stepping_down = asyncio.Event()  # an operator wants another daemon to lead

    async def run(self) -> None:
        """Run until `stop` is called. Raise what makes going on unsafe."""
        meanwhile = (self.poller.run, self.ticker.run, self.selfcheck.run)
        if not await self.standby.opened(meanwhile, self._stop):
            return
        await self._load(await self.ward.tools.store.load())
        self.ward.standpoint.wake.rest()
        with closing(self.ward.rounds), closing(self.ward.groups):
            async with aclosing(self.desk), asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                keepers = (self.storekeeper.run, self.portkeeper.run, self.reservekeeper.run)
                gates = (self.masskeeper.run, self.ticker.run, self.selfcheck.run)
                among = (self.standby.deposed, self.standby.heed, self.ward.looked_through)
                own = (*keepers, *gates, *among, self.readiness.run, self.pruning.run, *self.beside)
                loops = (self.poller.run, self.outbox.run, self.caretaker.run, *own)
                self._background = [
                    tasks.create_task(loop(), name=loop.__qualname__) for loop in loops
                ]
                loaded = list(self.desk.cases.values())
                self.ready.set()
                self.desk.aside = ""
                log.info("ready", term=self.ward.term, incidents=len(self.desk.cases))
                for number, case in enumerate(loaded, 1):
                    self._drive(case)
                    if number % DRIVEN_AT_ONCE == 0:
                        await asyncio.sleep(0)  # a thousand first steps take half a second
                self.ward.taken_up.set()
                await self._stop.wait()
                await self._wind_down()
                for task in self._background:
                    task.cancel()
        await self.outbox.flush()

    def stop(self) -> None:
        """Ask the engine to end: no effect is cut in half, what is open resumes at the start."""
        self.desk.closed = self.ward.stopping = True
        self._stop.set()

    def step_down(self) -> str:
        """Have another daemon lead; return who may. Raise Permanent where nobody could at once."""
        ready = self.standby.successors()
        self.stepping_down.set()
        return ready

    async def _wind_down(self) -> None:
        """Let every call that changes the world come to its end, and be saved."""
        for case in self.desk.cases.values():
            case.stop()
        sent = asyncio.create_task(self.ward.stock.sends.ended())
        await asyncio.wait((*self._driven, sent), timeout=STOP_S)
        for task in (*self._driven, sent):
            task.cancel()

    # loading

    async def _load(self, snapshot: Snapshot) -> None:
        await take_up(self.ward, snapshot)
        now = self.ward.tools.clock.now()
        self.storekeeper.load(snapshot.tasks)
        self.portkeeper.load(snapshot.port_tasks)
        self.reservekeeper.load(snapshot.reserves)
        self.masskeeper.load(snapshot.masses, snapshot.passages)
        self.desk.remember(snapshot.evidence)
        self.desk.replays.load(snapshot.spent, snapshot.floors)
        for incident in snapshot.incidents:
            self.desk.cases[incident.host] = self._case(incident)
            self.ward.neighbours.resumed(incident, now)
            self.ward.standpoint.saw(incident)
        self.caretaker.resume(snapshot.upkeep)
        self.outbox.resume(snapshot.gaps)
        self.outbox.put(snapshot.pending)

    def _case(self, incident: Incident) -> Case:
        links = Links(self.outbox.put, self._watch, self._met)
        return self._case_class(incident, self.ward, links)

    def _start(self, incident: Incident) -> Case:
        """Run a new incident's case."""
        case = self._case(incident)
        self._drive(case)
        return case

    def _drive(self, case: Case) -> None:
        if self._tasks is None:
            msg = "the daemon is still starting"
            raise Temporary(msg)
        life = self._to_its_end(case)
        try:
            task = self._tasks.create_task(life)
        except RuntimeError:  # the group is coming to an end, and the daemon with it
            life.close()
            msg = "the daemon is stopping"
            raise Temporary(msg) from None
        self._driven.add(task)
        task.add_done_callback(self._driven.discard)

    async def _to_its_end(self, case: Case) -> None:
        await case.run()
        if case.incident.phase.final and self.desk.cases.get(case.incident.host) is case:
            del self.desk.cases[case.incident.host]

    # watching

    def _met(self, what: str, error: Exception) -> None:
        """Count a contained bug, and say where it was met."""
        self.ward.tools.metrics.bugs.inc()
        self._bug(what, error)

    def _noticed(self, fleet: Fleet) -> None:
        """Show open incidents what was written to their hosts, and see who is in maintenance."""
        self.caretaker.look(fleet)
        self.absences.look(fleet)
        self.portkeeper.noticed(fleet)
        self.ward.shown, self.ward.lookout.zones = fleet.services, fleet.zones
        self.ward.standpoint.told(fleet.control)
        for host, case in list(self.desk.cases.items()):
            incident, sighting = case.incident, fleet.services.get(host.name)
            if sighting is not None:
                self.ward.neighbours.noticed(host, sighting)
            why, down = fleet.unseen(host.name), incident.phase is Phase.DOWN
            if incident.shown is None and not down:
                continue
            new = sighting is None or incident.shown is None or not sighting.alike(incident.shown)
            if down or new or incident.unseen is not why:  # down, it may report in again
                self._post(case, Letter(Noticed(sighting, why or Unseen.GONE)))

    def _strayed(self, changed: Sequence[tuple[Server, str]]) -> None:
        """Show the open incidents which of their servers are elsewhere, or gone."""
        for host, case in list(self.desk.cases.items()):
            ours = case.incident.servers
            gone = [(one, to) for one, to in changed if one.id in ours and to != host.name]
            if gone:
                self._post(case, Letter(Strayed(tuple(gone))))

    def _post(self, case: Case, letter: Letter) -> None:
        try:
            case.post(letter)
        except Temporary as error:
            log.warning("not delivered", incident=case.incident.id, error=str(error))

    def _watch(self, before: Incident | None, after: Incident) -> None:
        if self.ward.saw(after):
            self._nudge(Phase.EVACUATING)
        watch(before, after, self.ward)
        over = after.phase.final and (before is None or not before.phase.final)
        if over and after.release.returns:  # else it was closed, or taken out
            self.ward.lookout.came_back(after.host, after.phase_at)
        for keeper in (self.selfcheck, self.storekeeper, self.portkeeper, self.reservekeeper):
            keeper.heed(before, after)

    def _open_incidents(self) -> tuple[Incident, ...]:
        return tuple(case.incident for case in self.desk.cases.values())

    def _gauges(self) -> None:
        """Say how everything stands: only when somebody asks, for it looks at every server."""
        set_gauges(self._open_incidents(), self.ward)
        set_leading(self.ward)
        self.desk.set_gauges()
        self.ward.tools.metrics.tasks.set(len(asyncio.all_tasks()))
        self.ward.tools.metrics.sound.set(self.ward.sound)

    def _ticked(self, now: Instant) -> None:
        self.ticked = now

    def reloaded(self) -> None:
        """Have every incident weigh its case by the new rules."""
        for case in list(self.desk.cases.values()):
            self._post(case, Letter(Elapsed()))

    def _nudge(self, phase: Phase = Phase.FENCING) -> None:
        """Have those look again who wait in a phase: before a cut, also those held by `mass`."""
        for case in list(self.desk.cases.values()):
            held = phase is Phase.FENCING and held_by_mass(case.incident)
            if held or case.incident.phase is phase:
                self._post(case, Letter(Elapsed()))

    def _paused(self, seconds: float) -> None:
        """Have every incident forget what it was about to act on."""
        for case in list(self.desk.cases.values()):
            self._post(case, Letter(Paused(seconds)))

    @property
    def ended(self) -> tuple[str, ...]:
        """The engine's own loops that have ended: while it runs there is to be none.

        One that fails ends the engine. One that something else cancels would end unseen.
        """
        return tuple(task.get_name() for task in self._background if task.done())


def hosts_known(engine: Engine) -> tuple[HostId, ...]:
    """Return every configured host, in order."""
    return tuple(sorted(engine.ward.rules.plans))
