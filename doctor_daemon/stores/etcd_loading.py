"""What is in etcd, read page by page, at one revision, and put together again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import structlog

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Change, NoticeRow
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import Json, coded, decoded, number, records, revision_of
from doctor_daemon.stores.etcd_meaning import Compacted, TooLong, Unanswered
from doctor_daemon.stores.etcd_past import Past, read
from doctor_daemon.stores.etcd_rows import Incidents, Loaded, keys_of
from doctor_daemon.stores.etcd_values import (
    AUDIT,
    CHANGE,
    LANES,
    MARK,
    NUMBERED,
    OPENED,
    PAST,
    RETURNS,
    Opened,
    is_ours,
    parts_key,
    unpacked,
)

PAGE = 256
"""Keys that are asked for at once, at most."""
LESS, MORE = 8, 8
"""A page that did not come is asked for again at the eighth part, and the next after one that did
with 8 keys more."""
AGAIN_S = 0.2
PAST_S = 900.0
"""How long what is over is read at most. A hundred thousand of them have taken 11 s."""
PAST_MAX = 200_000
"""So many of them at most: twice what may be configured to be kept."""
UNREAD_MAX = 10
"""Keys of them that are named in the log."""
NAMED_MAX = 50
"""Characters of a key in an error."""
Row = tuple[str, bytes, int]
"""A key without its prefix, a value, and the revision that wrote it."""
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def answered(gateway: Gateway, path: str, body: Mapping[str, object]) -> Json:
    """Ask until somebody answers; the caller bounds the time."""
    while True:
        try:
            return await gateway.call(path, body)
        except Unanswered:
            await asyncio.sleep(AGAIN_S)


async def load(gateway: Gateway, prefix: str) -> Loaded:
    """Read everything but the past and the audit. Raise Permanent for what cannot be read.

    The caller bounds the time.
    """
    while True:
        putting = _Putting()
        try:
            for some in (("", AUDIT), (_after(AUDIT), PAST), (_after(PAST), "")):
                async for row in rows(gateway, prefix, some):
                    putting.take(*row)
            return putting.whole()
        except Compacted:  # somebody has compacted what we were reading: from the beginning
            await asyncio.sleep(AGAIN_S)


async def load_past(
    gateway: Gateway,
    prefix: str,
    into: Past,
    *,
    within_s: float = PAST_S,
    most: int = PAST_MAX,
) -> None:
    """Read what is over; nothing else may write there meanwhile. What cannot be read is left out.

    Raise Temporary when it takes longer, Permanent when there are more, or for an answer that is
    out of its mind.
    """
    try:
        async with asyncio.timeout(within_s):
            while True:
                try:
                    await _past(gateway, prefix, into, most)
                except Compacted:
                    await asyncio.sleep(AGAIN_S)
                else:
                    return
    except TimeoutError:
        raise Temporary(f"{gateway.failure}; gave up after {within_s:g} s") from None


async def _past(gateway: Gateway, prefix: str, into: Past, most: int) -> None:
    count, unread, why = 0, list[str](), ""
    async for key, value, _ in rows(gateway, prefix, (PAST, _after(PAST))):
        count += 1
        if count > most:
            raise Permanent(f"etcd: there are more than {most} incidents that are over")
        try:
            into.add((read(value),))
        except Permanent as error:
            unread.append(key[:NAMED_MAX])
            why = why or str(error)
    if unread:
        count, some = len(unread), unread[:UNREAD_MAX]
        log.error("incidents that are over cannot be read", count=count, keys=some, error=why)


async def check_prefix(gateway: Gateway, prefix: str) -> None:
    """Look at the first keys, before anything is written. Raise Permanent if one is none of ours.

    The caller bounds the time.
    """
    seen = 0
    while True:
        try:
            async for key, _, _ in rows(gateway, prefix):
                check_ours(key)
                seen += 1
                if seen >= PAGE:
                    return
        except Compacted:
            await asyncio.sleep(AGAIN_S)
        else:
            return


def check_ours(key: str) -> None:
    """Raise Permanent for a key that is none of ours."""
    if not is_ours(key):
        named = repr(key[:NAMED_MAX])
        raise Permanent(f"etcd: {named} is none of our keys: is the prefix somebody else's?")


def _after(begin: str) -> str:
    """Return the end of the range of all keys that begin so: 0 comes next to the stroke."""
    return f"{begin[:-1]}0"


async def rows(
    gateway: Gateway, prefix: str, some: tuple[str, str] = ("", "")
) -> AsyncIterator[Row]:
    """Yield all keys below a prefix, in order, as they were at one moment.

    `some`: from which on, and before which; empty: all. Where a page is not answered fewer keys are
    asked for, and then by and by more again.
    """
    first, last = some
    begin, end = f"{prefix}{first}".encode(), f"{prefix}{last}".encode()
    end = end if last else _after(prefix).encode()
    revision, limit, most = 0, PAGE, PAGE
    while True:
        asked = {"key": coded(begin), "range_end": coded(end), "limit": str(limit)}
        try:
            answer = await gateway.call(
                "kv/range", asked | ({"revision": str(revision)} if revision else {})
            )
        except TooLong:
            if limit == 1:
                raise Permanent("etcd: a value is longer than any that is ours") from None
            limit = most = max(1, limit // LESS)
            continue
        except Unanswered as error:
            limit = max(1, limit // LESS) if error.sent else limit
            await asyncio.sleep(AGAIN_S)
            continue
        limit = min(most, limit + MORE)
        revision = revision or revision_of(answer["header"])
        page = records(answer, "kvs")
        for found in page:
            key = decoded(found.get("key"))
            if not begin <= key < end:
                raise Permanent("etcd: an answer has keys that were not asked for")
            yield _named(key, prefix), decoded(found.get("value")), number(found, "mod_revision")
            begin = key + b"\0"
        if not answer.get("more"):
            return
        if not page:
            raise Permanent("etcd: an answer has no keys, and says that there are more")


def _named(key: bytes, prefix: str) -> str:
    try:
        return key.decode().removeprefix(prefix)
    except UnicodeDecodeError:
        raise Permanent(f"etcd: a key below {prefix} is none of ours") from None


class _Putting:
    """Takes rows in the order of their keys, and puts them together."""

    def __init__(self) -> None:
        self._loaded = Loaded()
        self._heads: dict[str, tuple[Opened, int]] = {}
        self._parts: dict[str, list[Change]] = {}
        self._told: dict[int, Mapping[str, NoticeRow]] = {}
        self._newest = 0

    def take(self, key: str, value: bytes, revision: int) -> None:
        check_ours(key)
        kind, _, rest = key.partition("/")
        if key == "mark":
            self._loaded.mark, self._loaded.mark_revision = MARK.loads(unpacked(value)), revision
        elif kind == "i":
            opened = OPENED.loads(unpacked(value))
            self._heads[parts_key(opened.head.id)] = opened, revision
            self._newest = max(self._newest, opened.order)
        elif kind == "p":
            of, stroke, _ = key.rpartition("/")
            self._parts.setdefault(of + stroke, []).append(CHANGE.loads(unpacked(value)))
        elif kind == "s":
            for lane in LANES.loads(unpacked(value)).lanes:
                letters = self._loaded.contents.letters
                letters.reach((lane.consumer, lane.host), lane.last)
                letters.tell((lane.consumer, lane.host), lane.told)
        elif key == "returns":
            found = RETURNS.loads(unpacked(value)).returns
            self._loaded.contents.returns = tuple((one.host, one.wall_s) for one in found)
        elif kind in NUMBERED:
            self._put(kind, int(rest), CHANGE.loads(unpacked(value)))

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
