"""Rows of etcd, read one by one, and put together again to what the store holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change, NoticeRow
from doctor_daemon.stores.etcd_rows import Incidents, Loaded, keys_of
from doctor_daemon.stores.etcd_values import (
    CHANGE,
    LANES,
    MARK,
    NUMBERED,
    OPENED,
    RETURNS,
    Lanes,
    Mark,
    Opened,
    Returns,
    is_ours,
    parts_key,
    unpacked,
)

NAMED_MAX = 50
"""Characters of a key in an error."""
Found = Change | Opened | Lanes | Returns | Mark | None
"""What a value says; nothing, where it says nothing of the state."""


def check_ours(key: str) -> None:
    """Raise Permanent for a key that is none of ours."""
    if not is_ours(key):
        named = repr(key[:NAMED_MAX])
        raise Permanent(f"etcd: {named} is none of our keys: is the prefix somebody else's?")


def read(key: str, value: bytes) -> Found:
    """Read the value of a key. Raise Permanent for what cannot be read, or is none of ours."""
    check_ours(key)
    kind, _, _ = key.partition("/")
    if key == "mark":
        return MARK.loads(unpacked(value))
    if kind == "i":
        return OPENED.loads(unpacked(value))
    if kind == "s":
        return LANES.loads(unpacked(value))
    if key == "returns":
        return RETURNS.loads(unpacked(value))
    if kind == "p" or kind in NUMBERED:
        return CHANGE.loads(unpacked(value))
    return None


class Putting:
    """Takes rows in the order of their keys, and puts them together."""

    def __init__(self) -> None:
        self._loaded = Loaded()
        self._heads: dict[str, tuple[Opened, int]] = {}
        self._parts: dict[str, list[Change]] = {}
        self._told: dict[int, Mapping[str, NoticeRow]] = {}
        self._newest = 0

    def take(self, key: str, value: bytes, revision: int) -> None:
        """Take a row. Raise Permanent if it cannot be read."""
        self.put(key, read(key, value), revision)

    def put(self, key: str, found: Found, revision: int) -> None:
        """Take a row that has been read."""
        kind, _, rest = key.partition("/")
        match found:
            case Mark():
                self._loaded.mark, self._loaded.mark_revision = found, revision
            case Opened():
                self._heads[parts_key(found.head.id)] = found, revision
                self._newest = max(self._newest, found.order)
            case Change() if kind == "p":
                of, stroke, _ = key.rpartition("/")
                self._parts.setdefault(of + stroke, []).append(found)
            case Change():
                self._put(kind, int(rest), found)
            case Lanes():
                for lane in found.lanes:
                    letters = self._loaded.contents.letters
                    letters.reach((lane.consumer, lane.host), lane.last)
                    letters.tell((lane.consumer, lane.host), lane.told)
            case Returns():
                back = tuple((one.host, one.wall_s) for one in found.returns)
                self._loaded.contents.returns = back
            case None:
                pass

    def _put(self, kind: str, order: int, change: Change) -> None:
        books = self._loaded.books
        self._newest = max(self._newest, order)
        if kind == "d":
            self._told[order] = {row.id: row for row in change.notices}
            return
        if kind == "l":
            books.rest.add(order)
        else:
            books.packs[kind].add(order, keys_of(kind, change))
        if kind == "n":
            told = self._told.get(order, {})
            now = ((told.get(row.id), row) for row in change.notices)
            change = Change(
                notices=tuple(replace(n, body=row.body) if n else row for n, row in now)
            )
        self._loaded.contents.put(change)

    def whole(self) -> Loaded:
        """Return it all, with the incidents in the order of their opening."""
        loaded = self._loaded
        if not self._parts.keys() <= self._heads.keys():
            raise Permanent("etcd: an incident has rows and no head")
        for key, (opened, revision) in sorted(
            self._heads.items(), key=lambda item: item[1][0].order
        ):
            parts = self._parts.get(key, [])
            for part in parts or [Change()]:
                loaded.contents.put(replace(part, head=opened.head))
            kept = Incidents(revision, opened.order, len(parts))
            loaded.books.incidents[opened.head.id] = kept
        loaded.contents.moment = loaded.mark.moment
        if self._newest > loaded.mark.order:
            raise Permanent(
                f"etcd: there are rows of commit {self._newest}, and the mark is of"
                f" {loaded.mark.order}: what comes next would be written over them"
            )
        return loaded
