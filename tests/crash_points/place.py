"""One telling of a story: the daemons that live in it, and who speaks to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import Context
from functools import partial
from random import Random
from typing import Any, cast

from doctor_daemon.core.evidence import Evidence, Trust, Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.engine import Engine
from doctor_daemon.errors import Conflict, DoctorError, LateError, Permanent, Temporary
from tests.crash_points.daemons import Daemon
from tests.crash_points.judge import Judge
from tests.crash_points.line import How, Line, Point
from tests.crash_points.waits import LIMIT_S, LOOK_S, Stuck, comes, until
from tests.crash_points.world import World
from tests.engine.rig import SlowDisk
from tests.engine.sharing import Cluster, SharedDisk
from tests.simulation import standing
from tests.simulation.standing import StandingLoop
from tests.simulation.virtual import EPOCH_S

Word = Callable[[Engine], Awaitable[Any]]
"""What somebody has a daemon do."""
LEASE_S = 15.0
"""After the last sign of a daemon that led, until another may."""
STILL_S = 60.0
"""How long a daemon stands still: much longer than its lease."""
START_S, BOOT_S = 2.0, 60.0
"""Until a daemon that died is started again, and a machine."""
INSIST_S = 3.0
"""After a start, until a monitor says once more what it has said."""
ANSWER_S = 20.0
"""How long somebody waits for a daemon's answer."""
CALM_S = 30.0
"""After a story, until it is judged."""


