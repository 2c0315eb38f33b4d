"""What each write of a store becomes in etcd, and which keys are there.

A plan is made from what the store holds, and changes nothing; once it is written its `apply` takes
it over. What is in etcd and not in the store any more is told by the same books.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice

from doctor_daemon.core.audit import Line
from doctor_daemon.core.context import Charge
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.ports import Change, NoticeRow
from doctor_daemon.stores.chain import unknown
from doctor_daemon.stores.changes import moment_of
from doctor_daemon.stores.codec import HEAD_MAX, dump_head
from doctor_daemon.stores.contents import Contents
from doctor_daemon.stores.etcd_past import Past
from doctor_daemon.stores.etcd_transactions import REQUEST_MAX, Plan
from doctor_daemon.stores.etcd_values import (
    CHANGE,
    OPENED,
    PACKS,
    PARTS,
    REST,
    Mark,
    Opened,
    TooLarge,
    head_key,
    ordered,
    packed,
    parts_key,
    past_key,
    some,
)

FOLD_PARTS = 200
"""After so many steps what an incident has is written anew, whole; and after so many more again,
where it did not fit."""
FOLDED_MAX = REQUEST_MAX - 1000
"""Bytes of a transaction in which that is done; what does not fit stays as it is."""
AUDITED_MAX = 20_000
"""Lines of the audit that are known again, of those that belong to no incident."""
CHARGES_MAX = 5000
"""Charges under one key, where they are put in the place of all."""


@dataclass(slots=True)
class Packs:
    """Rows that were written together, under one key each time, and where each row is now."""

    rows: dict[int, tuple[object, ...]] = field(default_factory=dict)
    where: dict[object, int] = field(default_factory=dict)

    def add(self, order: int, keys: Iterable[object]) -> None:
        """Note what a commit has written."""
        self.rows[order] = tuple(keys)
        self.where.update(dict.fromkeys(self.rows[order], order))

    def drop(self, order: int) -> None:
        """Note that a key is gone."""
        for key in self.rows.pop(order):
            if self.where.get(key) == order:
                del self.where[key]


@dataclass(slots=True)
class Incidents:
    """One incident's keys: when its head was written last, in which order it was opened."""

    revision: int
    order: int
    parts: int = 0


@dataclass(slots=True)
class Books:
    """Which keys are in etcd."""

    incidents: dict[IncidentId, Incidents] = field(default_factory=dict)
    packs: dict[str, Packs] = field(default_factory=lambda: {kind: Packs() for kind in PACKS})
    rest: set[int] = field(default_factory=set)
    """The orders of the keys that hold the small rows."""


@dataclass(slots=True)
class Loaded:
    """All that is in etcd."""

    contents: Contents = field(default_factory=Contents)
    past: Past = field(default_factory=Past)
    """Of it nothing is known at first: it is read later."""
    books: Books = field(default_factory=Books)
    mark: Mark = field(default_factory=lambda: Mark(""))
    mark_revision: int = 0
    audited: dict[str, None] = field(default_factory=dict)
    """The last lines that were written since without an incident, by their keys. A second try at
    those of an incident is refused for its version."""


def keys_of(kind: str, change: Change) -> Iterator[object]:
    """Name the rows of one kind in a change."""
    match kind:
        case "n":
            yield from (row.id for row in change.notices)
        case "e":
            yield from (row.key for row in change.evidence)
        case _:
            yield from ((charge.incident, charge.number) for charge in change.charges)


def touched(change: Change) -> frozenset[object]:
    """Name what the guards of a change look at."""
    found: set[object] = set()
    if change.head is not None:
        found |= {("incident", change.head.id), ("host", change.head.host)}
    for row in change.notices:
        found |= {("notice", row.id), (row.consumer, row.host, row.sequence)}
    found |= {("audit", line.key) for line in change.audit}
    return frozenset(found | {("charge", *key) for key in _rounds(change.charges)})


def _rounds(charges: Iterable[Charge]) -> Iterator[tuple[str, int]]:
    return ((charge.incident, charge.number) for charge in charges)


