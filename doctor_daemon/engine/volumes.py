"""Operators' questions and orders about Cinder's services.

An order outlives the request that gave it: Cinder takes a minute over a freeze of a cinder-volume
that died, and a failover as long as its driver does. So each is a task with a number, by which its
end is asked for. It ends with the daemon, and is not taken up again: it is Cinder's by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import count
from typing import Any, TypeVar

import structlog

from doctor_daemon.core.host import Mode
from doctor_daemon.core.log_levels import LogScope
from doctor_daemon.core.volumes import End, Finding, Wish
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.errand import Errand, LevelWish, Patience
from doctor_daemon.errors import DoctorError, Permanent, Temporary
from doctor_daemon.ports import Storage

RUNNING_MAX, KEPT_MAX = 8, 100
LOOK = "look with `doctor-daemon cinder services`"

T = TypeVar("T")
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class VolumeOrder:
    """One order: who gave it, why, and its end, once it has one."""

    number: int
    wish: Wish | LevelWish
    by: str
    why: str
    finding: Finding | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        return self.wish.act.value if isinstance(self.wish, Wish) else "set-log"

    @property
    def target(self) -> str:
        """Say what it is about. No two orders about the same run at a time."""
        return str(self.wish.target if isinstance(self.wish, Wish) else self.wish.scope)

    def shown(self) -> dict[str, Any]:
        """Return it as plain data. `end` is empty while it is under way."""
        found = self.finding or Finding(End.UNKNOWN, "it is under way")
        return {
            "number": self.number,
            "order": self.name,
            "target": self.target,
            "by": self.by,
            "why": self.why,
            "end": found.end.value if self.finding else "",
            "text": found.text,
            "advice": found.advice,
        }


class VolumeOrders:
    """The operators' way to Cinder. Without a `storage` in the configuration all is refused."""

    def __init__(
        self, engine: Engine, storage: Storage | None, patience: Patience | None = None
    ) -> None:
        """Act by a running engine's permits, and with so much patience."""
        self._patience = patience or Patience()
        self._ward = engine.ward
        self._known = storage
        self._numbers = count(1)
        self._orders: dict[int, VolumeOrder] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # questions

    async def services(self, host: str = "", binary: str = "") -> list[dict[str, Any]]:
        """List Cinder's services. Raise a DoctorError."""
        return [asdict(row) for row in await self._soon(self._storage.services(host, binary))]

    async def log_levels(self, scope: LogScope) -> list[dict[str, Any]]:
        """Read log levels. Raise a DoctorError."""
        return [asdict(one) for one in await self._soon(self._storage.log_levels(scope))]

    async def look(self, number: int, wait_s: float) -> dict[str, Any]:
        """Say how an order stands, after waiting a little for its end. Raise Permanent."""
        order = self._orders.get(number)
        if order is None:
            msg = f"the daemon knows no order {number} (any more)"
            raise Permanent(msg)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await order.ended.wait()
        return order.shown()

    # orders

    def give(self, wish: Wish | LevelWish, by: str, why: str) -> VolumeOrder:
        """Begin to carry an order out. Raise Permanent, in words, where it may not be."""
        errand = Errand(self._storage, self._shut, self._ward.permit, self._patience)
        order = VolumeOrder(next(self._numbers), wish, by, why)
        if refused := self._shut(wish) or self._busy(order):
            raise Permanent(refused)
        self._forget()
        self._orders[order.number] = order
        task = asyncio.create_task(self._follow(order, errand))
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, order))
        return order

    async def close(self) -> None:
        """Follow what is under way no longer."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def _storage(self) -> Storage:
        if self._known is None:
            msg = "no Cinder is configured: that is the section `storage`"
            raise Permanent(msg)
        return self._known

    def _shut(self, wish: Wish | LevelWish) -> str:
        """Say why nothing may be changed now. Log levels change nothing of the cloud's doing."""
        ward = self._ward
        if ward.stopping:
            return "the daemon is stopping"
        if isinstance(wish, LevelWish):
            return ""
        if ward.rules.mode < Mode.FENCE:
            return f"mode is {ward.rules.mode.name.lower()}: nothing is changed in the cloud"
        if not ward.armed.on:
            by = f" by {ward.armed.by}" if ward.armed.by else ""
            return f"the daemon is disarmed{by}: {ward.armed.why}"
        return ""

    def _busy(self, order: VolumeOrder) -> str:
        running = [one for one in self._orders.values() if not one.ended.is_set()]
        if any(one.target == order.target for one in running):
            return f"another order about {order.target} is under way"
        if len(running) >= RUNNING_MAX:
            return f"{RUNNING_MAX} orders are under way: wait for one of them"
        return ""

    def _forget(self) -> None:
        """Forget the oldest ends. What is under way is never among so many."""
        over = [number for number, one in self._orders.items() if one.ended.is_set()]
        for number in over[: max(0, len(self._orders) - KEPT_MAX + 1)]:
            del self._orders[number]

    async def _follow(self, order: VolumeOrder, errand: Errand) -> None:
        """Have an order carried out, and keep its end."""
        try:
            order.finding = await errand.done(order.wish)
        except DoctorError as error:
            order.finding = Finding(End.UNKNOWN, f"it could not be read back: {error}", LOOK)
        except Exception:
            order.finding = Finding(End.UNKNOWN, "internal error: see the daemon's log", LOOK)
            self._ward.tools.metrics.bugs.inc()
            log.exception("internal error", what=f"cinder {order.name}")

    def _ended(self, order: VolumeOrder, task: asyncio.Task[None]) -> None:
        """Log the end of an order, whatever that is: it may have been stopped before it began."""
        self._tasks.discard(task)
        stopped = Finding(End.UNKNOWN, "the daemon was stopped meanwhile", LOOK)
        order.finding = found = order.finding or stopped
        order.ended.set()
        told = {"order": f"cinder {order.name}", "target": order.target, "by": order.by}
        log.info("an order has ended", **told, end=found.end.value, text=found.text)

    async def _soon(self, question: Awaitable[T]) -> T:
        """Bound a question that a person waits for."""
        try:
            async with asyncio.timeout(self._patience.question_s):
                return await question
        except TimeoutError:
            limit_s = self._patience.question_s
            msg = (
                f"Cinder has not answered within {limit_s:g} s. A service that died and "
                "is up in its eyes still keeps questions for log levels waiting: ask for one host"
            )
            raise Temporary(msg) from None
