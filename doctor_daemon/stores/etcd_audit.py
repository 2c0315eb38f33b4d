"""The audit in etcd: chained by whoever gathers a transaction, and read when somebody asks.

The mark of each transaction says where the chain stands after it. So there is one chain, whatever
becomes of a transaction whose answer was lost: the next one goes on from the mark that stands.
Nobody holds the lines in memory, and a start does not wait for them.
"""

from __future__ import annotations

import asyncio

import structlog

from doctor_daemon.core.audit import ORIGIN, Link, Page, Row
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.chain import AUDIT_MAX, AUDIT_PAGE_MAX
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import coded, decoded
from doctor_daemon.stores.etcd_loading import answered, rows
from doctor_daemon.stores.etcd_transactions import Plan, first
from doctor_daemon.stores.etcd_values import (
    LINES,
    LINK,
    MARK,
    Lines,
    ordered,
    packed,
    unpacked,
)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
READ_S = 10.0
"""How long a question is tried."""
TURNS = 3
"""How often it is asked while lines are being dropped."""
KIND = "a"
_FROM, _TO = f"{KIND}/", f"{KIND}0"
_KEYS_AT_ONCE = 200


async def page(
    gateway: Gateway, prefix: str, after: int, limit: int, *, within_s: float = READ_S
) -> Page:
    """Return lines after a number, and the ends of the chain.

    Raise Temporary when nobody answers in time, Permanent for what cannot be read.
    """
    most = max(0, min(limit, AUDIT_PAGE_MAX))
    try:
        async with asyncio.timeout(within_s):
            for _ in range(TURNS):
                anchor, last, begin = await _ends(gateway, prefix, after)
                found = await _found(gateway, prefix, (begin, after, last.number), most)
                if (await _ends(gateway, prefix, after))[0] == anchor:
                    return Page(anchor, last, found)
    except TimeoutError:
        raise Temporary(f"{gateway.failure}; gave up after {within_s:g} s") from None
    raise Temporary("etcd: the audit is being pruned; ask again")


async def _ends(gateway: Gateway, prefix: str, after: int) -> tuple[Link, Link, str]:
    """Return the ends of the chain, and the key that has the line after a number."""
    upto = coded(f"{prefix}{ordered(KIND, after + 1)}".encode() + b"\0")
    order = {"sort_order": "DESCEND", "sort_target": "KEY", "limit": "1"}
    asked = (
        {"key": coded(f"{prefix}audit".encode())},
        {"key": coded(f"{prefix}mark".encode())},
        {"key": coded(f"{prefix}{_FROM}".encode()), "range_end": upto, **order},
    )
    answer = await answered(gateway, "kv/txn", {"success": [{"request_range": r} for r in asked]})
    anchor, mark, begin = (first(answer, place) for place in range(3))
    ends = (
        LINK.loads(unpacked(decoded(anchor.get("value")))) if anchor else ORIGIN,
        MARK.loads(unpacked(decoded(mark.get("value")))).audit if mark else ORIGIN,
    )
    key = decoded(begin.get("key")).decode(errors="replace") if begin else ""
    return *ends, key.removeprefix(prefix) or _FROM


async def _found(
    gateway: Gateway, prefix: str, where: tuple[str, int, int], most: int
) -> tuple[Row, ...]:
    """Read lines from a key on: those after a number and up to another, in the order of keys."""
    begin, after, last = where
    found: list[Row] = []
    async for _, value, _ in rows(gateway, prefix, (begin, _TO)):
        lines = LINES.loads(unpacked(value)).rows
        found += (row for row in lines if after < row.number <= last)
        if len(found) >= most or any(row.number >= last for row in lines):
            break
    return tuple(found[:most])


def _readable(key: str, value: bytes) -> Lines | None:
    """Return lines; None: somebody else has written there. That is no reason not to act."""
    try:
        lines = LINES.loads(unpacked(value))
    except Permanent as error:
        log.warning("lines of the audit cannot be read, and stay", key=key, error=str(error))
        return None
    return lines if lines.rows else None


async def old(
    gateway: Gateway, prefix: str, horizon_s: float, most: int = AUDIT_MAX
) -> Plan | None:
    """Plan to drop the oldest lines: those before a moment of the wall clock, and too many.

    None: there is none. Whatever comes after one that stays stays, too.
    """
    try:
        async with asyncio.timeout(READ_S):
            _, last, _ = await _ends(gateway, prefix, 0)
            link, count, end = None, 0, ""
            async for key, value, _ in rows(gateway, prefix, (_FROM, _TO)):
                end, lines = key, _readable(key, value)
                if count >= _KEYS_AT_ONCE or lines is None:
                    break
                spare = lines.rows[-1].number <= last.number - most
                if not spare and lines.until_wall_s >= horizon_s:
                    break
                link, count, end = lines.rows[-1].link, count + 1, ""
    except TimeoutError:
        raise Temporary(f"{gateway.failure}; gave up after {READ_S:g} s") from None
    if link is None:
        return None
    upto = end or ordered(KIND, link.number + 1)
    return Plan(puts={"audit": packed(LINK.dumps(link))}, drops=((_FROM, upto),))
