"""The daemons of one telling: which is struck, and who goes on in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from functools import partial
from random import Random
from typing import Any, cast

from doctor_daemon.engine.engine import Engine
from doctor_daemon.errors import Conflict, Temporary
from tests.crash_points.daemons import Daemon
from tests.crash_points.judge import Judge
from tests.crash_points.line import How, Line, Point
from tests.crash_points.waits import LOOK_S, until
from tests.crash_points.world import World
from tests.engine.rig import SlowDisk
from tests.engine.sharing import Cluster, SharedDisk
from tests.simulation.processes import Process, within
from tests.simulation.standing import StandingLoop

Word = Callable[[Engine], Awaitable[Any]]
"""What somebody has a daemon do."""
LEASE_S = 15.0
"""After the last sign of a daemon that led, until another may."""
STILL_S = 60.0
"""How long a daemon stands still: much longer than its lease."""
START_S, BOOT_S = 2.0, 60.0
"""Until a daemon that died is started again, and a machine."""


class Succession:
    """The daemons, one after the other or side by side."""

    def __init__(self, world: World, point: Point | None, *, shared: bool) -> None:
        """Begin without any daemon."""
        self.world, self.point = world, point
        self.line = Line(point)
        self.cluster = Cluster() if shared else None
        self._alone = world.disk()
        self.judge = Judge(world, self)
        self.daemons: list[Daemon] = []
        self._beside: Word | None = None
        self._eras = 0
        self._first = Process()
        """What the first daemon runs in: it can stand still."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self.woken_s = 0.0

    @property
    def disk(self) -> SlowDisk:
        """Return what is durable, for whoever looks at it from outside."""
        return self._alone if self.cluster is None else self.daemons[0].disk

    def start(self, era: str = "") -> Daemon:
        """Start a daemon, in an era of its own where none is given."""
        self._eras += 1
        number = len(self.daemons) + 1
        disk = self._alone if self.cluster is None else SharedDisk(self.cluster, f"ctl-{number}")
        context = within(self._first) if number == 1 else Context()
        daemon = Daemon(number, era or f"era-{self._eras}", disk, self.world, context)
        daemon.line, daemon.witness, daemon.struck = self.line, self.judge, self._strike
        self.daemons.append(daemon)
        daemon.begin()
        daemon.run.add_done_callback(partial(self._ended, daemon), context=Context())
        if self._beside is not None:
            self.later(self._accompany(daemon))
        return daemon

    def later(self, work: Any) -> None:  # noqa: ANN401 - any coroutine
        """Have something done beside the story."""
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
        await self.judge.struck()
        match how:
            case How.LIVES:
                return
            case How.STANDSTILL:
                daemon.still = True
                self.woken_s = asyncio.get_running_loop().time() + STILL_S
                loop = cast("StandingLoop", asyncio.get_running_loop())
                chance = Random(self.line.point.number if self.line.point else 0)
                loop.stand_still(self._first, STILL_S, chance, asleep=False)
            case _:
                daemon.die()
        self.later(self.succeed(daemon, how))

    async def succeed(self, daemon: Daemon, how: How) -> None:
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
        self.later(self.succeed(daemon, How.RESTART))

    async def reboot(self) -> None:
        """Have the machine die that the daemon runs on, as a part of the story."""
        daemon = await self.leader()
        await self.judge.struck()
        daemon.die()
        await self.succeed(daemon, How.REBOOT)

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
            self.later(self._accompany(daemon))

    async def _accompany(self, daemon: Daemon) -> None:
        while not daemon.leads:
            if daemon.dead or daemon.still or daemon.run.done():
                return
            await asyncio.sleep(LOOK_S)
        if self._beside is not None:
            await asyncio.wait({daemon.task(spoken(self._beside, daemon.engine))})


async def spoken(word: Word, engine: Engine) -> Any:  # noqa: ANN401 - the answer
    """Have a daemon do something; return what it says."""
    return await word(engine)


def _only(error: BaseException, kind: type[Exception]) -> bool:
    """Tell whether an error, or all of a group, is of a kind."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(kind)[1] is None
    return isinstance(error, kind)