def commit_plan(held: Loaded, change: Change, order: int) -> Plan:
    """Plan a change. Raise Conflict if it was decided on another state, ValueError for a bug."""
    contents, books = held.contents, held.books
    contents.check(change)
    held.past.check(change)
    puts: dict[str, bytes] = {}
    heads: dict[str, int] = {}
    drops: list[tuple[str, str]] = []
    kinds = [kind for kind, name in PACKS.items() if getattr(change, name)]
    for kind in kinds:
        puts[ordered(kind, order)] = _value(some(change, frozenset({PACKS[kind]})))
    rest = some(change, REST)
    if rest != Change():
        puts[ordered("l", order)] = _value(rest)
    if change.head is not None:
        _plan_incident(contents, books, (change, order), (puts, heads, drops))

    lines = unknown(change.audit, held.audited)

    def apply(revision: int) -> None:
        contents.put(change)
        if change.head is None:
            _audited(held, lines)
        for kind in kinds:
            books.packs[kind].add(order, keys_of(kind, change))
        if rest != Change():
            books.rest.add(order)
        if change.head is not None:
            kept = books.incidents.setdefault(change.head.id, Incidents(revision, order))
            kept.revision = revision
            kept.parts = 0 if drops else kept.parts
            kept.parts += parts_key(change.head.id, change.head.version) in puts

    return Plan(heads, puts, drops, moment_of(change), apply, lines=lines)


def _audited(held: Loaded, lines: Iterable[Line]) -> None:
    """Remember what was written, so that a second try at it writes nothing twice."""
    held.audited.update(dict.fromkeys(line.key for line in lines))
    for key in list(islice(held.audited, max(0, len(held.audited) - AUDITED_MAX))):
        del held.audited[key]


def _plan_incident(
    contents: Contents,
    books: Books,
    written: tuple[Change, int],
    into: tuple[dict[str, bytes], dict[str, int], list[tuple[str, str]]],
) -> None:
    """Add an incident's head, and what the step added to it."""
    (change, order), (puts, heads, drops) = written, into
    head = change.head
    if head is None:
        return
    kept = books.incidents.get(head.id)
    key, own = head_key(head.id), parts_key(head.id, head.version)
    heads[key] = kept.revision if kept else 0
    if kept is None:
        heads[past_key(head.id)] = 0
    puts[key] = head_value(head, kept.order if kept else order)
    parts = some(change, PARTS)
    value = _value(parts)
    if kept is not None and kept.parts and kept.parts % FOLD_PARTS == 0:
        with suppress(TooLarge):
            whole = _value(_whole(contents, head.id, parts))
            if len(whole) + sum(len(key) + len(put) for key, put in puts.items()) < FOLDED_MAX:
                value = whole
                drops.append((parts_key(head.id), own))
    if parts != Change() or drops:
        puts[own] = value


def _whole(contents: Contents, id_: IncidentId, parts: Change) -> Change:
    """Return all that an incident has, with what is added to it."""
    saved = contents.find(id_)
    if saved is None:
        return parts
    gone = set(parts.servers_gone)
    servers = {key: one for key, one in saved.servers.items() if key not in gone}
    servers |= {one.id: one for one in parts.servers}
    moves = {**saved.evacuations, **{one.server.id: one for one in parts.evacuations}}
    return Change(
        entries=(*saved.timeline, *parts.entries),
        servers=tuple(servers.values()),
        evacuations=tuple(moves.values()),
    )


def notices_plan(held: Loaded, rows: Sequence[NoticeRow]) -> Plan:
    """Plan how notices that are kept stand now, and all that were made together with them."""
    letters, packs = held.contents.letters, held.books.packs["n"]
    now = {row.id: row for row in rows}
    puts = {}
    for order in {packs.where[row.id] for row in rows}:
        known = (now.get(str(id_)) or letters.rows.get(str(id_)) for id_ in packs.rows[order])
        stand = tuple(replace(row, body="") for row in known if row is not None)
        puts[ordered("d", order)] = _value(Change(notices=stand))

    return Plan(puts=puts, apply=lambda _: letters.note(now.values()))


def charges_plan(held: Loaded, charges: Sequence[Charge], order: int) -> Plan:
    """Plan charges that take the place of all. The keys of one commit have a number more each."""
    contents, books = held.contents, held.books
    made: dict[int, Change] = {}
    waiting = iter(charges)
    while some_of := tuple(islice(waiting, CHARGES_MAX)):
        made[order + len(made)] = Change(charges=some_of)
    puts = {ordered("c", number): _value(change) for number, change in made.items()}

    def apply(_: int) -> None:
        contents.replace_charges(charges)
        books.packs["c"] = Packs()
        for number, change in made.items():
            books.packs["c"].add(number, keys_of("c", change))

    # The range ends before what is put: etcd refuses to drop and to write one key at once.
    return Plan(puts=puts, drops=(("c/", ordered("c", order)),), apply=apply, orders=len(made))


def head_value(head: Incident, order: int) -> bytes:
    """Return the head of an incident. Raise ValueError if it is too large: that is a bug."""
    text = OPENED.dumps(Opened(order, head))
    if len(text.encode()) > HEAD_MAX:
        dump_head(head)  # it says what is too large
    return packed(text)


def _value(change: Change) -> bytes:
    return packed(CHANGE.dumps(change))
