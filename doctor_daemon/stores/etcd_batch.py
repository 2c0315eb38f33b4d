"""Keys put in while nobody else leads: in few transactions, each of which may be done twice.

What is put in is no commit: no mark is compared, as nothing was there before and no daemon reads it
before its end. That this one leads is compared each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from doctor_daemon.core.audit import Link
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Conflict, Temporary
from doctor_daemon.stores.etcd_alone import Alone
from doctor_daemon.stores.etcd_daemons import or_else
from doctor_daemon.stores.etcd_empty import DATA
from doctor_daemon.stores.etcd_json import Json, coded
from doctor_daemon.stores.etcd_loading import answered
from doctor_daemon.stores.etcd_transactions import OPERATIONS_MAX, REQUEST_MAX, first, leads
from doctor_daemon.stores.etcd_values import CLAIM, MARK, SCHEMA, Claim, Mark, TooLarge, packed

WRITE_S = 60.0
"""How long one transaction is tried."""


class Batch:
    """Puts keys, as many at once as fit."""

    def __init__(self, alone: Alone) -> None:
        """Write nothing yet."""
        self._alone = alone
        self._puts: dict[str, bytes] = {}
        self._size = 0

    async def begin(self) -> None:
        """Have nothing be there of a try before this one.

        The claim by which this one leads has seen that there is nothing else, and has left there
        what no daemon takes for whole.
        """
        for some in (("mark", ""), *DATA):
            await self._write({}, (some,))

    async def put(self, key: str, value: bytes) -> None:
        """Put a key, soon."""
        size = len(key) + len(value)
        if size > REQUEST_MAX:
            raise TooLarge(f"etcd: {key} has {size} bytes, and {REQUEST_MAX} are the limit")
        full = self._size + size > REQUEST_MAX or len(self._puts) >= OPERATIONS_MAX
        if full and self._puts:
            await self._flushed()
        self._puts[key] = value
        self._size += size

    async def end(self, term: int, order: int, moment: Instant | None, audit: Link) -> None:
        """Have all of it count, and another lead. What was put in is durable when this returns.

        `term`: the next one that is claimed is above it. `order`: no key has a higher number.
        """
        await self._flushed()
        own = self._alone.own.claim
        mark = Mark(f"{own.by}-import", order, moment, audit)
        values = {
            "mark": packed(MARK.dumps(mark)),
            "schema": str(SCHEMA).encode(),
            "term": packed(CLAIM.dumps(Claim(max(term, own.term), own.by))),
        }
        await self._write(values, (("leader", ""),), mark)

    async def _flushed(self) -> None:
        puts, self._puts, self._size = self._puts, {}, 0
        if puts:
            await self._write(puts)

    async def _write(
        self,
        puts: dict[str, bytes],
        drops: Sequence[tuple[str, str]] = (),
        mark: Mark | None = None,
    ) -> None:
        """Do one transaction. Raise Conflict where this one leads no more.

        `mark`: what it leaves, by which it is known again when its answer was lost.
        """
        own = self._alone.own
        term = coded(packed(CLAIM.dumps(own.claim)))
        body: Json = {
            "compare": [
                {"key": self._key("term"), "target": "VALUE", "result": "EQUAL", "value": term},
                leads(self._key("leader"), own.revision),
            ],
            "success": [
                *({"request_delete_range": self._range(one)} for one in drops),
                *(
                    {"request_put": {"key": self._key(key), "value": coded(value)}}
                    for key, value in puts.items()
                ),
            ],
            "failure": [{"request_range": {"key": self._key("mark")}}],
        }
        answer = await self._answered("kv/txn", body)
        if answer.get("succeeded") is not True:
            found = or_else(MARK, first(answer, 0), Mark(""))
            if mark is None or found != mark:
                raise Conflict("etcd: somebody else leads, or our lease has run out")

    async def _answered(self, path: str, body: Json) -> Json:
        gateway = self._alone.gateway
        try:
            async with asyncio.timeout(WRITE_S):
                return await answered(gateway, path, body)
        except TimeoutError:
            raise Temporary(f"{gateway.failure}; gave up after {WRITE_S:g} s") from None

    def _range(self, some: tuple[str, str]) -> Json:
        """Return what names a range of keys, or one: its end is empty then."""
        begin, end = some
        return {"key": self._key(begin)} | ({"range_end": self._key(end)} if end else {})

    def _key(self, name: str) -> str:
        return coded(f"{self._alone.prefix}{name}".encode())
