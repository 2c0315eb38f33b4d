"""Incidents that are over, and what was told of them, as they are kept in etcd.

There may be a hundred thousand of them, and a daemon that starts needs none. They are read when it
works already; and of each the short alone is known, until somebody asks for the whole.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.errors import Conflict, Permanent
from doctor_daemon.ports import Change, Heading, NoticeRow, Wanted
from doctor_daemon.stores.changes import check_new
from doctor_daemon.stores.contents import Ended, Return
from doctor_daemon.stores.etcd_values import (
    CHANGE,
    OPENED,
    SHORT,
    Opened,
    Short,
    packed,
    unpacked,
)
from doctor_daemon.stores.lately import fits
from doctor_daemon.stores.saved import Saved

BREATHER = 20
"""After so many incidents that were read whole everybody else has his turn."""
Told = tuple[int, NoticeRow]
"""A notice, and the order of the commit that made it."""


@dataclass(frozen=True, slots=True)
class Over:
    """One incident that is over: the short of it, and the whole as it is in etcd."""

    short: Short
    body: bytes

    def whole(self) -> tuple[Incident, Sequence[NoticeRow]]:
        """Read it. Raise Permanent if it cannot be read."""
        head, _, parts = unpacked(self.body).partition("\n")
        opened, change = OPENED.loads(head), CHANGE.loads(parts)
        if len(change.notices) != len(self.short.orders):
            raise Permanent("etcd: an incident that is over has other notices than its short says")
        saved = Saved(opened.head)
        saved.put(opened.head, change)
        return saved.whole(), change.notices

    def value(self) -> bytes:
        """Return it as it is in etcd."""
        return SHORT.dumps(self.short).encode() + b"\n" + self.body

    def heading(self) -> Heading:
        """Return the short of it, as lists have it."""
        short = self.short
        ended_s = short.ended_wall_s
        return Heading(short.id, short.host, short.phase, short.opened_wall_s, ended_s, short.text)


def over(saved: Saved, order: int, told: Sequence[Told]) -> Over:
    """Return an incident as it is kept when it is over, with what was told of it."""
    brief, head = saved.heading(), saved.head
    short = Short(
        id=brief.id,
        host=brief.host,
        order=order,
        phase=brief.phase,
        opened_wall_s=brief.opened_wall_s,
        ended_wall_s=head.phase_at.wall_s,
        text=brief.text,
        came_back=head.release.returns > 0,
        notices=tuple(row.id for _, row in told),
        orders=tuple(order for order, _ in told),
    )
    parts = Change(
        entries=tuple(saved.entries.values()),
        servers=tuple(saved.servers.values()),
        evacuations=tuple(saved.evacuations.values()),
        notices=tuple(row for _, row in told),
    )
    text = f"{OPENED.dumps(Opened(order, head))}\n{CHANGE.dumps(parts)}"
    return Over(short, packed(text))


def read(value: bytes) -> Over:
    """Return what a value in etcd holds. Raise Permanent if its short cannot be read."""
    short, line, body = value.partition(b"\n")
    if not line:
        raise Permanent("etcd: an incident that is over has no short, or nothing else")
    return Over(SHORT.loads(short.decode(errors="replace")), body)


class Past:
    """All incidents that are kept so."""

    def __init__(self) -> None:
        """Begin empty."""
        self._over: dict[IncidentId, Over] = {}
        self._of: dict[str, IncidentId] = {}
        self._sorted = True

    def __contains__(self, id_: object) -> bool:
        return id_ in self._over

    def add(self, some: Iterable[Over]) -> None:
        """Take some."""
        self._sorted = False
        for one in some:
            self._over[one.short.id] = one
            self._of.update(dict.fromkeys(one.short.notices, one.short.id))

    def drop(self, id_: IncidentId) -> None:
        """Keep this one no more."""
        gone = self._over.pop(id_, None)
        for notice in gone.short.notices if gone else ():
            self._of.pop(notice, None)

    def check(self, change: Change) -> None:
        """Raise Conflict for an incident that is over, or a notice that was told."""
        if change.head is not None and change.head.id in self._over:
            raise Conflict(f"incident {change.head.id} is over")
        check_new("notice", [row.id for row in change.notices], self._of)

    def find(self, id_: IncidentId) -> Incident | None:
        """Return one whole. Raise Permanent if it cannot be read."""
        found = self._over.get(id_)
        return found.whole()[0] if found else None

    def newest(self, host: HostId | None) -> Iterator[tuple[int, Heading]]:
        """Yield the newest first, with the orders of their opening."""
        if not self._sorted:
            by_order = sorted(self._over.items(), key=lambda item: item[1].short.order)
            self._over, self._sorted = dict(by_order), True
        for one in reversed(self._over.values()):
            if host in (None, one.short.host):
                yield one.short.order, one.heading()

    def all(self) -> Iterator[Over]:
        """Yield all that are kept."""
        return iter(self._over.values())

    def ended(self) -> Iterator[Ended]:
        """Yield when each ended."""
        return ((one.short.ended_wall_s, id_) for id_, one in self._over.items())

    def opened(self) -> Iterator[float]:
        """Yield when each was opened, by the wall clock."""
        return (one.short.opened_wall_s for one in self._over.values())

    def returned(self) -> Iterator[Return]:
        """Yield those in which a host came back."""
        shorts = (one.short for one in self._over.values())
        return ((short.host, short.ended_wall_s) for short in shorts if short.came_back)

    async def told(self, wanted: Wanted, limit: int, beside: Collection[Told]) -> list[Told]:
        """Return the newest notices that are asked for, and these beside them, newest first."""
        found = sorted(beside, key=_age)
        if not limit or wanted.state not in (None, "delivered"):
            return found[:limit]
        for number, one in enumerate(self._asked(wanted.ids)):
            if len(found) >= limit and found[limit - 1][0] > max(one.short.orders):
                break
            for order, row in reversed(tuple(zip(one.short.orders, one.whole()[1], strict=True))):
                if fits(row, wanted):
                    insort(found, (order, replace(row, body="")), key=_age)
            if number % BREATHER == 0:
                await asyncio.sleep(0)
        return found[:limit]

    def _asked(self, ids: frozenset[str] | None) -> list[Over]:
        """Return those of which something was told, the last told of first."""
        named = self._over if ids is None else {self._of[id_] for id_ in ids if id_ in self._of}
        some = (self._over[id_] for id_ in named)
        told = (one for one in some if one.short.orders)
        return sorted(told, key=lambda one: max(one.short.orders), reverse=True)


def _age(told: Told) -> int:
    return -told[0]
