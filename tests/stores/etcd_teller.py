"""An etcd in memory to which one test alone writes, and that tells what it writes as etcd does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from doctor_daemon.ports import Change
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import coded, decoded
from doctor_daemon.stores.etcd_mirror import Mirror
from doctor_daemon.stores.etcd_rows import Loaded, commit_plan
from doctor_daemon.stores.etcd_values import MARK, PAST, Mark, packed

PREFIX = "/x/"
Json = Mapping[str, Any]


class Telling:
    """An answer that goes on, as `etcd_stream.Stream` is one."""

    def __init__(self) -> None:
        self._words = asyncio.Queue[Json | Exception]()
        self.closed = False

    def tell(self, word: Json | Exception) -> None:
        self._words.put_nowait(word)

    async def next(self) -> Json:
        word = await self._words.get()
        if isinstance(word, Exception):
            raise word
        return word

    def close(self) -> None:
        self.closed = True


class Teller:
    """Rows below a prefix, and all that has become of them."""

    def __init__(self) -> None:
        self.failure = "etcd: no answer"
        self.rows: dict[str, tuple[bytes, int, int]] = {}
        """By key: the value, the revision that wrote it, and its version."""
        self.revision = 1
        self.tellings: list[Telling] = []
        self.begun: list[int] = []
        """From which revision on each of them tells."""
        self.silent_ones: list[object] = []
        self.failures: list[Exception] = []
        """Come in the place of answers, one after another."""
        self.headless = False
        """What answers a transaction says nothing of a revision."""
        self.holding: list[asyncio.Event] = []
        """Each holds back one page of what is over, from when it is asked for."""
        self.held = Loaded()
        """What a leader has who has written all of it."""
        self._history: list[tuple[int, list[Json]]] = []

    def mirror(self) -> Mirror:
        return Mirror(cast("Gateway", self), PREFIX)

    def write(
        self, rows: Mapping[str, bytes | None], *, told: bool = True, lost: bool = False
    ) -> None:
        """Write these, and drop those that are None.

        Not `told`: only who asks again hears of it. `lost`: nobody ever does.
        """
        self.revision += 1
        events = [self._event(key, value) for key, value in rows.items()]
        if lost:
            return
        self._history.append((self.revision, events))
        for one in self.tellings if told else ():
            one.tell({"events": events})

    def last(self) -> Json:
        """Return the word that tells of what was written last."""
        return {"events": self._history[-1][1]}

    def _event(self, key: str, value: bytes | None) -> Json:
        kv = {"key": coded(f"{PREFIX}{key}".encode()), "mod_revision": str(self.revision)}
        if value is None:
            self.rows.pop(key, None)
            return {"type": "DELETE", "kv": kv}
        version = self.rows[key][2] + 1 if key in self.rows else 1
        self.rows[key] = value, self.revision, version
        return {"kv": {**kv, "value": coded(value), "version": str(version)}}

    def commit(
        self,
        change: Change,
        more: Mapping[str, bytes | None] | None = None,
        *,
        told: bool = True,
        lost: bool = False,
    ) -> None:
        """Write a change as the leader does, with its mark."""
        order = self.held.mark.order + 1
        plan = commit_plan(self.held, change, order)
        mark = self.held.mark = Mark(f"mark-{order}", order)
        rows = {**plan.puts, **(more or {}), "mark": packed(MARK.dumps(mark))}
        self.write(rows, told=told, lost=lost)
        plan.apply(self.revision)

    async def call(self, path: str, body: Json) -> Json:
        if self.failures:
            raise self.failures.pop(0)
        header = {"revision": str(self.revision)}
        if path == "kv/txn":
            found = [self._ranged(one["request_range"]) for one in body["success"]]
            header = {} if self.headless else header
            return {"header": header, "responses": [{"response_range": one} for one in found]}
        answer = {"header": header, **self._ranged(body)}
        if decoded(body["key"]).startswith(f"{PREFIX}{PAST}".encode()) and self.holding:
            await self.holding.pop(0).wait()
        return answer

    def _ranged(self, asked: Json) -> Json:
        begin, end = decoded(asked["key"]), decoded(asked.get("range_end"))
        keys = sorted((f"{PREFIX}{name}".encode(), name) for name in self.rows)
        inside = [name for key, name in keys if (begin <= key < end if end else key == begin)]
        if asked.get("count_only"):
            return {"count": str(len(inside))}
        some = inside[: int(asked.get("limit", len(inside)))]
        return {"kvs": [self._told(name) for name in some], "more": len(some) < len(inside)}

    def _told(self, name: str) -> Json:
        value, at, version = self.rows[name]
        key = coded(f"{PREFIX}{name}".encode())
        return {
            "key": key,
            "value": coded(value),
            "mod_revision": str(at),
            "version": str(version),
        }

    async def stream(self, _: str, body: Json) -> Telling:
        start = int(body["create_request"]["start_revision"])
        telling = Telling()
        for at, events in self._history:
            if at >= start:
                telling.tell({"events": events})
        self.tellings.append(telling)
        self.begun.append(start)
        return telling

    def silent(self, telling: object) -> None:
        self.silent_ones.append(telling)
