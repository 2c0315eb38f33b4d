"""A consumer that does as a test has it do."""

from __future__ import annotations

import asyncio
import json
from typing import ClassVar

from doctor_daemon.core.notices import Notice
from doctor_daemon.ports import NoticeRow
from tests.simulation.virtual import VirtualClock


class ScriptedConsumer:
    """A consumer that remembers what it heard and when; `errors` come first."""

    api: ClassVar[int] = 1

    def __init__(self, name: str, clock: VirtualClock) -> None:
        self.name = name
        self.clock = clock
        self.call_s = 0.01
        self.errors: list[Exception] = []
        self.heard: list[tuple[float, NoticeRow]] = []

    def wants(self, notice: Notice) -> bool:
        return True

    def render(self, notice: Notice, id_: str, sequence: int) -> str:
        servers = [server.id for server in notice.servers]
        body = {"kind": notice.kind, "fenced": notice.fenced, "servers": servers}
        return json.dumps({**body, "project": notice.project, "text": notice.text})

    async def deliver(self, row: NoticeRow) -> None:
        await asyncio.sleep(self.call_s)
        if self.errors:
            raise self.errors.pop(0)
        self.heard.append((self.clock.now().boot_s, row))

    async def close(self) -> None:
        return

    def kinds(self, project: str = "") -> list[str]:
        """Return the kinds that were heard by one audience, in order."""
        return [row.kind for _, row in self.heard if row.project == project]
