"""The way of evidence to the desk: a lane for each source, so that none waits behind another's.

Of one source only so many statements are handed in at a time; the rest of a flood waits in that
source's own lane, which has an end. There, a statement that says once more of a host what the last
one about it says is put to that one: both are folded as one word, the later one, and saved by the
same commit, and each has its own receipt. Words that differ keep their order.

Whoever stops waiting takes nothing back that is handed in; what still waits is left out. So it is
where a source is in force no more: what waits in its lane was said under terms of before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from doctor_daemon.core.evidence import OPERATOR, Evidence
from doctor_daemon.core.host import HostId
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Receipt
from doctor_daemon.ports.intake import Crowded

UNDER_WAY_MAX = 64
"""Statements of one source that are handed in and not saved yet. All sources together have to
leave room for the cases' own saves in the store's queue."""
WAITING_MAX = 5000
"""Statements of one source that wait for that, covered ones too."""

STOPPING = "the daemon is stopping"

_About = tuple[HostId, str, str]
Place = Callable[[Sequence[Evidence]], Awaitable[Sequence[Receipt]]]
"""Makes alike statements durable, the one that counts last; returns their receipts in order."""


@dataclass(slots=True)
class _Statement:
    """What one source says of one host, once or several times."""

    words: list[Evidence]
    receipts: list[asyncio.Future[Receipt]] = field(default_factory=list)

    def takes(self, one: Evidence) -> bool:
        """Tell whether another piece of evidence says the same."""
        last = self.words[-1]
        mine, other = last.serial is None, one.serial is None
        same = (last.verdict, last.trust, last.source) == (one.verdict, one.trust, one.source)
        return same and mine == other and (last.claimed_s is None) == (one.claimed_s is None)

    def live(self) -> list[tuple[Evidence, asyncio.Future[Receipt]]]:
        """Return what is still waited for, in the order of the source's own count or clock."""
        pairs = zip(self.words, self.receipts, strict=True)
        return sorted((pair for pair in pairs if not pair[1].done()), key=_order)


def _order(pair: tuple[Evidence, object]) -> tuple[int, int, float]:
    one = pair[0]
    epoch, number = (one.serial.epoch, one.serial.number) if one.serial else (0, 0)
    return epoch, number, one.claimed_s or 0.0


def lane_of(evidence: Evidence) -> str:
    """Return whose lane evidence takes: its source's, and one for all operators."""
    return "operator" if evidence.source.startswith(OPERATOR) else evidence.source


class _Lane:
    """One source's."""

    def __init__(self, source: str, place: Place) -> None:
        self.source = source
        self.waiting = 0
        """Statements that are not handed in yet."""
        self._place = place
        self._queue: deque[_Statement] = deque()
        self._last: dict[_About, _Statement] = {}
        """Of those that wait, the last about each host."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def under_way(self) -> int:
        return len(self._tasks)

    def put(self, evidence: Sequence[Evidence]) -> list[asyncio.Future[Receipt]]:
        """Put all of it in the lane, or nothing. Raise Crowded."""
        if self.waiting + len(evidence) > WAITING_MAX:
            raise Crowded(f"{self.source}: {self.waiting} statements of it wait already")
        loop, receipts = asyncio.get_running_loop(), list[asyncio.Future[Receipt]]()
        for one in evidence:
            about = one.host, one.kind, one.fingerprint
            known = self._last.get(about)
            if known is None or not known.takes(one):
                known = self._last[about] = _Statement([])
                self._queue.append(known)
            known.words.append(one)
            known.receipts.append(loop.create_future())
            receipts.append(known.receipts[-1])
        self.waiting += len(evidence)
        self._go_on()
        return receipts

    def empty(self, why: Exception) -> None:
        """Hand in nothing of what waits: its senders are told why."""
        for statement in self._queue:
            for waiter in _undone(statement.receipts):
                waiter.set_exception(why)
        self._queue.clear()
        self._last.clear()
        self.waiting = 0

    async def close(self) -> None:
        """End what is being handed in, and hand in nothing more: the senders are told why."""
        self.empty(Temporary(STOPPING))
        await _cancelled(self._tasks)

    def _go_on(self) -> None:
        """Hand in as much as may be."""
        while self._queue and len(self._tasks) < UNDER_WAY_MAX:
            statement = self._queue.popleft()
            first = statement.words[0]
            about = first.host, first.kind, first.fingerprint
            if self._last.get(about) is statement:
                del self._last[about]
            self.waiting -= len(statement.words)
            if statement.live():
                task = asyncio.create_task(self._hand_in(statement))
                self._tasks.add(task)
                task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():  # as all are when the daemon ends
            self._go_on()

    async def _hand_in(self, statement: _Statement) -> None:
        pairs = statement.live()
        if not pairs:
            return  # they have all given up since
        waiters = [receipt for _, receipt in pairs]
        try:
            receipts = await self._place([one for one, _ in pairs])
        except Exception as error:  # noqa: BLE001 - it is the waiters'
            for waiter in _undone(waiters):
                waiter.set_exception(error)
            return
        except asyncio.CancelledError:
            for waiter in _undone(waiters):
                waiter.set_exception(Temporary(STOPPING))
            raise
        for waiter, receipt in zip(waiters, receipts, strict=True):
            if not waiter.done():
                waiter.set_result(receipt)


def _undone(waiters: Iterable[asyncio.Future[Receipt]]) -> Iterator[asyncio.Future[Receipt]]:
    return (waiter for waiter in waiters if not waiter.done())


async def _cancelled(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks, and wait until they have ended."""
    some = [*tasks]
    for task in some:
        task.cancel()
    if some:
        await asyncio.wait(some)


