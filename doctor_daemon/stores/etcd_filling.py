"""Records put into etcd, as a daemon would have come to write them.

What is over, and of which all was delivered, goes at once to where a start does not read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from doctor_daemon.core.audit import ORIGIN, Row
from doctor_daemon.core.incident import Incident
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change
from doctor_daemon.ports.moving import Inventory, LastNumber, Record, Told
from doctor_daemon.stores.etcd_alone import Alone
from doctor_daemon.stores.etcd_batch import Batch
from doctor_daemon.stores.etcd_endings import SIZE_MAX
from doctor_daemon.stores.etcd_past import over
from doctor_daemon.stores.etcd_pieces import Gathered, of_field, pieces
from doctor_daemon.stores.etcd_pruning import LANES_MAX
from doctor_daemon.stores.etcd_rows import head_value
from doctor_daemon.stores.etcd_values import (
    CHANGE,
    DIGITS,
    LANES,
    LINES,
    LINK,
    PACKS,
    PARTS,
    REST,
    RETURNS,
    Lane,
    Lanes,
    Lines,
    Return,
    Returns,
    TooLarge,
    head_key,
    ordered,
    packed,
    parts_key,
    past_key,
)
from doctor_daemon.stores.lately import came_back, latest
from doctor_daemon.stores.moved_lines import made_wall_s
from doctor_daemon.stores.retention import RETURNS_MAX
from doctor_daemon.stores.saved import Saved

HELD_MAX = 16 * 1024 * 1024
"""Characters of what was told of one incident that are held until all of it has come."""
RUN_MAX = 4 * 1024 * 1024
"""Characters of notices that are put together, at most and the last of them."""
_KINDS = {name: kind for kind, name in PACKS.items()}
"""The kind of key of each field that has keys of its own; all others are small: l."""
_FIELDS = (*PACKS.values(), *sorted(REST))


@dataclass(slots=True)
class _Story:
    """An incident that is over, and what was told of it so far."""

    incident: Incident
    order: int
    told: list[Told] = field(default_factory=list)
    size: int = 0


class Filling:
    """Takes records in their order."""

    def __init__(self, alone: Alone, inventory: Inventory) -> None:
        """Write nothing yet."""
        self._batch = Batch(alone)
        self._inventory = inventory
        self._story: _Story | None = None
        self._opened = self._last = 0
        self._run, self._length = Gathered[Told](), 0
        self._lanes = Gathered[Lane](LANES_MAX)
        self._lane_keys = 0
        self._told: dict[tuple[str, object], int] = {}
        self._returns: list[Return] = []
        self._field, self._rows = "", Gathered[Any]()
        self._numbers: dict[str, int] = {}
        self._lines = Gathered[Row]()

    async def begin(self) -> None:
        """Have no daemon take what is there for whole."""
        await self._batch.begin()

    async def take(self, record: Record) -> None:
        """Take the next record. Raise Permanent for one that etcd cannot hold."""
        with _kept():
            match record:
                case Incident():
                    await self._take_incident(record)
                case Told():
                    await self._take_told(record)
                case LastNumber():
                    await self._take_number(record)
                case Change():
                    await self._take_row(record)
                case Row():
                    await self._take_line(record)

    async def end(self) -> None:
        """Have all of it count. Raise as `take` does: the last of it is put only now."""
        with _kept():
            await self._told_off()
            await self._numbered()
            await self._rows_off()
            await self._lines_off()
        anchor = self._inventory.anchor
        if anchor != ORIGIN:
            await self._batch.put("audit", packed(LINK.dumps(anchor)))
        if self._returns:
            await self._batch.put("returns", packed(RETURNS.dumps(Returns(self._latest()))))
        said = self._inventory
        await self._batch.end(said.term, self._last, said.moment, said.last)

    # incidents, and what was told

    async def _take_incident(self, incident: Incident) -> None:
        await self._told_off()
        self._opened += 1
        self._last = max(self._last, self._opened)
        if incident.phase.final:
            self._story = _Story(incident, self._opened)
        else:
            await self._put_incident(incident, self._opened)

    async def _take_told(self, told: Told) -> None:
        self._last = max(self._last, told.place)
        story = self._story
        if story is not None and story.incident.id != told.notice.incident:
            await self._told_off()
        if self._story is None:
            await self._put_told(told)
            return
        self._story.told.append(told)
        self._story.size += len(told.notice.body)
        if told.notice.state != "delivered" or self._story.size > HELD_MAX:
            await self._as_it_came(self._story)

    async def _told_off(self) -> None:
        """Put the incident that all has come of, and what was told."""
        story = self._story
        if story is not None and not await self._put_past(story):
            await self._as_it_came(story)
        self._story = None
        await self._run_off()

    async def _as_it_came(self, story: _Story) -> None:
        """Put an incident that is over where those are that are not."""
        self._story = None
        await self._put_incident(story.incident, story.order)
        for told in story.told:
            await self._put_told(told)

    async def _put_past(self, story: _Story) -> bool:
        """Put an incident where those are that are over; tell whether it fits there."""
        incident = story.incident
        saved = Saved(incident)
        saved.put(incident, _parts(incident))
        rows = [(told.place, told.notice) for told in story.told]
        value = b""
        with suppress(TooLarge):
            value = over(saved, story.order, rows).value()
        if not 0 < len(value) <= SIZE_MAX:
            return False
        await self._batch.put(past_key(incident.id), value)
        for told in story.told:
            row = told.notice
            lane = row.consumer, row.host
            self._told[lane] = max(row.sequence, self._told.get(lane, 0))
        if came_back(incident):
            self._returns.append(Return(incident.host, incident.phase_at.wall_s))
            if len(self._returns) > 2 * RETURNS_MAX:
                self._returns = list(self._latest())
        return True

    async def _put_incident(self, incident: Incident, order: int) -> None:
        await self._batch.put(head_key(incident.id), head_value(incident, order))
        parts, number = _parts(incident), 0
        for name in sorted(PARTS):
            for _, value in pieces(getattr(parts, name), of_field(name)):
                # Before the key of any step, and whatever the number of steps there were.
                await self._batch.put(f"{parts_key(incident.id, 0)}-{number:0{DIGITS}}", value)
                number += 1

    async def _put_told(self, told: Told) -> None:
        run = self._run
        behind = not run.rows or run.rows[-1].place + 1 == told.place
        if run.full or self._length > RUN_MAX or not behind:
            await self._run_off()
        run.rows.append(told)
        self._length += len(told.notice.body)

    async def _run_off(self) -> None:
        """Put notices that were made one after another below the place of the first."""

        def value(rows: Sequence[Told]) -> bytes:
            return of_field("notices")([told.notice for told in rows])

        self._length = 0
        for rows, made in pieces(self._run.taken(), value):
            await self._batch.put(ordered("n", rows[0].place), made)

    def _latest(self) -> tuple[Return, ...]:
        return tuple(
            Return(*one) for one in latest((one.host, one.wall_s) for one in self._returns)
        )

    # what is small

    async def _take_number(self, last: LastNumber) -> None:
        await self._told_off()
        told = self._told.get((last.consumer, last.host), 0)
        self._lanes.rows.append(Lane(last.consumer, last.host, last.number, told))
        if self._lanes.full:
            await self._numbered()

    async def _numbered(self) -> None:
        lanes = self._lanes.taken()
        if lanes:
            value = packed(LANES.dumps(Lanes(lanes)))
            await self._batch.put(f"s/{self._lane_keys:0{DIGITS}}", value)
            self._lane_keys += 1

    async def _take_row(self, change: Change) -> None:
        await self._told_off()
        empty = Change()
        name = next(n for n in _FIELDS if getattr(change, n) != getattr(empty, n))
        if self._rows.full or name != self._field:
            await self._rows_off()
        self._field = name
        found = getattr(change, name)
        if isinstance(found, tuple):
            self._rows.rows += found
        else:
            await self._put_row(change)

    async def _put_row(self, change: Change) -> None:
        await self._batch.put(self._next("l"), packed(CHANGE.dumps(change)))

    async def _rows_off(self) -> None:
        kind = _KINDS.get(self._field, "l")
        for _, value in pieces(self._rows.taken(), of_field(self._field)):
            await self._batch.put(self._next(kind), value)

    def _next(self, kind: str) -> str:
        number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
        self._last = max(self._last, number)
        return ordered(kind, number)

    # the audit

    async def _take_line(self, row: Row) -> None:
        await self._told_off()
        if self._lines.full:
            await self._lines_off()
        self._lines.rows.append(row)

    async def _lines_off(self) -> None:
        def value(rows: Sequence[Row]) -> bytes:
            return packed(LINES.dumps(Lines(tuple(rows), max(map(made_wall_s, rows)))))

        for rows, made in pieces(self._lines.taken(), value):
            await self._batch.put(ordered("a", rows[0].number), made)


@contextmanager
def _kept() -> Iterator[None]:
    """Have what etcd cannot hold said as that."""
    try:
        yield
    except (TooLarge, ValueError) as error:
        raise Permanent(f"it cannot be kept in etcd: {error}") from error


def _parts(incident: Incident) -> Change:
    return Change(
        entries=incident.timeline,
        servers=tuple(incident.servers.values()),
        evacuations=tuple(incident.evacuations.values()),
    )
