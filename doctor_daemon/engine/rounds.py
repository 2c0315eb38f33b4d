"""One question a round for all hosts: how the evacuations stand that are under way.

Whoever asks is answered by a list that was begun after it asked, and everybody who asks meanwhile
by the same one. So twenty hosts cost Nova no more than one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from doctor_daemon.core.evacuation import Migration
from doctor_daemon.core.instant import Instant
from doctor_daemon.ports import Clock, Controller

OVERLAP_S = 120.0
"""How far back each list reaches beyond the last: Nova's clock may differ from ours by as much."""
KEPT_MAX = 20_000
Key = tuple[str, int]
"""Source and number: each cell counts for itself, and no host is in two."""
Rows = Mapping[Key, Migration]


class Rounds:
    """Asks for what changed, keeps what it has seen, and shares each answer."""

    def __init__(self, nova: Controller, clock: Clock, every_s: Callable[[], float]) -> None:
        """Ask at most every so many seconds."""
        self._nova = nova
        self._clock = clock
        self._every_s = every_s
        self._next: asyncio.Task[Rows] | None = None
        self._asking: set[asyncio.Task[Rows]] = set()
        self._asked_at: Instant | None = None
        self._covered_wall_s: float | None = None
        """Up to where, by our clock, every change has been seen."""
        self._rows: dict[Key, Migration] = {}

    async def fresh(self) -> Rows:
        """Return what is known with a list that is begun after this call. Raise DoctorError."""
        if self._next is None:
            self._next = asyncio.create_task(self._round(self._asked_at))
            self._asking.add(self._next)
            self._next.add_done_callback(self._ended)
        return await asyncio.shield(self._next)

    def close(self) -> None:
        """Ask no more."""
        for task in self._asking:
            task.cancel()

    async def _round(self, last: Instant | None) -> Rows:
        """Wait for the pace, let nobody join any more, and ask."""
        if last is not None:
            await self._clock.sleep_until(last.plus(self._every_s()))
        self._next, now = None, self._clock.now()
        self._asked_at = now
        since_s = now.wall_s if self._covered_wall_s is None else self._covered_wall_s
        rows = await self._nova.changed_evacuations(since_s - OVERLAP_S)
        self._covered_wall_s = now.wall_s
        self._rows.update({(row.source, row.id): row for row in rows})
        if len(self._rows) > KEPT_MAX:
            newest = sorted(self._rows, key=lambda key: key[1])[-KEPT_MAX:]
            self._rows = {key: self._rows[key] for key in newest}
        return self._rows

    def _ended(self, task: asyncio.Task[Rows]) -> None:
        """Forget a question that has ended; whoever asked it may have gone."""
        self._asking.discard(task)
        if not task.cancelled():
            task.exception()
