"""An event loop on which the daemon can stand still while the world goes on.

What runs in the daemon's own context is kept back for as long as it stands still: its timers that
end meanwhile, and the answers that come. When it goes on all of that is there at once. A process
that was stopped finds its timers over; one whose machine slept has them begin where they were, for
the clock of an event loop does not count that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, TypeVar, TypeVarTuple, Unpack

from doctor_daemon.errors import Temporary
from tests.simulation import virtual
from tests.simulation.virtual import VirtualLoop

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_left: set[asyncio.Task[Any]] = set()
"""What nobody waits for any more: a loop knows its tasks only as long as somebody else does."""
INSIDE = ContextVar("what runs belongs to the daemon", default=False)


class _Kept:
    """A call of the daemon's: made when it is due, or once the daemon goes on."""

    def __init__(self, loop: StandingLoop, call: Callable[[], object], context: Context) -> None:
        self._loop = loop
        self._call = call
        self.context = context
        self.slept_s = loop.slept_s
        self.handle: asyncio.Handle | None = None
        self.when: float | None = None
        """When it was due at first; None: at once."""

    def __call__(self) -> None:
        if self.handle is not None and self.handle.cancelled():
            return
        late_s = self._loop.slept_s - self.slept_s
        if self._loop.still:
            self._loop.keep(self)
        elif self.when is not None and late_s > 0:
            self.slept_s = self._loop.slept_s
            self._loop.put_off(self, late_s)
        else:
            self._call()


class StandingLoop(VirtualLoop):
    """An event loop on virtual time, in which the daemon can stand still."""

    def __init__(self) -> None:
        self.still = False
        self.slept_s = 0.0
        """For how long the machine has slept so far."""
        self._kept: list[_Kept] = []
        super().__init__()

    def call_soon(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        context = copy_context() if context is None else context
        if not context.get(INSIDE, False):
            return super().call_soon(callback, *args, context=context)
        kept = _Kept(self, lambda: callback(*args), context)
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
        if not context.get(INSIDE, False):
            return super().call_at(when, callback, *args, context=context)
        kept = _Kept(self, lambda: callback(*args), context)
        kept.when = when
        kept.handle = timer = super().call_at(when, kept, context=context)
        return timer

    def keep(self, kept: _Kept) -> None:
        """Keep a call until the daemon goes on."""
        self._kept.append(kept)

    def put_off(self, kept: _Kept, seconds: float) -> None:
        """Let a timer end so much later."""
        kept.when = max(kept.when or 0.0, 0.0) + seconds
        super().call_at(kept.when, kept, context=kept.context)

    def stand_still(self, seconds: float, chance: Random, *, asleep: bool) -> None:
        """Let the daemon stand still from now on; `asleep`: the machine sleeps."""
        if self.still:
            msg = "it stands still already"
            raise RuntimeError(msg)
        self.still = True
        self.call_later(seconds, self._go_on, seconds * asleep, chance, context=Context())

    def _go_on(self, slept_s: float, chance: Random) -> None:
        self.still, self._kept, kept = False, [], self._kept
        self.slept_s += slept_s
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


def within() -> Context:
    """Return a context of the daemon's."""
    context = Context()
    context.run(INSIDE.set, True)  # noqa: FBT003 - `set` takes no keyword
    return context


def later(seconds: float, call: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
    """Let something happen in the world, be the daemon awake or not."""
    asyncio.get_running_loop().call_later(seconds, call, *args, context=Context())


async def answered(seconds: float, answer: Callable[[], T]) -> T:
    """Await an answer that the world gives in so long, be the daemon awake or not."""
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


async def inside(call: Coroutine[Any, Any, T], wait_s: float) -> T:
    """Have the daemon do something. Raise Temporary where no answer comes in so long.

    It is done all the same, as a request that lies in a socket's buffer is.
    """
    task = asyncio.get_running_loop().create_task(call, context=within())
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
