"""The record of what sources have said, out of the store; open incidents as they stand now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.engine.desk import SAVED_WITHIN_S
from doctor_daemon.engine.engine import Engine
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Change, EvidenceRow

SAID_MAX = 2_000
"""Events of one source that are looked through."""


@dataclass(frozen=True, slots=True)
class EngineRecords:
    """Implements `ports.records.Records` on a running engine."""

    engine: Engine

    async def said(self, source: str) -> Sequence[EvidenceRow]:
        """Return the newest events of a source."""
        return await self.engine.ward.tools.store.said(source, SAID_MAX)

    async def incident(self, id_: IncidentId) -> Incident | None:
        """Return an incident as it stands now."""
        cases = self.engine.desk.cases.values()
        there = next((case.incident for case in cases if case.incident.id == id_), None)
        return there or await self.engine.ward.tools.store.find(id_)

    async def note(self, row: EvidenceRow) -> None:
        """Save one row. Raise Temporary when that takes too long, or the daemon stops."""
        if self.engine.desk.closed:
            msg = "the daemon is stopping"
            raise Temporary(msg)
        ward = self.engine.ward
        try:
            async with asyncio.timeout(SAVED_WITHIN_S):
                await ward.tools.store.commit(Change(evidence=(row,)), term=ward.term)
        except TimeoutError:
            msg = f"{row.host}: not durable after {SAVED_WITHIN_S:g} s"
            raise Temporary(msg) from None
