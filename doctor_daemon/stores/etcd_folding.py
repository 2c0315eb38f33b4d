"""Small rows of many commits, written anew as they stand, in few keys.

While it goes on commits go on too, and count for more: what is written anew takes numbers of before
them. Whatever ends it leaves rows that say the same twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from doctor_daemon.ports import Change
from doctor_daemon.stores.etcd_rows import Loaded
from doctor_daemon.stores.etcd_transactions import REQUEST_MAX, Plan
from doctor_daemon.stores.etcd_values import CHANGE, REST, TooLarge, ordered, packed
from doctor_daemon.stores.etcd_writer import Make

FOLD_REST = 200
"""Above so many keys of small rows these are written anew, as they stand."""
AT_ONCE = 40
"""Keys in one transaction."""
RECORDS_MAX = 200
"""Records in one value, so that nobody else waits long while it is made."""
PIECE_MAX = REQUEST_MAX // 2
"""Bytes of a value that has more than one record. One alone came in one transaction, and fits."""


def fold(held: Loaded) -> Iterator[Make]:
    """Yield what writes the small rows anew, as they stand, and drops those of before.

    The first takes the numbers of all: what is committed meanwhile counts for more.
    """
    books = held.books
    if len(books.rest) <= FOLD_REST:
        return
    taken: list[Change] = []
    first = 0

    def begin(order: int) -> Plan:
        nonlocal first
        taken[:] = [change for change in held.contents.rest() if change != Change()]
        first = order
        return Plan(orders=sum(map(_records, taken)))

    def written(some: Mapping[int, bytes], *, last: bool = False) -> Make:
        def apply(_: int) -> None:
            books.rest |= some.keys()
            if last:
                books.rest = {order for order in books.rest if order >= first}

        puts = {ordered("l", order): piece for order, piece in some.items()}
        drops = (("l/", ordered("l", first)),) if last else ()
        return lambda _: Plan(puts=puts, drops=drops, apply=apply)

    yield begin
    some: dict[int, bytes] = {}
    pieces = (piece for change in taken for piece in _pieces(change))
    for order, piece in enumerate(pieces, first):
        if some and (len(some) >= AT_ONCE or sum(map(len, some.values())) + len(piece) > PIECE_MAX):
            yield written(some)
            some = {}
        some[order] = piece

    yield written(some, last=True)


def _many(change: Change) -> tuple[str, tuple[Any, ...]]:
    """Return the field of which a change has many records; none: it is one record."""
    found = ((name, getattr(change, name)) for name in REST)
    many = ((name, rows) for name, rows in found if isinstance(rows, tuple) and rows)
    return next(many, ("", ()))


def _records(change: Change) -> int:
    return max(1, len(_many(change)[1]))


def _pieces(change: Change) -> Iterator[bytes]:
    """Yield the values of a change, each of which fits into a transaction."""
    name, rows = _many(change)
    if len(rows) <= 1:  # as it came
        yield packed(CHANGE.dumps(change))
        return
    if len(rows) <= RECORDS_MAX:
        with suppress(TooLarge):
            value = packed(CHANGE.dumps(change))
            if len(value) <= PIECE_MAX:
                yield value
                return
    half = len(rows) // 2
    for some in (rows[:half], rows[half:]):
        only: dict[str, Any] = {name: some}
        yield from _pieces(replace(change, **only))
