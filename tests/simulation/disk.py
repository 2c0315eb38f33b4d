"""The store that takes time and fails: the shipped memory store behind a disk that does.

It also is the oracle's window: what is in it is what survives a crash, and every commit passes by.
One daemon has it for itself. Several have ways to it: `ways`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextvars import Context
from typing import TypeVar

from doctor_daemon.core.audit import Page
from doctor_daemon.core.context import Charge
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import (
    Change,
    Delivery,
    EvidenceRow,
    Heading,
    NoticeRow,
    Snapshot,
    Store,
    Wanted,
)
from tests.simulation.crash import Boundaries
from tests.simulation.faults import Swarm

T = TypeVar("T")


class Disk:
    """`ports.Store` over another one, with faults. It outlives every daemon of the seed."""

    def __init__(self, inner: Store, swarm: Swarm, boundaries: Boundaries) -> None:
        self.inner = inner
        self._swarm = swarm
        self._boundaries = boundaries
        self._snapshot: Snapshot | None = None
        self.saved: dict[IncidentId, Incident] = {}
        self.saving: Counter[HostId | None] = Counter()
        """Hosts of which something is being saved at this moment."""
        self.dead: set[str] = set()
        """Notices that are recorded as given up."""
        self.watch: Callable[[Incident | None, Change], None] = lambda before, change: None
        self.remote = swarm.random.random() < 0.5
        """Whether a server of its own keeps it, which stands not still with the daemon."""

    async def open(self) -> int:
        return await self.inner.open()

    async def load(self) -> Snapshot:
        return await self.inner.load()

    def shown(self) -> Snapshot:
        """Return what `load` does; it is the same one until something is written."""
        if self._snapshot is None:
            self._snapshot = at_once(self.inner.load())
        return self._snapshot

    async def commit(self, change: Change, *, term: int) -> None:
        swarm = self._swarm
        await self._boundaries.pass_by("crash-before-commit")
        context = Context() if self.remote else None
        with self._boundaries.pauses.call("save"):
            await asyncio.create_task(self._write(change, term), context=context)
        self._boundaries.pauses.decided(change.head)
        await self._boundaries.pass_by("crash-after-commit")
        if swarm.strikes("commit-seems-to-fail"):
            msg = "no answer from the disk"
            raise Temporary(msg)

    async def _write(self, change: Change, term: int) -> None:
        swarm = self._swarm
        slow = swarm.strikes("commit-slow")
        host = change.head.host if change.head else None
        self.saving[host] += 1
        try:
            await asyncio.sleep(swarm.seconds(2.0, 8.0) if slow else swarm.seconds(0.001, 0.05))
        finally:
            self.saving[host] -= 1
        if swarm.strikes("commit-fails"):
            msg = "disk full"
            raise Temporary(msg)
        await self.put(change, term)

    async def put(self, change: Change, term: int) -> None:
        """Write at once, and let the judge see it."""
        self._snapshot = None
        await self.inner.commit(change, term=term)
        head = change.head
        before = self.saved.get(head.id) if head else None
        if head:
            self.saved[head.id] = head
        self.watch(before, change)

    async def replace_charges(self, charges: Sequence[Charge], *, term: int) -> None:
        self._snapshot = None
        await self.inner.replace_charges(charges, term=term)

    async def deliveries(self, batch: Sequence[Delivery], *, term: int) -> None:
        await self._boundaries.pass_by("crash-before-commit", "of deliveries")
        await asyncio.sleep(self._swarm.seconds(0.001, 0.02))
        if self._swarm.strikes("commit-fails"):
            msg = "disk full"
            raise Temporary(msg)
        await self.note(batch, term)
        await self._boundaries.pass_by("crash-after-commit", "of deliveries")

    async def note(self, batch: Sequence[Delivery], term: int) -> None:
        """Write at once how deliveries stand."""
        self._snapshot = None
        await self.inner.deliveries(batch, term=term)
        self.dead.update(delivery.id for delivery in batch if delivery.state == "dead")

    async def find(self, id_: IncidentId) -> Incident | None:
        return await self.inner.find(id_)

    async def headings(self, host: HostId | None, limit: int) -> Sequence[Heading]:
        return await self.inner.headings(host, limit)

    async def said(self, source: str, limit: int) -> Sequence[EvidenceRow]:
        return await self.inner.said(source, limit)

    async def notices(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        return await self.inner.notices(wanted, limit)

    async def given_up(self) -> Mapping[str, int]:
        return await self.inner.given_up()

    async def replay(self, ids: Collection[str], *, term: int) -> Sequence[NoticeRow]:
        self._snapshot = None
        rows = await self.inner.replay(ids, term=term)
        self.dead.difference_update(row.id for row in rows)
        return rows

    async def audit(self, after: int, limit: int) -> Page:
        return await self.inner.audit(after, limit)

    async def prune(self, *, term: int) -> None:
        self._snapshot = None
        await self.inner.prune(term=term)

    async def close(self) -> None:
        await self.inner.close()

    def open_for(self, host: HostId) -> Incident | None:
        """Return the saved open incident of a host: what a restarted daemon would find."""
        for incident in self.saved.values():
            if incident.host == host and not incident.phase.final:
                return incident
        return None


def at_once(call: Coroutine[None, None, T]) -> T:
    """Run what awaits nothing; return what it does."""
    try:
        call.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    msg = "a call to memory awaits something"
    raise RuntimeError(msg)