class Place:
    """The world, its daemons, and what is said to them."""

    def __init__(self, world: World, point: Point | None, *, shared: bool) -> None:
        """Begin without any daemon."""
        self.world, self.point = world, point
        self.line = Line(point)
        self.cluster = Cluster() if shared else None
        self._alone = world.disk()
        self.judge = Judge(world, self)
        self.daemons: list[Daemon] = []
        self.accused: set[HostId] = set()
        self._beside: Word | None = None
        self._said = self._eras = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._woken_s = 0.0

    @property
    def disk(self) -> SlowDisk:
        """Return what is durable, for whoever looks at it from outside."""
        return self._alone if self.cluster is None else self.daemons[0].disk

    # the daemons

    def start(self, era: str = "") -> Daemon:
        """Start a daemon, in an era of its own where none is given."""
        self._eras += 1
        number = len(self.daemons) + 1
        freezable = self.point is not None and self.point.how is How.STANDSTILL and number == 1
        disk = self._alone if self.cluster is None else SharedDisk(self.cluster, f"ctl-{number}")
        context = standing.within() if freezable else Context()
        daemon = Daemon(number, era or f"era-{self._eras}", disk, self.world, context)
        daemon.line, daemon.witness, daemon.struck = self.line, self.judge, self._strike
        self.daemons.append(daemon)
        daemon.begin()
        daemon.run.add_done_callback(partial(self._ended, daemon), context=Context())
        if number > 1:
            self._later(self._insist(daemon))
        if self._beside is not None:
            self._later(self._accompany(daemon))
        return daemon

    def _later(self, work: Any) -> None:  # noqa: ANN401 - any coroutine
        loop = asyncio.get_running_loop()
        task: asyncio.Task[Any] = loop.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._done, context=Context())

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.judge.wrong(f"what is done beside the story fails: {error!r}")

    async def _strike(self, daemon: Daemon) -> None:
        """Strike a daemon, as the point of this telling says."""
        how = self.point.how if self.point is not None else How.LIVES
        await self.judge.struck(era_ends=how not in (How.RESTART, How.LIVES))
        match how:
            case How.LIVES:
                return
            case How.STANDSTILL:
                daemon.still = True
                self._woken_s = asyncio.get_running_loop().time() + STILL_S
                loop = cast("StandingLoop", asyncio.get_running_loop())
                chance = Random(self.line.point.number if self.line.point else 0)
                loop.stand_still(STILL_S, chance, asleep=False)
            case _:
                daemon.die()
        self._later(self._succeed(daemon, how))

    async def _succeed(self, daemon: Daemon, how: How) -> None:
        """Have another daemon go on in the place of one that died, or stands still."""
        if how is How.RESTART:
            await asyncio.sleep(START_S)
            if self.cluster is not None and self.cluster.leader is daemon.disk:
                self.cluster.lead(None)
            self.start(daemon.era if self.cluster is None else "")
        elif self.cluster is None:
            await asyncio.sleep(BOOT_S)
            self.start()
        else:
            if len(self.daemons) == 1 or daemon.number > 1:
                self.start()
            await asyncio.sleep(LEASE_S)
            if self.cluster.leader is daemon.disk:
                self.cluster.lead(None)

    def _ended(self, daemon: Daemon, run: asyncio.Task[None]) -> None:
        """See to a daemon that has ended by itself."""
        if daemon.dead or run.cancelled() or (error := run.exception()) is None:
            return
        if daemon.still and _only(error, Conflict):
            return
        lives = self.point is not None and self.point.how is How.LIVES and self.line.struck
        if not (lives and _only(error, Temporary)):
            self.judge.wrong(f"{daemon.name} ended by {error!r}")
        daemon.die()
        self._later(self._succeed(daemon, How.RESTART))

    async def reboot(self) -> None:
        """Have the machine die that the daemon runs on, as a part of the story."""
        daemon = await self.leader()
        await self.judge.struck(era_ends=True)
        daemon.die()
        await self._succeed(daemon, How.REBOOT)

    async def leader(self) -> Daemon:
        """Wait for a daemon that takes orders. Raise Stuck."""
        await until(lambda: any(one.leads for one in self.daemons), "a daemon that leads")
        return next(one for one in self.daemons if one.leads)

    @property
    def newest(self) -> Daemon:
        """Return the daemon that was started last, and is not gone."""
        there = (one for one in reversed(self.daemons) if not (one.dead or one.still))
        return next(there, self.daemons[-1])

    def accompany(self, word: Word) -> None:
        """Have something run beside each engine that leads."""
        self._beside = word
        for daemon in self.daemons:
            self._later(self._accompany(daemon))

    async def _accompany(self, daemon: Daemon) -> None:
        while not daemon.leads:
            if daemon.dead or daemon.still or daemon.run.done():
                return
            await asyncio.sleep(LOOK_S)
        if self._beside is not None:
            await asyncio.wait({daemon.task(_call(self._beside, daemon.engine))})

    # what is said to them

    def evidence(self, host: HostId, verdict: Verdict = Verdict.DOWN) -> Evidence:
        """Make one more piece of evidence, of a source that is trusted alone."""
        self._said += 1
        return Evidence(
            host=host,
            verdict=verdict,
            source="am",
            kind="prometheus",
            trust=Trust.ALONE,
            fingerprint="f",
            key=f"k{self._said}",
            received_at=self.world.clock.now(),
            summary="HostDown",
        )

    async def accuse(self, host: HostId) -> None:
        """Have a monitor say that a host is down, and again to every daemon that begins to lead."""
        self.accused.add(host)
        await self.say(host)

    async def say(self, host: HostId, verdict: Verdict = Verdict.DOWN) -> None:
        """Have a monitor say something once."""

        async def word(engine: Engine) -> None:
            await engine.desk.submit([self.evidence(host, verdict)])

        await self.tell(word)

    async def _insist(self, daemon: Daemon) -> None:
        while not daemon.leads:
            if daemon.dead or daemon.run.done():
                return
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep(INSIST_S)
        for host in sorted(self.accused):
            await self.say(host)

    async def tell(self, word: Word, at: int = 0) -> Any:  # noqa: ANN401 - the answer
        """Say something until it is answered: by whoever leads, or by the daemon `at`.

        Raise Permanent where it is refused, unless it may have been heard the first time.
        """
        lost, ends_s = False, asyncio.get_running_loop().time() + LIMIT_S
        while True:
            daemon = self.daemons[at - 1] if at else await self.leader()
            task = daemon.task(_call(word, daemon.engine))
            await asyncio.wait({task}, timeout=ANSWER_S)
            if task.done() and not task.cancelled():
                match task.exception():
                    case None:
                        return task.result()
                    case Permanent() if lost:
                        return None
                    case Temporary() | LateError() | Conflict() as error:
                        if asyncio.get_running_loop().time() >= ends_s:
                            raise Stuck(f"it is not taken: {error}")
                    case error:
                        assert error is not None
                        raise error
            lost, at = True, 0
            await asyncio.sleep(1.0)

    # how everything stands

    async def phase(self, host: HostId) -> tuple[str, str]:
        """Return the phase that the last incident of a host is saved in, and its last words."""
        found = await self.disk.headings(host, 1) if self.daemons else ()
        return (found[0].phase, found[0].text) if found else ("", "")

    async def is_in(self, host: HostId, phase: Phase) -> bool:
        """Tell whether a host's last incident is saved, and shown, in a phase."""
        shown = [one.engine.desk.cases.get(host) for one in self.daemons if one.leads]
        known = all(case is None or case.incident.phase is phase for case in shown)
        return known and (await self.phase(host))[0] == phase

    async def stands(self, host: HostId, phase: Phase) -> None:
        """Wait until a host's last incident is in a phase. Raise Stuck."""
        await comes(partial(self.is_in, host, phase), f"{host} to be {phase}")

    async def timeline(self, host: HostId) -> list[str]:
        """Return what the timeline of a host's last incident says."""
        found = await self.disk.headings(host, 1)
        incident = await self.disk.find(found[0].id) if found else None
        return [entry.text for entry in incident.timeline] if incident is not None else []

    async def words(self) -> AsyncIterator[str]:
        """Yield what the timelines say."""
        for heading in reversed(await self.disk.headings(None, 100)):
            incident = await self.disk.find(heading.id)
            for line in incident.timeline if incident is not None else ():
                at_s = line.at.wall_s - EPOCH_S
                yield f"{heading.host} {at_s:8.2f} {line.phase:12} {line.text}"

    async def play(self, story: Callable[[Place], Awaitable[None]]) -> None:
        """Tell a story, let it become calm, and end every daemon."""
        self.start()
        try:
            await story(self)
            await asyncio.sleep(CALM_S)
        except (Stuck, DoctorError) as error:
            told = [
                f"{one.host} {one.phase}: {one.text}" for one in await self.disk.headings(None, 9)
            ]
            self.judge.wrong(f"the story does not go on: {error!r}; {told}")
        self.line.over = True
        await self._woken()
        for daemon in self.daemons:
            if not daemon.run.done() and not daemon.dead:
                daemon.engine.stop()
                await asyncio.wait({daemon.run}, timeout=ANSWER_S)
                if not daemon.run.done():
                    self.judge.wrong(f"{daemon.name} does not end")
            for bug in daemon.bugs:
                self.judge.wrong(bug)
        if self.point is not None and not self.line.struck:
            self.judge.wrong("the boundary is not reached")

    async def _woken(self) -> None:
        """See that a daemon that stood still has ended once it woke, and a last one leads."""
        loop = asyncio.get_running_loop()
        if self._woken_s:
            await asyncio.sleep(max(0.0, self._woken_s - loop.time()) + CALM_S)
        for daemon in self.daemons:
            if daemon.still and daemon.engine.ward.term and not daemon.run.done():
                self.judge.wrong(f"{daemon.name} has woken, and acts as if it led")
        if self.line.struck:
            try:
                await self.leader()
            except Stuck as error:
                self.judge.wrong(f"nobody leads at the end: {error}")
            await asyncio.sleep(CALM_S)


async def _call(word: Word, engine: Engine) -> Any:  # noqa: ANN401 - the answer
    return await word(engine)


def _only(error: BaseException, kind: type[Exception]) -> bool:
    """Tell whether an error, or all of a group, is of a kind."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(kind)[1] is None
    return isinstance(error, kind)
