"""Delivery: every saved notice is told at least once, in order for each host, or shown as dead.

Each consumer has a lane of its own, so a slow one delays nobody else, and nothing here is ever
waited for by fencing. A notice that is given up stops blocking its successors, and they say so. An
operator can have it told once more; it comes late then, behind whatever its host has had since.
Acknowledgements are written in batches: losing one repeats the same id and body.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Delivery, NoticeRow, Notifier

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Delivering:
    """How hard a consumer is tried."""

    give_up_s: float = 3600.0
    """A notice that could not be delivered for so long is dead."""
    at_once: int = 16
    """Hosts whose notices are under way to one consumer at a time."""
    ack_every_s: float = 0.05
    backoff_max_s: float = 60.0
    late_max: int = 200
    """Notices that were given up and are told once more, of one consumer at a time."""
    count_every_s: float = 600.0
    """What is dead is counted when there is more or less of it, and so often besides: it ages."""


class Outbox:
    """All lanes. `put` never waits."""

    def __init__(
        self,
        ward: Ward,
        bug: Callable[[str, Exception], None],
        limits: Delivering | None = None,
    ) -> None:
        """Make a lane for each consumer; every bug that is met is told to `bug`."""
        self._ward = ward
        self._limits = limits or Delivering()
        self._lanes = {
            name: Lane(notifier, ward, self._limits, self._acks_put, bug)
            for name, notifier in ward.tools.notifiers.items()
        }
        self._acks: list[Delivery] = []
        self._acked = asyncio.Event()
        self._saving = asyncio.Lock()
        """Held while deliveries are saved: one that is replayed is not noted as dead after that."""
        self._recount = asyncio.Event()
        self.given_up: Mapping[str, int] = {}
        """How many dead notices are kept, by consumer, as last counted."""

    def put(self, rows: Iterable[NoticeRow]) -> None:
        """Take saved notices. One for a consumer that is no longer configured stays pending."""
        for row in rows:
            lane = self._lanes.get(row.consumer)
            if lane is not None:
                lane.put(row)

    async def replay(self, ids: Collection[str]) -> tuple[NoticeRow, ...]:
        """Have dead notices told again, durably and at once; return those that are.

        One that is under way already is not told twice.
        """
        async with self._saving:
            store, term = self._ward.tools.store, self._ward.term
            rows = tuple(await store.replay(ids, term=term))
            again = {row.id for row in rows}
            # Written by now, or overtaken: said twice it would bury the notice once more.
            self._acks = [a for a in self._acks if a.state != "dead" or a.id not in again]
        for row in rows:
            log.info("notice replayed", consumer=row.consumer, notice=row.id)
        self.put(row for row in rows if not self.holds(row))
        self._recount.set()
        return rows

    def holds(self, row: NoticeRow) -> bool:
        """Tell whether a notice is waiting here, under way, or told and not noted as told yet."""
        if any(ack.id == row.id and ack.state == "delivered" for ack in self._acks):
            return True
        lane = self._lanes.get(row.consumer)
        return lane is not None and lane.holds(row)

    def room(self, consumer: str) -> int | None:
        """Return how many more notices of a consumer may be told late; None: it is not known."""
        lane = self._lanes.get(consumer)
        return None if lane is None else max(0, self._limits.late_max - lane.late)

    def resume(self, gaps: Iterable[tuple[str, HostId]]) -> None:
        """Remember after which lost notices the next one has to say so."""
        for consumer, host in gaps:
            lane = self._lanes.get(consumer)
            if lane is not None:
                lane.gaps.add(host)

    def _acks_put(self, delivery: Delivery) -> None:
        self._acks.append(delivery)
        self._acked.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes.values():
                tasks.create_task(lane.run())
            tasks.create_task(self._acknowledge())
            tasks.create_task(self._count_dead())

    async def _count_dead(self) -> None:
        while True:
            self._recount.clear()
            try:
                self.given_up = await self._ward.tools.store.given_up()
                for name in {*self._lanes, *self.given_up}:
                    gauge = self._ward.tools.metrics.dead_kept.labels(name)
                    gauge.set(self.given_up.get(name, 0))
            except Temporary as error:
                log.warning("dead notices not counted", error=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.count_every_s):
                    await self._recount.wait()

    async def _acknowledge(self) -> None:
        while True:
            await self._acked.wait()
            await asyncio.sleep(self._limits.ack_every_s)
            await self.flush()

    async def flush(self) -> None:
        """Save the deliveries that are not saved yet; what fails is tried with the next."""
        async with self._saving:
            self._acked.clear()
            batch, self._acks = self._acks, []
            try:
                if batch:
                    await self._ward.tools.store.deliveries(batch, term=self._ward.term)
            except Temporary as error:
                self._acks = batch + self._acks
                self._acked.set()
                log.warning("deliveries not saved yet", error=str(error))
        if any(delivery.state == "dead" for delivery in batch):
            self._recount.set()


class Lane:
    """One consumer: hosts side by side, the notices of one host in order."""

    def __init__(
        self,
        notifier: Notifier,
        ward: Ward,
        limits: Delivering,
        done: Callable[[Delivery], None],
        bug: Callable[[str, Exception], None],
    ) -> None:
        """Begin empty."""
        self._bug = bug
        self._notifier = notifier
        self._ward = ward
        self._limits = limits
        self._done = done
        self._queues: dict[HostId, deque[NoticeRow]] = {}
        self.late = 0
        """How many of them are told once more."""
        self._ready: asyncio.Queue[HostId] = asyncio.Queue()
        self.gaps: set[HostId] = set()
        """Hosts whose last notice was given up."""
        self._left: dict[tuple[str, str], int] = {}
        self._begun: set[tuple[str, str]] = set()

    def put(self, row: NoticeRow) -> None:
        """Queue a notice behind the others of its host."""
        key = (row.incident, row.kind)
        if row.late:
            self.late += 1
        else:
            self._left[key] = self._left.get(key, 0) + 1
        queue = self._queues.get(row.host)
        if queue is None:
            self._queues[row.host] = deque([row])
            self._ready.put_nowait(row.host)
        else:
            queue.append(row)
        self._count()

    def holds(self, row: NoticeRow) -> bool:
        """Tell whether a notice is in here."""
        return any(held.id == row.id for held in self._queues.get(row.host, ()))

    def _count(self) -> None:
        pending = sum(len(queue) for queue in self._queues.values())
        self._ward.tools.metrics.outbox.labels(self._notifier.name).set(pending)

    async def run(self) -> None:
        """Deliver until cancelled, for several hosts at once."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._limits.at_once):
                tasks.create_task(self._work())

    async def _work(self) -> None:
        while True:
            host = await self._ready.get()
            while queue := self._queues.get(host):
                await self._deliver(queue[0])
                self.late -= queue.popleft().late
                if not queue:
                    del self._queues[host]
                self._count()

    async def _deliver(self, row: NoticeRow) -> None:
        """Try one notice until it is delivered or given up."""
        if not row.late:  # which says nothing of those that come after it
            row = replace(row, gap_before=row.gap_before or row.host in self.gaps)
        clock, began = self._ward.tools.clock, self._ward.tools.clock.now()
        while True:
            asked = clock.now()
            await self._ward.led()
            began = began.plus(clock.now().since(asked))  # that time is nobody's
            error = await self._try(row)
            if error is None:
                if not row.late:
                    self.gaps.discard(row.host)
                return self._delivered(row)
            row = replace(row, attempts=row.attempts + 1, error=str(error)[:300])
            tried_s = clock.now().since(began)  # by this daemon: each gives it its time
            if isinstance(error, Permanent) or tried_s > self._limits.give_up_s:
                self.gaps.add(row.host)
                return self._dead(row)
            await clock.sleep_until(clock.now().plus(self._pause_s(row.attempts, error)))

    async def _try(self, row: NoticeRow) -> Temporary | Permanent | None:
        counter = self._ward.tools.metrics.deliveries
        try:
            await self._notifier.deliver(row)
        except (Temporary, Permanent) as error:
            counter.labels(self._notifier.name, type(error).__name__.lower()).inc()
            return error
        except Exception as error:  # noqa: BLE001 - containment: one consumer's lane waits
            self._bug(f"notice to {self._notifier.name}", error)
            counter.labels(self._notifier.name, "bug").inc()
            return Temporary(f"internal error: {type(error).__name__}")
        counter.labels(self._notifier.name, "delivered").inc()
        return None

    def _pause_s(self, attempts: int, error: Temporary | Permanent) -> float:
        """Back off; a consumer that says when to come again is believed, within the limit."""
        asked_s = getattr(error, "retry_after_s", None) or 0.0
        backoff_s = 0.5 * 2.0 ** min(attempts - 1, 16)
        return min(max(backoff_s, asked_s), self._limits.backoff_max_s)

    def _delivered(self, row: NoticeRow) -> None:
        self._observe(row, self._ward.tools.clock.now())
        self._done(Delivery(row.id, "delivered", row.attempts + 1))

    def _dead(self, row: NoticeRow) -> None:
        if not row.late:
            self._settle(row)
        self._ward.tools.metrics.dead.labels(self._notifier.name).inc()
        log.error("notice given up", consumer=row.consumer, notice=row.id, error=row.error)
        self._done(Delivery(row.id, "dead", row.attempts, row.error))

    def _observe(self, row: NoticeRow, now: Instant) -> None:
        """Tell how long the first and the last notice of an incident's kind took."""
        if row.late:
            return  # how long an operator took says nothing of how quick the daemon is
        first, last = self._settle(row)
        if row.evidence_at is None or now.boot_id != row.evidence_at.boot_id:
            return
        took_s = now.since(row.evidence_at)
        histogram = self._ward.tools.metrics.notice
        for which, told in (("first", first), ("last", last)):
            if told:
                histogram.labels(self._notifier.name, row.kind, which).observe(took_s)

    def _settle(self, row: NoticeRow) -> tuple[bool, bool]:
        """Count a notice off; tell whether it was the first and the last of its kind."""
        key = (row.incident, row.kind)
        left = self._left.get(key, 1) - 1
        first = key not in self._begun
        if left > 0:
            self._left[key] = left
            self._begun.add(key)
        else:
            self._left.pop(key, None)
            self._begun.discard(key)
        return first, left <= 0
