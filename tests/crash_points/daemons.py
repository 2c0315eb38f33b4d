"""One daemon among those of a story: it can die, or stand still, on its way through its gate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from typing import Any, Protocol

from doctor_daemon.engine.engine import Engine
from doctor_daemon.errors import Temporary
from tests.crash_points.eras import within
from tests.crash_points.line import How, Line, When
from tests.crash_points.skins import Call, Crossing
from tests.crash_points.world import World
from tests.engine.rig import SlowDisk

LOST = "the answer is lost"


class Witness(Protocol):
    """Sees every call as it leaves a daemon."""

    async def sent(self, daemon: Daemon, crossing: Crossing, call: Call) -> Any:  # noqa: ANN401 - as the port has it
        """Make a call, and judge it by the world as it is then."""
        ...


async def _unstruck(_daemon: Daemon) -> None:
    return


def _heard(task: asyncio.Task[Any]) -> None:
    """Take note of an error that nobody may wait for any more."""
    if not task.cancelled():
        task.exception()


class Daemon:
    """An engine in a context of its own, and the gate that all of its calls pass."""

    def __init__(
        self, number: int, era: str, disk: SlowDisk, world: World, context: Context
    ) -> None:
        """Make a daemon; `begin` starts it."""
        self.number, self.era, self.disk = number, era, disk
        self.context = within(era, context)
        self.dead = self.still = False
        self.world = world
        self.line = Line()
        self.witness: Witness | None = None
        self.struck: Callable[[Daemon], Awaitable[None]] = _unstruck
        self.bugs: list[str] = []
        self.tasks: set[asyncio.Task[Any]] = set()
        self.engine: Engine = self.context.run(self._engine)

    @property
    def name(self) -> str:
        """Return what a judgement calls it."""
        return f"daemon {self.number}"

    @property
    def leads(self) -> bool:
        """Tell whether it can be spoken to, and takes orders."""
        gone = self.dead or self.still or self.run.done()
        return not gone and self.engine.ready.is_set() and not self.engine.desk.aside

    def _engine(self) -> Engine:
        def bug(what: str, error: Exception) -> None:
            if not self.dead:
                self.bugs.append(f"a bug of {self.name}, {what}: {error!r}")

        world = self.world
        return Engine(world.rules(), world.tools(self, self.disk), world.pace, bug)

    def begin(self) -> None:
        """Start it."""
        self.run = self.task(self.engine.run())

    def task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Have it do something of its own."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(work, context=self.context.copy())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard, context=Context())
        task.add_done_callback(_heard, context=Context())
        return task

    def die(self) -> None:
        """End it at once: nothing more leaves it, whatever its tasks do as they unwind."""
        self.dead = True
        for task in self.tasks:
            task.cancel()

    def _alive(self) -> None:
        if self.dead:
            raise asyncio.CancelledError

    async def through(self, crossing: Crossing, call: Call) -> Any:  # noqa: ANN401 - as the port has it
        """Let a call out, and its answer in: here a daemon is struck."""
        self._alive()
        number = self.line.reached(crossing, self.number)
        if self.line.strikes(number, When.BEFORE):
            await self.struck(self)
            await asyncio.sleep(0)  # one that stands still goes on from here
        self._alive()
        loop = asyncio.get_running_loop()
        outside = self._sent(number, crossing, call)
        task = loop.create_task(outside, context=within(self.era))
        task.add_done_callback(_heard, context=Context())
        try:
            lost, answer = await asyncio.shield(task)
        except asyncio.CancelledError:
            if not crossing.changing:
                task.cancel()
            raise
        self._alive()
        if lost and crossing.unknown is not None:
            return crossing.unknown, LOST
        if lost:
            raise Temporary(LOST)
        return answer

    async def _sent(self, number: int, crossing: Crossing, call: Call) -> tuple[bool, Any]:
        """Make a call in the world, which goes on whatever becomes of the daemon."""
        lost = False
        try:
            made: Awaitable[Any] = (
                call() if self.witness is None else self.witness.sent(self, crossing, call)
            )
            answer = await made
        finally:
            self.line.done(number)
            if self.line.strikes(number, When.LOST):
                lost = self.line.point is not None and self.line.point.how is How.LIVES
                await self.struck(self)
        return lost, answer
