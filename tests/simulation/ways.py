"""One daemon's way to the store that several share: `ports.Store` with a `leadership`.

A write is done at the world's own moment, be its daemon awake, standing still or dead by then; and
only if that daemon still leads by the term that it says. What is unanswered may have been done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
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
    Wanted,
)
from tests.simulation.clocks import Clocks
from tests.simulation.disk import Disk, at_once
from tests.simulation.keeper import Keeper
from tests.simulation.leases import DeposedError
from tests.simulation.lines import WRITTEN_S

T = TypeVar("T")


class Way:
    """`ports.Store` of one process, over the one disk."""

    def __init__(self, disk: Disk, keeper: Keeper, clocks: Clocks) -> None:
        self.leadership = keeper
        self._disk, self._lease, self._line = disk, keeper.lease, keeper.line
        self._swarm, self._boundaries = keeper.line.swarm, keeper.line.boundaries
        self._clocks = clocks
        self._term = 0

    async def open(self) -> int:
        self._term = await self.leadership.claimed()
        return self._term

    async def load(self) -> Snapshot:
        return self._disk.shown()

    async def commit(self, change: Change, *, term: int) -> None:
        swarm = self._swarm
        await self._boundaries.pass_by("crash-before-commit")
        slow_s = swarm.seconds(2.0, 8.0) if swarm.strikes("commit-slow") else None
        host = change.head.host if change.head else None
        self._disk.saving[host] += 1
        with self._boundaries.pauses.call("save"):
            try:
                await self._written(lambda: self._disk.put(change, term), term, slow_s)
            finally:
                self._disk.saving[host] -= 1
        self._boundaries.pauses.decided(change.head)
        await self._boundaries.pass_by("crash-after-commit")
        if swarm.strikes("commit-seems-to-fail"):
            msg = "no answer from the disk"
            raise Temporary(msg)

    async def _written(
        self, write: Callable[[], Coroutine[None, None, T]], term: int, slow_s: float | None = None
    ) -> T:
        """Write at the store's own moment. Raise Conflict for one that leads no more."""

        def work() -> T:
            if self._swarm.strikes("commit-fails"):
                msg = "no space left"
                raise Temporary(msg)
            self._lease.check(self.leadership, term)
            with self._clocks.read_by(self._line.process):
                return at_once(write())

        seconds = slow_s if slow_s is not None else self._swarm.seconds(0.001, 0.05)
        try:
            return await self._line.asked(work, WRITTEN_S, slow_s=seconds)
        except DeposedError as error:
            self._swarm.note("write-of-one-deposed")
            self.leadership.end(str(error))
            raise

    async def replace_charges(self, charges: Sequence[Charge], *, term: int) -> None:
        await self._written(lambda: self._disk.replace_charges(charges, term=term), term)

    async def deliveries(self, batch: Sequence[Delivery], *, term: int) -> None:
        await self._boundaries.pass_by("crash-before-commit", "of deliveries")
        await self._written(lambda: self._disk.note(batch, term), term)
        await self._boundaries.pass_by("crash-after-commit", "of deliveries")

    async def replay(self, ids: Collection[str], *, term: int) -> Sequence[NoticeRow]:
        return await self._written(lambda: self._disk.replay(ids, term=term), term)

    async def prune(self, *, term: int) -> None:
        await self._written(lambda: self._disk.prune(term=term), term)

    async def find(self, id_: IncidentId) -> Incident | None:
        return await self._disk.find(id_)

    async def headings(self, host: HostId | None, limit: int) -> Sequence[Heading]:
        return await self._disk.headings(host, limit)

    async def said(self, source: str, limit: int) -> Sequence[EvidenceRow]:
        return await self._disk.said(source, limit)

    async def notices(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        return await self._disk.notices(wanted, limit)

    async def given_up(self) -> Mapping[str, int]:
        return await self._disk.given_up()

    async def audit(self, after: int, limit: int) -> Page:
        return await self._disk.audit(after, limit)

    async def close(self) -> None:
        await self.leadership.release()