class Records:
    """What leads to no incident is saved all the same: of each source in one commit at a time."""

    def __init__(self, save: Callable[[Sequence[Evidence]], Awaitable[None]]) -> None:
        """Have `save` make it durable."""
        self._save = save
        self._next: dict[str, tuple[list[Evidence], asyncio.Task[None]]] = {}
        self._now: dict[str, asyncio.Task[None]] = {}

    async def save(self, alike: Sequence[Evidence]) -> None:
        """Save evidence along with what else has come by then. Raise what saving raises.

        Raise Crowded where so much of the source waits for that already: who has stopped waiting
        has not taken his evidence back.
        """
        source = lane_of(alike[-1])
        if source in self._next and len(self._next[source][0]) >= WAITING_MAX:
            raise Crowded(f"{source}: {WAITING_MAX} statements of it wait to be saved already")
        if source not in self._next:
            self._next[source] = [], asyncio.create_task(self._commit(source))
            self._next[source][1].add_done_callback(_heeded)
        some, task = self._next[source]
        some += alike
        await asyncio.shield(task)

    async def close(self) -> None:
        """End what is being saved, and save nothing more."""
        await _cancelled([*self._now.values(), *(task for _, task in self._next.values())])

    async def _commit(self, source: str) -> None:
        before = self._now.get(source)
        if before is not None:
            await asyncio.wait((before,))
        some, self._now[source] = self._next.pop(source)
        try:
            await self._save(some)
        finally:
            if self._now[source] is asyncio.current_task():
                del self._now[source]


def _heeded(task: asyncio.Task[None]) -> None:
    """Take note of how it ended, be it that nobody waits for it any more."""
    if not task.cancelled():
        task.exception()


class Lanes:
    """The lanes of all sources."""

    def __init__(self, place: Place) -> None:
        """Hand in by `place`."""
        self._place = place
        self._lanes: dict[str, _Lane] = {}
        self._closed = False

    async def submit(self, source: str, evidence: Sequence[Evidence]) -> Sequence[Receipt]:
        """Hand in evidence of one source; return what became of it. Raise what `place` raises."""
        if self._closed:
            raise Temporary(STOPPING)
        for name in [one for one, lane in self._lanes.items() if not lane.under_way]:
            del self._lanes[name]
        lane = self._lanes.setdefault(source, _Lane(source, self._place))
        return await asyncio.gather(*lane.put(evidence))

    def empty(self, source: str, why: Exception) -> None:
        """Hand in nothing of what waits of a source: its senders are told why."""
        if source in self._lanes:
            self._lanes[source].empty(why)

    async def close(self) -> None:
        """End every lane: who is in one is told that the daemon stops, and who comes now."""
        self._closed = True
        for lane in self._lanes.values():
            await lane.close()

    def counts(self) -> Iterator[tuple[str, int, int]]:
        """Yield each busy source, how much of it waits, and how much is under way."""
        for name, lane in self._lanes.items():
            yield name, lane.waiting, lane.under_way
