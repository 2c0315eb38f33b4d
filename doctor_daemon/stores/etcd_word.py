"""A word to whoever leads, left in etcd by a daemon that stands by: cut nothing any more.

It is read with every look at who leads, so also just before each effect: from the moment at which
it is written nothing is begun, before the one that leads has heeded it, saved, and dropped it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

from doctor_daemon.errors import LateError, Temporary
from doctor_daemon.ports.leading import Forbidden
from doctor_daemon.stores.codec import Codec
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import coded, decoded, number
from doctor_daemon.stores.etcd_meaning import Unanswered
from doctor_daemon.stores.etcd_values import WORD, packed, unpacked
from doctor_daemon.stores.shape import shape

SAID_S = 4.0
"""How long it is tried to say it, or to drop it."""
AGAIN_S = 0.2
FORBIDDEN: Codec[Forbidden] = Codec("word", shape(Forbidden))
UNREAD = Forbidden("somebody unknown", "the word that stands in etcd cannot be read", "")


class Word:
    """`ports.leading.Words`, one at a time: a later one takes the place of an earlier."""

    def __init__(self, prefix: str) -> None:
        """Know of none."""
        self.gateway: Gateway | None = None
        """None: nothing has been opened yet."""
        self._key = coded(f"{prefix}{WORD}".encode())
        self._found: tuple[Forbidden, int] | None = None
        self._dropped, self._seen = 0, 0
        """The revisions of what was dropped last, and of the last look: looks overtake."""
        self._news = asyncio.Event()

    def take(self, record: Mapping[str, Any], at: int) -> None:
        """Take what a look has shown at a revision: the record of the key, or an empty one."""
        if at < self._seen:
            return
        self._seen = at
        revision = number(record, "mod_revision")
        if not record or revision <= self._dropped:
            self._found = None
            return
        word = replace(UNREAD, id=str(revision))
        with suppress(Exception):  # whatever stands there: somebody wants nothing to be cut
            word = FORBIDDEN.loads(unpacked(decoded(record.get("value"))))
        self._found = word, revision
        self._news.set()

    def check(self) -> None:
        """Raise LateError where something was forbidden, and is not heeded yet."""
        if self._found is not None:
            word, _ = self._found
            raise LateError(f"nothing was sent: disarmed by {word.by}: {word.why}")

    async def forbidden(self) -> Forbidden:
        """Wait for a word; return it."""
        while self._found is None:
            self._news.clear()
            await self._news.wait()
        return self._found[0]

    async def forbid(self, by: str, why: str) -> None:
        """Write a word. Raise Temporary where it is not known that it stands."""
        value = packed(FORBIDDEN.dumps(Forbidden(by, why, uuid4().hex)))
        await self._tried("kv/put", {"key": self._key, "value": coded(value)})

    async def heeded(self, word: Forbidden) -> None:
        """Drop a word, unless another has taken its place since. Raise Temporary."""
        if self._found is None or self._found[0] != word:
            return
        revision = self._found[1]
        same = {"key": self._key, "target": "MOD", "result": "EQUAL"}
        body = {
            "compare": [same | {"mod_revision": str(revision)}],
            "success": [{"request_delete_range": {"key": self._key}}],
        }
        await self._tried("kv/txn", body)
        self._forget(revision)

    def _forget(self, revision: int) -> None:
        self._dropped = revision
        if self._found is not None and self._found[1] <= revision:
            self._found = None

    async def _tried(self, path: str, body: Mapping[str, object]) -> Mapping[str, Any]:
        """Try for a while: done twice it is as done once."""
        gateway = self.gateway
        if gateway is None:
            raise Temporary("etcd has not been asked yet")
        with suppress(TimeoutError):
            async with asyncio.timeout(SAID_S):
                while True:
                    with suppress(Unanswered):
                        return await gateway.call(path, body)
                    await asyncio.sleep(AGAIN_S)
        raise Temporary(f"{gateway.failure}; whether it stands in etcd is not known")
