"""An event loop on which a daemon can stand still while the world, and other daemons, go on.

What runs in a daemon's own context is kept back for as long as it stands still: its timers that
end meanwhile, and the answers that come. When it goes on all of that is there at once. A process
that was stopped finds its timers over; one whose machine slept or was frozen has them begin where
they were, for the clock of an event loop does not count that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from itertools import count
from random import Random
from typing import Any, TypeVar, TypeVarTuple, Unpack

from doctor_daemon.errors import Temporary
from tests.simulation import virtual
from tests.simulation.processes import INSIDE, Process, within
from tests.simulation.virtual import VirtualLoop

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_left: set[asyncio.Task[Any]] = set()
"""What nobody waits for any more: a loop knows its tasks only as long as somebody else does."""


class _Kept:
    """A call of a daemon's: made when it is due, or once that daemon goes on."""

    __slots__ = ("_call", "_loop", "_process", "context", "handle", "slept_s", "when")

    def __init__(
        self,
        loop: StandingLoop,
        process: Process,
        call: Callable[[], object],
        context: Context,
    ) -> None:
        self._loop, self._process = loop, process
        self._call = call
        self.context = context
        self.slept_s = process.slept_s
        self.handle: asyncio.Handle | None = None
        self.when: float | None = None
        """When it was due at first; None: at once."""

    def __call__(self) -> None:
        if self.handle is not None and self.handle.cancelled():
            return
        late_s = self._process.slept_s - self.slept_s
        if self._process.still:
            self._process.kept.append(self)
        elif self.when is not None and late_s > 0:
            self.slept_s = self._process.slept_s
            self._loop.put_off(self, late_s)
        else:
            self._call()


class _Numbered(asyncio.Task[Any]):
    """A task with a place of its own in each set: else that depends on where it lies in memory.

    Groups cancel their tasks in the order of a set, and one seed has to tell one story.
    """

    def __init__(self, number: int, *given: Any, **named: Any) -> None:  # noqa: ANN401 - a task's
        self._number = number
        super().__init__(*given, **named)

    def __hash__(self) -> int:
        return self._number


class StandingLoop(VirtualLoop):
    """An event loop on virtual time, in which daemons can stand still."""

    def __init__(self) -> None:
        super().__init__()
        numbers = count()
        self.set_task_factory(
            lambda loop, call, **named: _Numbered(next(numbers), call, loop=loop, **named)
        )

    def call_soon(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        context = copy_context() if context is None else context
        process = context.get(INSIDE)
        if process is None:
            return super().call_soon(callback, *args, context=context)
        kept = _Kept(self, process, lambda: callback(*args), context)
        kept.handle = super().call_soon(kept, context=context)
        return kept.handle

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        context = copy_context() if context is None else context
        process = context.get(INSIDE)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        kept = _Kept(self, process, lambda: callback(*args), context)
        kept.when = when
        kept.handle = timer = super().call_at(when, kept, context=context)
        return timer

    def put_off(self, kept: _Kept, seconds: float) -> None:
        """Let a timer end so much later."""
        kept.when = max(kept.when or 0.0, 0.0) + seconds
        super().call_at(kept.when, kept, context=kept.context)

    def stand_still(
        self, process: Process, seconds: float, chance: Random, *, asleep: bool
    ) -> None:
        """Let a daemon stand still from now on; `asleep`: its machine does, its timers too."""
        if process.still:
            msg = "it stands still already"
            raise RuntimeError(msg)
        process.still = True
        slept_s = seconds * asleep
        self.call_later(seconds, self._go_on, process, slept_s, chance, context=Context())

    def _go_on(self, process: Process, slept_s: float, chance: Random) -> None:
        process.still, process.kept, kept = False, [], process.kept
        process.slept_s += slept_s
        match chance.choice(("as they came", "timers first", "timers last", "any")):
            case "timers first":
                kept.sort(key=lambda one: one.when is None)
            case "timers last":
                kept.sort(key=lambda one: one.when is not None)
            case "any":
                chance.shuffle(kept)
            case _:
                pass
        for one in kept:
            super().call_soon(one, context=one.context)


def later(seconds: float, call: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
    """Let something happen in the world, be a daemon awake or not."""
    asyncio.get_running_loop().call_later(seconds, call, *args, context=Context())


async def answered(seconds: float, answer: Callable[[], T]) -> T:
    """Await an answer that the world gives in so long, be a daemon awake or not."""
    coming: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def give() -> None:
        if coming.done():
            return  # nobody waits any more
        try:
            coming.set_result(answer())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the asker's
            coming.set_exception(error)

    later(seconds, give)
    return await coming


async def inside(process: Process, call: Coroutine[Any, Any, T], wait_s: float) -> T:
    """Have a daemon do something. Raise Temporary where no answer comes in so long.

    It is done all the same, as a request that lies in a socket's buffer is.
    """
    task = asyncio.get_running_loop().create_task(call, context=within(process))
    await asyncio.wait((task,), timeout=wait_s)
    if not task.done():
        _left.add(task)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        task.add_done_callback(_left.discard)
        msg = "no answer in time"
        raise Temporary(msg)
    return task.result()


def run(main: Coroutine[Any, Any, None]) -> float:
    """Run to the end in virtual time; return the virtual seconds it took."""
    return virtual.run(main, StandingLoop)
