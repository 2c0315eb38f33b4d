"""What is taken out of etcd: what the store holds no more, and what has been written anew.

Nothing here is one transaction, and it need not be. First what is to stay is written, and then what
it stands for is dropped; whatever ends it in between leaves rows that say the same twice, or that
the next time drops.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.ports import Change, NoticeRow
from doctor_daemon.stores.contents import Contents, Keeping
from doctor_daemon.stores.etcd_rows import Books, Packs
from doctor_daemon.stores.etcd_transactions import REQUEST_MAX, Plan
from doctor_daemon.stores.etcd_values import (
    CHANGE,
    DIGITS,
    LANES,
    PACKS,
    Lane,
    Lanes,
    head_key,
    ordered,
    packed,
    parts_key,
)
from doctor_daemon.stores.etcd_writer import Make

FOLD_REST = 200
"""Above so many keys of small rows these are written anew, as they stand."""
AT_ONCE = 40
"""Keys in one transaction; an incident is two operations, and a range costs etcd what is in it."""
LANES_MAX = 10_000
Item = tuple[str, object]


def dropped(contents: Contents, books: Books, rule: Keeping) -> Plan:
    """Plan to hold no more what is older than its retention. In etcd it stays until `removals`."""

    def apply(_: int) -> None:
        packs = books.packs["n"]
        before = {id_: contents.kept("n", id_) for id_ in packs.where}
        contents.prune(rule)
        for id_, row in before.items():
            if isinstance(row, NoticeRow) and contents.kept("n", id_) is None:
                packs.left[id_] = replace(row, body="")

    return Plan(apply=apply)


def removals(contents: Contents, books: Books) -> Iterator[Make]:
    """Yield what drops whatever the store holds no more, a little at a time."""
    gone: list[Item] = [("i", id_) for id_ in books.incidents if contents.kept("i", id_) is None]
    thinned: list[tuple[str, int]] = []
    for kind, packs in books.packs.items():
        for order in packs.rows:
            live = _live(contents, packs, kind, order)
            if not live:
                gone.append((kind, order))
            elif len(live) < len(packs.rows[order]):
                thinned.append((kind, order))
    if any(kind == "n" for kind, _ in (*thinned, *gone)):
        yield from _lanes(contents)
    yield from (_thinned(contents, books, *one) for one in thinned)
    waiting = iter(gone)
    while some := tuple(islice(waiting, AT_ONCE)):
        yield _removed(contents, books, some)


def _live(contents: Contents, packs: Packs, kind: str, order: int) -> list[object]:
    """Name the rows of a key that are kept, and have not been written again since."""
    rows = packs.rows[order]
    here = (key for key in rows if packs.where.get(key) == order)
    return [key for key in here if contents.kept(kind, key) is not None]


def _removed(contents: Contents, books: Books, items: Iterable[Item]) -> Make:
    def make(_: int) -> Plan:
        # An incident of this name may have been opened meanwhile.
        now = [item for item in items if item[0] in PACKS or contents.kept(*item) is None]
        drops: list[tuple[str, str]] = []
        for kind, which in now:
            if kind == "i":
                begin = parts_key(str(which))
                drops += [(head_key(str(which)), ""), (begin, f"{begin[:-1]}0")]
            else:
                keys = (kind, "d") if kind == "n" else (kind,)
                drops += [(ordered(one, int(str(which))), "") for one in keys]

        def apply(_: int) -> None:
            for kind, which in now:
                if kind == "i":
                    books.incidents.pop(IncidentId(str(which)), None)
                else:
                    books.packs[kind].drop(int(str(which)))

        return Plan(drops=drops, apply=apply)

    return make


def _thinned(contents: Contents, books: Books, kind: str, order: int) -> Make:
    """Write rows that were made together anew, without those that are not kept."""

    def make(_: int) -> Plan:
        packs = books.packs[kind]
        keys = _live(contents, packs, kind, order)
        rows: Any = tuple(contents.kept(kind, key) for key in keys)

        def apply(_: int) -> None:
            packs.drop(order)
            packs.add(order, keys)

        puts = {ordered(kind, order): packed(CHANGE.dumps(Change(**{PACKS[kind]: rows})))}
        drops = [(ordered("d", order), "")] if kind == "n" else []
        return Plan(puts=puts, drops=drops, apply=apply)

    return make


def _lanes(contents: Contents) -> Iterator[Make]:
    """Write the numbers that were given out last: the notices that have them are to go."""
    waiting = iter([Lane(*lane, last) for lane, last in contents.sequences.items()])
    place = 0
    while some := tuple(islice(waiting, LANES_MAX)):
        key, value = f"s/{place:0{DIGITS}}", packed(LANES.dumps(Lanes(some)))
        place += 1
        yield _written({key: value})


def fold(contents: Contents, books: Books) -> Iterator[Make]:
    """Yield what writes the small rows anew, as they stand, and drops those of before.

    The first takes the numbers of all: what is committed meanwhile counts for more.
    """
    if len(books.rest) <= FOLD_REST:
        return
    pieces: list[bytes] = []
    first = 0

    def begin(order: int) -> Plan:
        nonlocal first
        pieces[:] = [packed(CHANGE.dumps(change)) for change in contents.rest()]
        first = order
        return Plan(orders=len(pieces))

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
    for order, piece in enumerate(pieces, first):
        if len(some) >= AT_ONCE or sum(map(len, some.values())) + len(piece) > REQUEST_MAX // 2:
            yield written(some)
            some = {}
        some[order] = piece

    yield written(some, last=True)


def _written(puts: dict[str, bytes]) -> Make:
    return lambda _: Plan(puts=puts)
