"""A consumer that is slow, fails, or is gone; it remembers everything that it was told."""

from __future__ import annotations

import asyncio
import json
from typing import ClassVar

from doctor_daemon.core.notices import Notice
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import NoticeRow
from tests.simulation.crash import Boundaries
from tests.simulation.faults import Swarm


class SimConsumer:
    """`ports.Notifier`. It outlives the daemons of the seed, as a real one does."""

    api: ClassVar[int] = 1

    def __init__(self, name: str, swarm: Swarm, boundaries: Boundaries) -> None:
        self.name = name
        self._boundaries = boundaries
        self._swarm = swarm
        self._gone = swarm.strikes("consumer-gone", 0.5)
        self.heard: list[NoticeRow] = []

    def wants(self, notice: Notice) -> bool:
        return True

    def render(self, notice: Notice, id_: str, sequence: int) -> str:
        body = {
            "id": id_,
            "kind": notice.kind,
            "sequence": sequence,
            "servers": [server.id for server in notice.servers],
            "fenced": notice.fenced,
            "text": notice.text,
        }
        return json.dumps(body, sort_keys=True)

    async def deliver(self, row: NoticeRow) -> None:
        swarm = self._swarm
        await self._boundaries.pass_by("crash-before-notice")
        slow = swarm.strikes("consumer-slow")
        await asyncio.sleep(swarm.seconds(5, 30) if slow else swarm.seconds(0.005, 0.05))
        if self._gone and swarm.on:
            msg = "410"
            raise Permanent(msg)
        if swarm.strikes("bug", 0.1):
            msg = "bug while delivering"
            raise RuntimeError(msg)
        if swarm.strikes("consumer-fails"):
            msg = "503"
            raise Temporary(msg)
        self.heard.append(row)
        await self._boundaries.pass_by("crash-after-notice")
        if swarm.strikes("consumer-fails", 0.3):
            msg = "connection reset after it was heard"
            raise Temporary(msg)

    async def close(self) -> None:
        return
