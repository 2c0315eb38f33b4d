"""Consumers: who is told, and the outbox row that carries what they are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.notices import Notice


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One notice in the outbox: its body is frozen, only its delivery changes."""

    id: str
    consumer: str
    project: str
    host: HostId
    incident: IncidentId
    kind: str
    sequence: int
    body: str
    state: str = "pending"
    """pending | delivered | dead."""
    attempts: int = 0
    error: str = ""
    gap_before: bool = False
    late: bool = False
    """It was given up, and an operator has it told once more: its successors may have been told."""
    made_at: Instant | None = None
    evidence_at: Instant | None = None
    """When the evidence that opened the incident was received: latency is measured from here."""


class Notifier(Protocol):
    """Tells one consumer. The engine calls it for one notice of a host at a time, in order."""

    api: ClassVar[int]
    name: str

    def wants(self, notice: Notice) -> bool:
        """Tell whether this consumer is to hear of it."""
        ...

    def render(self, notice: Notice, id_: str, sequence: int) -> str:
        """Return the body, to be frozen."""
        ...

    async def deliver(self, row: NoticeRow) -> None:
        """Deliver one notice. Raise Temporary to try again, Permanent to give it up."""
        ...

    async def close(self) -> None: ...
