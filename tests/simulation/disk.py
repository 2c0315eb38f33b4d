"""The store that takes time and fails: the shipped memory store behind a disk that does.

It also is the oracle's window: what is in it is what survives a crash, and every commit passes by.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import Context

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


class Disk:
    """`ports.Store` over another one, with faults. It outlives every daemon of the seed."""

    def __init__(self, inner: Store, swarm: Swarm, boundaries: Boundaries) -> None:
        self._inner = inner
        self._swarm = swarm
        self._boundaries = boundaries
        self.saved: dict[IncidentId, Incident] = {}
        self.saving: Counter[HostId | None] = Counter()
        """Hosts of which something is being saved at this moment."""
        self.dead: set[str] = set()
        """Notices that are recorded as given up."""
        self.watch: Callable[[Incident | None, Change], None] = lambda before, change: None
        self._remote = swarm.random.random() < 0.5
        """Whether a server of its own keeps it, which stands not still with the daemon."""

    async def open(self) -> int:
        return await self._inner.open()

    async def load(self) -> Snapshot:
        return await self._inner.load()

    async def commit(self, change: Change, *, term: int) -> None:
        swarm = self._swarm
        await self._boundaries.pass_by("crash-before-commit")
        context = Context() if self._remote else None
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
        await self._inner.commit(change, term=term)
        self._note(change)

    def _note(self, change: Change) -> None:
        head = change.head
        before = self.saved.get(head.id) if head else None
        if head:
            self.saved[head.id] = head
        self.watch(before, change)

    async def replace_charges(self, charges: Sequence[Charge], *, term: int) -> None:
        await self._inner.replace_charges(charges, term=term)

    async def deliveries(self, batch: Sequence[Delivery], *, term: int) -> None:
        await self._boundaries.pass_by("crash-before-commit", "of deliveries")
        await asyncio.sleep(self._swarm.seconds(0.001, 0.02))
        if self._swarm.strikes("commit-fails"):
            msg = "disk full"
            raise Temporary(msg)
        await self._inner.deliveries(batch, term=term)
        self.dead.update(delivery.id for delivery in batch if delivery.state == "dead")
        await self._boundaries.pass_by("crash-after-commit", "of deliveries")

    async def find(self, id_: IncidentId) -> Incident | None:
        return await self._inner.find(id_)

    async def headings(self, host: HostId | None, limit: int) -> Sequence[Heading]:
        return await self._inner.headings(host, limit)

    async def said(self, source: str, limit: int) -> Sequence[EvidenceRow]:
        return await self._inner.said(source, limit)

    async def notices(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        return await self._inner.notices(wanted, limit)

    async def given_up(self) -> Mapping[str, int]:
        return await self._inner.given_up()

    async def replay(self, ids: Collection[str], *, term: int) -> Sequence[NoticeRow]:
        rows = await self._inner.replay(ids, term=term)
        self.dead.difference_update(row.id for row in rows)
        return rows

    async def audit(self, after: int, limit: int) -> Page:
        return await self._inner.audit(after, limit)

    async def prune(self, *, term: int) -> None:
        await self._inner.prune(term=term)

    async def close(self) -> None:
        await self._inner.close()

    def open_for(self, host: HostId) -> Incident | None:
        """Return the saved open incident of a host: what a restarted daemon would find."""
        for incident in self.saved.values():
            if incident.host == host and not incident.phase.final:
                return incident
        return None
