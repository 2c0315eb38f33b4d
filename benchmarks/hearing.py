"""What the consumer has reported, and waiting for the last of an incident's notices."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict

from benchmarks.processes import Process

Key = tuple[str, str]
"""An incident, and a kind of notice."""
LIMIT_S = 60.0


class Hearing:
    """Stamps of notices: the first of each audience counts, since a notice may come twice."""

    def __init__(self) -> None:
        self._stamps: defaultdict[Key, dict[tuple[str, str], float]] = defaultdict(dict)
        self._told = asyncio.Condition()

    async def listen(self, consumer: Process) -> None:
        """Read a consumer's reports to their end."""
        if consumer.stdout is None:
            return
        while line := await consumer.stdout.readline():
            said = json.loads(line)
            stamps = self._stamps[said["incident"], said["kind"]]
            stamps.setdefault((said["consumer"], said["project"]), said["at_s"])
            async with self._told:
                self._told.notify_all()

    async def last(self, incident: str, kind: str, audiences: int) -> float:
        """Wait until so many audiences have heard; return when the last of them did."""
        key = (incident, kind)
        async with asyncio.timeout(LIMIT_S), self._told:
            await self._told.wait_for(lambda: len(self._stamps[key]) >= audiences)
        return max(self._stamps[key].values())

    async def at(self, incident: str, kind: str, consumer: str) -> float:
        """Wait until one consumer has heard; return when it did, for the operators' audience."""
        key, audience = (incident, kind), (consumer, "")
        async with asyncio.timeout(LIMIT_S), self._told:
            await self._told.wait_for(lambda: audience in self._stamps[key])
        return self._stamps[key][audience]

    def heard(self, incident: str, kind: str) -> int:
        """Return how many audiences have heard of it by now."""
        return len(self._stamps.get((incident, kind), ()))

    def forget(self, incident: str) -> None:
        """Drop what was heard of an incident."""
        for key in [key for key in self._stamps if key[0] == incident]:
            del self._stamps[key]
