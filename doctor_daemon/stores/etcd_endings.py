"""What is over for an hour is written anew as one value, which a daemon that starts need not read.

An incident goes there with what was told of it, in one transaction, once all of it was delivered;
a notice that is pending or was given up keeps it where it is. Nothing is ever added to it there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.ports import NoticeRow
from doctor_daemon.stores.etcd_past import Over, over
from doctor_daemon.stores.etcd_pruning import lanes, returns
from doctor_daemon.stores.etcd_rows import Loaded
from doctor_daemon.stores.etcd_transactions import OPERATIONS_MAX, REQUEST_MAX, Plan
from doctor_daemon.stores.etcd_values import TooLarge, head_key, ordered, parts_key, past_key
from doctor_daemon.stores.etcd_writer import Make
from doctor_daemon.stores.lately import age_s

SETTLED_S = 3600.0
"""How long an incident is over before it goes there: what was on its way has come by then."""
SIZE_MAX = REQUEST_MAX // 2
"""Bytes of those that go together; one that is larger stays where it is."""


@dataclass(frozen=True, slots=True)
class _Ending:
    """One incident as it is to be kept, and the keys that it has now."""

    past: Over
    value: bytes
    revision: int
    orders: tuple[int, ...]
    rows: tuple[NoticeRow, ...]

    @property
    def operations(self) -> int:
        return 3 + 2 * len(self.orders)

    def current(self, held: Loaded) -> bool:
        """Tell whether all of it stands as it did."""
        kept = held.books.incidents.get(self.past.short.id)
        letters = held.contents.letters.rows
        same = all(letters.get(row.id) is row for row in self.rows)
        return kept is not None and kept.revision == self.revision and same


def endings(held: Loaded) -> Iterator[Make]:
    """Yield what writes anew, as one value, each incident that is over."""
    packs = _settled(held)
    rows = held.contents.letters.rows
    known = held.books.packs["n"].rows
    told = [rows[str(id_)] for orders in packs.values() for o in orders for id_ in known[o]]
    if not packs:
        return
    yield from returns(held)
    yield from lanes(held, told)
    some: list[_Ending] = []
    size = operations = 0
    for id_, orders in packs.items():
        ending = _ending(held, id_, orders)
        if ending is None:
            continue
        size, operations = size + len(ending.value), operations + ending.operations
        if some and (size > SIZE_MAX or operations > OPERATIONS_MAX):
            yield _written(held, tuple(some))
            some, size, operations = [], len(ending.value), ending.operations
        some.append(ending)
    if some:
        yield _written(held, tuple(some))


def _settled(held: Loaded) -> dict[IncidentId, list[int]]:
    """Name the incidents that are over, and the keys of what was told of each."""
    now = held.contents.moment
    found: dict[IncidentId, list[int]] = {}
    if now is None:
        return found
    for head in held.contents.heads():
        if head.phase.final and age_s(head.phase_at, now) > SETTLED_S:
            found[head.id] = []
    for order, ids in held.books.packs["n"].rows.items():
        rows = [held.contents.letters.rows.get(str(id_)) for id_ in ids]
        of = {row.incident for row in rows if row}
        if len(of) == 1 and of <= found.keys() and all(r and r.state == "delivered" for r in rows):
            found[of.pop()].append(order)
            continue
        for id_ in of:
            found.pop(id_, None)
    return found


def _ending(held: Loaded, id_: IncidentId, orders: Sequence[int]) -> _Ending | None:
    """Return one as it is to be kept; None: it is not here any more, or is too large."""
    saved, kept = held.contents.saved(id_), held.books.incidents.get(id_)
    letters, packs = held.contents.letters.rows, held.books.packs["n"]
    told = [(o, letters[str(row)]) for o in orders if o in packs.rows for row in packs.rows[o]]
    if saved is None or kept is None or 3 + 2 * len(orders) > OPERATIONS_MAX:
        return None
    try:
        past = over(saved, kept.order, told)
    except TooLarge:
        return None
    value = past.value()
    if len(value) > SIZE_MAX:
        return None
    rows = tuple(row for _, row in told)
    return _Ending(past, value, kept.revision, tuple(orders), rows)


def _written(held: Loaded, some: Sequence[_Ending]) -> Make:
    def make(_: int) -> Plan:
        now = [one for one in some if one.current(held)]
        heads: dict[str, int] = {}
        puts: dict[str, bytes] = {}
        drops: list[tuple[str, str]] = []
        for one in now:
            id_ = one.past.short.id
            heads[head_key(id_)] = one.revision
            puts[past_key(id_)] = one.value
            begin = parts_key(id_)
            drops += [(head_key(id_), ""), (begin, f"{begin[:-1]}0")]
            drops += [(ordered(kind, order), "") for order in one.orders for kind in ("n", "d")]

        def apply(_: int) -> None:
            for one in now:
                _moved(held, one)

        return Plan(heads, puts, drops, apply=apply)

    return make


def _moved(held: Loaded, one: _Ending) -> None:
    id_ = one.past.short.id
    held.past.add((one.past,))
    held.contents.forget((id_,))
    held.contents.letters.hand_over(one.rows)
    held.books.incidents.pop(id_, None)
    for order in one.orders:
        held.books.packs["n"].drop(order)
