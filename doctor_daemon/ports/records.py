"""What has been said and what became of it, for a source that has to answer for it later.

Most sources are done once their word is durable. A few speak a format in which the sender may ask
again: which notifications were there, and how far is each. What they answer is read from the store,
so it is the same after a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.ports.store import EvidenceRow


class Records(Protocol):
    """The record of what sources have said. Each raises Temporary where it cannot be read now."""

    async def said(self, source: str) -> Sequence[EvidenceRow]:
        """Return the events of a source that are still known, the newest first."""
        ...

    async def incident(self, id_: IncidentId) -> Incident | None:
        """Return an incident, open or closed; None: it is no longer known."""
        ...

    async def note(self, row: EvidenceRow) -> None:
        """Keep something that was said and is no evidence. Durable when it returns."""
        ...
