"""Operators' questions and orders about Cinder's services.

An order outlives the request that gave it: Cinder takes a minute over a freeze of a cinder-volume
that died, and a failover as long as its driver does. So each is a task with a number, by which its
end is asked for. It is saved before anything is sent, and with its end. One that a daemon left
without an end is not taken up again by the next, for it is Cinder's by then: it is read back, and
what has become of it is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import structlog

from doctor_daemon.core import audit_orders
from doctor_daemon.core.audit import Line
from doctor_daemon.core.host import HostId, Mode
from doctor_daemon.core.log_levels import LevelWish, LogScope
from doctor_daemon.core.raised_levels import unraised
from doctor_daemon.core.volume_orders import LOOK, ORDER, VolumeOrder
from doctor_daemon.core.volumes import End, Finding, VolumeService, Wish
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.errand import Errand, Patience
from doctor_daemon.engine.pursuit import Pursued, soon
from doctor_daemon.engine.quieting import Quieting
from doctor_daemon.engine.reservations import hold_of
from doctor_daemon.engine.saving import again_s
from doctor_daemon.engine.storage_views import shown
from doctor_daemon.engine.ward import concealed
from doctor_daemon.errors import DoctorError, Permanent, Temporary
from doctor_daemon.ports import Change, Storage

RUNNING_MAX, KEPT_MAX = 8, 100

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class VolumeOrders:
    """The operators' way to Cinder. Without a `storage` in the configuration all is refused."""

    def __init__(
        self, engine: Engine, storage: Storage | None, patience: Patience | None = None
    ) -> None:
        """Act by a running engine's permits, and with so much patience."""
        self._patience = patience or Patience()
        self._engine = engine
        self._ward = engine.ward
        self._known = storage
        self._orders: dict[int, Pursued] = {}
        self._last, self.known = 0, False
        if engine.ready.is_set():
            self._know()
        self._tasks: set[asyncio.Task[None]] = set()
        self._quieting = Quieting(
            engine,
            self._errand,
            self._raised,
            self._quieted,
            self._patience.quieting_every_s,
        )

    def resume(self) -> None:
        """Begin to say what has become of orders that an earlier daemon left without an end.

        They are known once the engine is ready; until then no order is taken.
        """
        self._know()
        for one in self._orders.values():
            if one.order.finding is None:
                log.warning("an order was left under way", **one.told())
                self._begin(one, self._left(one))
            else:
                one.ended.set()
        quieting = asyncio.create_task(self._quieting.run())
        self._tasks.add(quieting)

    def _know(self) -> None:
        if not self.known:
            self._orders = {order.number: Pursued(order) for order in self._ward.stock.orders}
            self._last, self.known = max(self._orders, default=0), True

    # questions

    async def services(self, host: str = "", binary: str = "") -> list[dict[str, Any]]:
        """List Cinder's services. Raise a DoctorError."""
        return [
            asdict(row) for row in await soon(self._storage.services(host, binary), self._patience)
        ]

    async def log_levels(self, scope: LogScope) -> list[dict[str, Any]]:
        """Read log levels. Raise a DoctorError."""
        return [asdict(one) for one in await soon(self._storage.log_levels(scope), self._patience)]

    async def look(self, number: int, wait_s: float) -> dict[str, Any]:
        """Say how an order stands, after waiting a little for its end. Raise Permanent."""
        one = self._orders.get(number)
        if one is None:
            msg = f"the daemon knows no order {number} (any more)"
            raise Permanent(msg)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await one.ended.wait()
        return one.shown()

    # orders

    async def give(
        self, wish: Wish | LevelWish, by: str, why: str, until: HostId | None = None
    ) -> VolumeOrder:
        """Save an order and begin to carry it out. Raise Permanent where it may not be.

        `until`: log levels are put back once nothing of this host is open any more. Raise Temporary
        where it cannot be saved: then nothing is done.
        """
        errand = self._errand()
        now, number = self._ward.tools.clock.now(), self._last + 1
        self._ward.standpoint.attentive(now)
        level = wish if isinstance(wish, LevelWish) else None
        service = wish if isinstance(wish, Wish) else None
        one = Pursued(VolumeOrder(number, by, why, now, service, level, until=until))
        if refused := self._shut(wish) or self._busy(one.order) or self._untimely(until):
            raise Permanent(refused)
        self._forget()
        self._last, self._orders[number] = number, one
        self._ward.stock.errands.take(one.order.owner, hold_of(one.order))
        try:
            await self._save(one.order, audit_orders.given(one.order, self._ward.term))
        except BaseException:
            self._ward.stock.errands.release(one.order.owner)
            del self._orders[number]
            raise
        noted = partial(self._risked, one)
        self._begin(one, self._follow(one, wish, replace(errand, noted=noted)))
        return one.order

    def host(self, name: str) -> HostId | None:
        """Return the configured host of that name or alias."""
        return self._engine.desk.host(name)

    async def dismiss(self, service: str, by: str, why: str) -> dict[str, Any]:
        """End what is asked of a human about a service. Raise Permanent or Temporary."""
        return shown(await self._engine.storekeeper.dismiss(service, by, why), self._ward)

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

    def _errand(self) -> Errand:
        if not self.known:
            raise Temporary("what was ordered before is not known yet")
        ward = self._ward
        return Errand(self._storage, self._shut, ward.permit, ward.confirmed, self._patience)

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
        running = [one.order for one in self._orders.values() if not one.ended.is_set()]
        if (other := self._ward.stock.errands.blocker(order.owner, hold_of(order))) is not None:
            if other.owner.startswith(ORDER):
                return f"another order about {other.hold.name} is under way"
            return f"the daemon itself is at work on {other.hold.name}"
        if len(running) >= RUNNING_MAX:
            return f"{RUNNING_MAX} orders are under way: wait for one of them"
        return ""

    def _untimely(self, until: HostId | None) -> str:
        if until is None or self._quieting.is_open(until):
            return ""
        return f"nothing of {until} is open: leave --until out"

    def _raised(self) -> list[VolumeOrder]:
        """Return the orders whose log levels are still to be put back, be they raised already."""
        orders = [one.order for one in self._orders.values()]
        return [one for one in orders if one.until and not one.over]

    async def _quieted(self, order: VolumeOrder) -> None:
        await self._save(order)
        self._orders[order.number].order = order

    def _forget(self) -> None:
        """Forget the oldest ends. What is under way is never among so many."""
        over = [number for number, one in self._orders.items() if one.order.over]
        for number in over[: max(0, len(self._orders) - KEPT_MAX + 1)]:
            del self._orders[number]

    def _begin(self, one: Pursued, work: Coroutine[Any, Any, None]) -> None:
        self._ward.stock.errands.take(one.order.owner, hold_of(one.order))
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._over, one))

    async def _follow(self, one: Pursued, wish: Wish | LevelWish, errand: Errand) -> None:
        async def work() -> Finding:
            if isinstance(wish, LevelWish) and one.order.until is not None:
                try:
                    found = await errand.storage.log_levels(wish.scope)
                    kept = [other.before for other in self._raised()]
                    one.order = replace(one.order, before=unraised(found, kept))
                    await self._save(one.order)
                except DoctorError as error:
                    return Finding(End.REFUSED, f"nothing was sent: {error}")
            return await errand.done(wish)

        await self._ended(one, work)

    async def _left(self, one: Pursued) -> None:
        """Read back what an earlier daemon had begun."""
        order = one.order

        async def read() -> Finding:
            errand = self._errand()
            wish = order.wish or order.levels
            if wish is None:
                return Finding(End.UNKNOWN, "nothing is known of it", LOOK)
            return await errand.left(wish, order.kept)

        await self._ended(one, read)

    async def _ended(self, one: Pursued, work: Callable[[], Awaitable[Finding]]) -> None:
        """Have an order come to its end, tell it, and save it, however often that takes."""
        try:
            finding = await work()
        except DoctorError as error:
            finding = Finding(End.UNKNOWN, str(error), LOOK)
        except Exception:
            finding = Finding(End.UNKNOWN, "internal error: see the daemon's log", LOOK)
            self._ward.tools.metrics.bugs.inc()
            log.exception("internal error", what=f"cinder {one.order.name}")
        one.order = replace(one.order, finding=finding)
        now, term = self._ward.tools.clock.now(), self._ward.term
        line = audit_orders.ended(one.order, finding, now, term)
        self._tell(one)
        failures = 0
        while True:
            try:
                return await self._save(one.order, line)
            except Temporary as error:
                failures += 1
                log.warning("an order's end is not saved yet", error=str(error), **one.told())
                await asyncio.sleep(again_s(self._ward.rules.policy, failures, one.order.name))

    async def _risked(self, one: Pursued, rows: Sequence[VolumeService]) -> None:
        """Save whose disabling an order may undo, before it is sent."""
        one.order = replace(one.order, kept=tuple(rows))
        await self._save(one.order)

    async def _save(self, order: VolumeOrder, *said: Line) -> None:
        change = Change(orders=(order,), audit=tuple(map(concealed, said)))
        await self._ward.tools.store.commit(change, term=self._ward.term)

    def _tell(self, one: Pursued) -> None:
        """Log the end of an order, with who gave it and why."""
        found = one.order.finding or Finding(End.UNKNOWN, "nothing is known of it", LOOK)
        say = log.info if found.end is End.ACHIEVED else log.warning
        text = found.text or "Cinder has not said why"
        told = {"end": found.end.value, "text": text, "advice": found.advice}
        say("an order has ended", **one.told(), **told)
        self._ward.stock.errands.release(one.order.owner)
        one.ended.set()

    def _over(self, one: Pursued, task: asyncio.Task[None]) -> None:
        """See to an order that was stopped: the next daemon says what has become of it."""
        self._tasks.discard(task)
        if not one.ended.is_set():
            words = "the daemon was stopped meanwhile: the next one reads it back"
            one.order = replace(one.order, finding=Finding(End.UNKNOWN, words, LOOK))
            self._tell(one)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # the store is closed, or another daemon's
            log.error("an order's end cannot be saved", error=str(error), **one.told())
