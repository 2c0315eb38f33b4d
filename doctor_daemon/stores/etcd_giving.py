"""What is in etcd as records, in the order in which any store gives them."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import NoticeRow
from doctor_daemon.ports.moving import Inventory, Record, Told
from doctor_daemon.stores.etcd_alone import Alone
from doctor_daemon.stores.etcd_audit import page
from doctor_daemon.stores.etcd_loading import after, load, rows
from doctor_daemon.stores.etcd_meaning import Compacted
from doctor_daemon.stores.etcd_past import Over, Past, read
from doctor_daemon.stores.etcd_putting import NAMED_MAX
from doctor_daemon.stores.etcd_rows import Loaded
from doctor_daemon.stores.etcd_values import PAST
from doctor_daemon.stores.moved_rows import small_records

READ_S = 900.0
AGAIN_S = 0.2
Place = tuple[int, int]
"""Where a notice stands among all: the order of its commit, and its place among those of it."""


class Giving:
    """All that is in etcd but the lines of the audit, held as a daemon holds it."""

    def __init__(self, loaded: Loaded) -> None:
        """Sort the notices."""
        self._loaded = loaded
        self._here: dict[str, list[tuple[Place, NoticeRow]]] = defaultdict(list)
        letters, packs = loaded.contents.letters.rows, loaded.books.packs["n"]
        for order, ids in packs.rows.items():
            for number, id_ in enumerate(ids):
                row = letters.get(str(id_))
                if row is not None and packs.where.get(id_) == order:
                    self._here[row.incident].append(((order, number), row))
        here = (place for told in self._here.values() for place, _ in told)
        there = (place for one in loaded.past.all() for place in _places(one))
        self._places: Mapping[Place, int] = {
            place: number for number, place in enumerate(sorted((*here, *there)), 1)
        }

    async def inventory(self, alone: Alone) -> Inventory:
        """Count it. The term is the one before that which was claimed to read it."""
        ends = await page(alone.gateway, alone.prefix, 0, 0)
        over = sum(1 for _ in self._loaded.past.all())
        heads = list(self._loaded.contents.heads())
        return Inventory(
            made_wall_s=time.time(),
            term=alone.own.claim.term - 1,
            moment=self._loaded.contents.moment,
            incidents=len(heads) + over,
            closed=sum(head.phase.final for head in heads) + over,
            notices=len(self._places),
            anchor=ends.anchor,
            last=ends.last,
        )

    def records(self) -> Iterator[Record]:
        """Yield them, without the lines of the audit."""
        kept = self._loaded.books.incidents
        opened: list[tuple[int, IncidentId | Over]] = [
            *((kept[id_].order, id_) for id_ in kept),
            *((one.short.order, one) for one in self._loaded.past.all()),
        ]
        for _, one in sorted(opened, key=_order):
            yield from self._of_past(one) if isinstance(one, Over) else self._of_here(one)
        without = [told for rows in self._here.values() for told in rows]
        yield from self._told(sorted(without, key=_place))
        contents = self._loaded.contents
        yield from small_records(contents.snapshot(), *contents.volumes())

    def _of_here(self, id_: IncidentId) -> Iterator[Record]:
        found = self._loaded.contents.find(id_)
        if found is not None:
            yield found
            yield from self._told(sorted(self._here.pop(id_, ()), key=_place))

    def _of_past(self, one: Over) -> Iterator[Record]:
        incident, notices = _whole(one)
        yield incident
        told = [*zip(_places(one), notices, strict=True), *self._here.pop(incident.id, ())]
        yield from self._told(sorted(told, key=_place))

    def _told(self, rows: Sequence[tuple[Place, NoticeRow]]) -> Iterator[Record]:
        return (Told(self._places[place], row) for place, row in rows)


def _order(opened: tuple[int, object]) -> int:
    return opened[0]


def _place(told: tuple[Place, object]) -> Place:
    return told[0]


def _places(one: Over) -> list[Place]:
    """Return where its notices stand. Those of one commit stand there in their order."""
    return [(order, number) for number, order in enumerate(one.short.orders)]


def _whole(one: Over) -> tuple[Incident, Sequence[NoticeRow]]:
    try:
        return one.whole()
    except Permanent as error:
        raise Permanent(f"incident {one.short.id}: {error}") from None


async def read_all(alone: Alone) -> Loaded:
    """Read everything but the lines of the audit. Raise Permanent for what cannot be read."""
    try:
        async with asyncio.timeout(READ_S):
            loaded = await load(alone.gateway, alone.prefix)
            while True:
                with suppress(Compacted):  # by somebody, while it was read
                    loaded.past = await _past(alone)
                    return loaded
                await asyncio.sleep(AGAIN_S)
    except TimeoutError:
        raise Temporary(f"{alone.gateway.failure}; gave up after {READ_S:g} s") from None


async def _past(alone: Alone) -> Past:
    """Read what is over, every one: to leave one out would be to lose it."""
    past = Past()
    async for key, value, _ in rows(alone.gateway, alone.prefix, (PAST, after(PAST))):
        try:
            past.add((read(value),))
        except Permanent as error:
            raise Permanent(f"etcd: {key[:NAMED_MAX]}: {error}") from None
    return past
