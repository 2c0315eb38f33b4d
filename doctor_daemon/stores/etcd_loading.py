"""What is in etcd, read page by page, at one revision, and put together again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import structlog

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import Json, coded, decoded, number, records, revision_of
from doctor_daemon.stores.etcd_meaning import Compacted, TooLong, Unanswered
from doctor_daemon.stores.etcd_past import Past, read
from doctor_daemon.stores.etcd_putting import NAMED_MAX, Putting, check_ours
from doctor_daemon.stores.etcd_rows import Loaded
from doctor_daemon.stores.etcd_transactions import first
from doctor_daemon.stores.etcd_values import AUDIT, DAEMONS, PAST

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
        putting = Putting()
        try:
            for some in (("", AUDIT), (after(AUDIT), PAST), (after(PAST), "")):
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
    async for key, value, _ in rows(gateway, prefix, (PAST, after(PAST))):
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


async def counted(gateway: Gateway, prefix: str) -> tuple[int, int]:
    """Return the revision of the mark, and how many keys there are beside past and audit.

    Those are left out that say who leads and who stands by. Raise Temporary when nobody answers.
    """

    def key(name: str) -> str:
        return coded(f"{prefix}{name}".encode())

    ends = (
        *(("", AUDIT), (after(AUDIT), DAEMONS)),
        *((after(DAEMONS), "leader"), ("leader\0", PAST)),
    )
    asked: list[Json] = [{"key": key("mark")}]
    asked += [{"key": key(a), "range_end": key(b), "count_only": True} for a, b in ends]
    answer = await gateway.call("kv/txn", {"success": [{"request_range": one} for one in asked]})
    counts = [one.get("response_range") for one in records(answer, "responses")[1:]]
    keys = sum(number(one, "count") for one in counts if isinstance(one, dict))
    return number(first(answer, 0), "mod_revision"), keys


async def check_prefix(gateway: Gateway, prefix: str) -> None:
    """Look at the first keys, before anything is written. Raise Permanent if one is none of ours.

    The caller bounds the time.
    """
    seen = 0
    while True:
        try:
            for some in (("", AUDIT), (after(AUDIT), "")):  # or the audit would hide the others
                async for key, _, _ in rows(gateway, prefix, some):
                    check_ours(key)
                    seen += 1
                    if seen >= PAGE:
                        return
        except Compacted:
            await asyncio.sleep(AGAIN_S)
        else:
            return


def after(begin: str) -> str:
    """Return the end of the range of all keys that begin so: 0 comes next to the stroke."""
    return f"{begin[:-1]}0"


async def rows(
    gateway: Gateway, prefix: str, some: tuple[str, str] = ("", ""), revision: int = 0
) -> AsyncIterator[Row]:
    """Yield all keys below a prefix, in order, as they were at one moment.

    `some`: from which on, and before which; empty: all. `revision`: when; 0: now. Where a page is
    not answered fewer keys are asked for, and then by and by more again.
    """
    first, last = some
    begin, end = f"{prefix}{first}".encode(), f"{prefix}{last}".encode()
    end = end if last else after(prefix).encode()
    limit, most = PAGE, PAGE
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
