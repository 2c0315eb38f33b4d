"""What is taken out of etcd: what is kept no more, and what has been written anew.

Nothing here is one transaction as a whole, and it need not be: each of them leaves a whole state.
The store holds something until the transaction is written that drops it, so that what is told as
gone is gone for the next daemon too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.ports import Change, NoticeRow
from doctor_daemon.stores.contents import Keeping
from doctor_daemon.stores.etcd_rows import Loaded
from doctor_daemon.stores.etcd_transactions import Plan
from doctor_daemon.stores.etcd_values import (
    CHANGE,
    DIGITS,
    LANES,
    PACKS,
    RETURNS,
    Lane,
    Lanes,
    Return,
    Returns,
    head_key,
    ordered,
    packed,
    parts_key,
    past_key,
)
from doctor_daemon.stores.etcd_writer import Make
from doctor_daemon.stores.lately import latest, returned

AT_ONCE = 30
"""Keys in one transaction; an incident is three operations, and a range costs what is in it."""
LANES_MAX = 10_000
Gone = Mapping[object, object]
"""Rows that are to go, by their keys. One that has changed meanwhile is another one, and stays."""


def removals(held: Loaded, rule: Keeping) -> Iterator[Make]:
    """Yield what drops whatever is kept no more, a little at a time."""
    contents = held.contents
    waiting = iter(contents.over(rule, held.past.ended()))
    while some := tuple(islice(waiting, AT_ONCE)):
        yield _incidents(held, some)
    yield from returns(held)
    yield from _notices(held, rule)
    contents.grow_old()
    for kind in ("e", "c"):
        yield from _packs(held, kind, {})


def _incidents(held: Loaded, ids: Collection[IncidentId]) -> Make:
    def make(_: int) -> Plan:
        drops: list[tuple[str, str]] = []
        for id_ in ids:
            begin = parts_key(id_)
            drops += [(head_key(id_), ""), (begin, f"{begin[:-1]}0"), (past_key(id_), "")]

        def apply(_: int) -> None:
            held.contents.forget(ids)
            for id_ in ids:
                held.past.drop(id_)
                held.books.incidents.pop(id_, None)

        return Plan(drops=drops, apply=apply)

    return make


class _Known:
    """Which incidents are kept."""

    def __init__(self, held: Loaded) -> None:
        self._held = held

    def __contains__(self, id_: object) -> bool:
        return self._held.contents.kept("i", id_) is not None or id_ in self._held.past


def _notices(held: Loaded, rule: Keeping) -> Iterator[Make]:
    contents = held.contents
    if contents.moment is not None:
        letters = contents.letters
        over = letters.over(_Known(held), rule.keep_s, contents.moment)
        gone: Gone = {id_: letters.rows[id_] for id_ in over}
        if gone:
            yield from lanes(held)
        yield from _packs(held, "n", gone)


def _packs(held: Loaded, kind: str, gone: Gone) -> Iterator[Make]:
    """Yield what drops rows of a kind: these, as long as they are the same, and those not kept."""
    packs, empty = held.books.packs[kind], list[int]()
    thinned = list[int]()
    for order, rows in packs.rows.items():
        live = _live(held, kind, order, gone)
        if len(live) < len(rows):
            (thinned if live else empty).append(order)
    yield from (_thinned(held, kind, order, gone) for order in thinned)
    waiting = iter(empty)
    while some := tuple(islice(waiting, AT_ONCE)):
        yield _emptied(held, kind, some, gone)


def _live(held: Loaded, kind: str, order: int, gone: Gone) -> list[object]:
    """Name the rows of a key that are kept, and have not been written again since."""
    packs = held.books.packs[kind]
    here = (key for key in packs.rows[order] if packs.where.get(key) == order)
    found = ((key, held.contents.kept(kind, key)) for key in here)
    return [key for key, row in found if row is not None and row is not gone.get(key)]


def _emptied(held: Loaded, kind: str, orders: Collection[int], gone: Gone) -> Make:
    def make(_: int) -> Plan:
        both = (kind, "d") if kind == "n" else (kind,)
        now = [order for order in orders if not _live(held, kind, order, gone)]
        drops = [(ordered(one, order), "") for order in now for one in both]

        def apply(_: int) -> None:
            for order in now:
                _drop(held, kind, order)

        return Plan(drops=drops, apply=apply)

    return make


def _thinned(held: Loaded, kind: str, order: int, gone: Gone) -> Make:
    """Write rows that were made together anew, without those that are not kept."""
    packs = held.books.packs[kind]

    def make(_: int) -> Plan:
        keys = _live(held, kind, order, gone)
        rows: Any = tuple(held.contents.kept(kind, key) for key in keys)

        def apply(_: int) -> None:
            _drop(held, kind, order, keys)
            packs.add(order, keys)

        puts = {ordered(kind, order): packed(CHANGE.dumps(Change(**{PACKS[kind]: rows})))}
        drops = [(ordered("d", order), "")] if kind == "n" else []
        return Plan(puts=puts, drops=drops, apply=apply)

    return make


def _drop(held: Loaded, kind: str, order: int, but: Collection[object] = ()) -> None:
    packs = held.books.packs[kind]
    if kind == "n":
        held.contents.letters.drop(str(key) for key in packs.rows[order] if key not in but)
    packs.drop(order)


def lanes(held: Loaded, rows: Collection[NoticeRow] = ()) -> Iterator[Make]:
    """Yield what writes the numbers that were given out last: the notices with them are to go.

    `rows`: those that were delivered and are to be kept elsewhere.
    """
    letters = held.contents.letters
    told = dict(letters.told)
    for row in rows:
        of = row.consumer, row.host
        told[of] = max(row.sequence, told.get(of, 0))
    known = [Lane(*lane, last, told.get(lane, 0)) for lane, last in letters.sequences.items()]
    for place, begin in enumerate(range(0, len(known), LANES_MAX)):
        value = packed(LANES.dumps(Lanes(tuple(known[begin : begin + LANES_MAX]))))
        yield _written({f"s/{place:0{DIGITS}}": value})


def returns(held: Loaded) -> Iterator[Make]:
    """Yield what writes when hosts came back: the incidents that tell it are to go."""
    contents = held.contents
    now = latest(chain(returned(contents.heads()), held.past.returned()))
    if now == contents.returns:
        return

    def apply(_: int) -> None:
        contents.returns = now

    value = packed(RETURNS.dumps(Returns(tuple(Return(*one) for one in now))))
    yield lambda _: Plan(puts={"returns": value}, apply=apply)


def _written(puts: Mapping[str, bytes]) -> Make:
    return lambda _: Plan(puts=puts)
