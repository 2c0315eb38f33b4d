"""Durable state: what one step writes, what a starting daemon loads, and who may write."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from doctor_daemon.core.audit import Line, Page
from doctor_daemon.core.context import Armed, Charge, Maintenance
from doctor_daemon.core.evacuation import Evacuation
from doctor_daemon.core.host import HostId, Server
from doctor_daemon.core.incident import Entry, Incident, IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.masses import MassState, Passage
from doctor_daemon.core.port_tasks import PortTask
from doctor_daemon.core.reserves import ReserveTask
from doctor_daemon.core.upkeep import Upkeep
from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volume_tasks import VolumeTask
from doctor_daemon.ports.consumer import NoticeRow
from doctor_daemon.ports.replays import Floor, Spent


@dataclass(frozen=True, slots=True)
class Heading:
    """The short of one incident, for lists."""

    id: IncidentId
    host: HostId
    phase: str
    opened_wall_s: float
    ended_wall_s: float | None
    text: str


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """Evidence as it was accepted: kept for the record, and so that a repeated key is known."""

    key: str
    host: HostId
    source: str
    fingerprint: str
    verdict: str
    summary: str
    at: Instant
    incident: IncidentId | None


@dataclass(frozen=True, slots=True)
class Change:
    """What one step writes, all or nothing.

    `head` is the incident as it is to be saved, its version one above the saved one; the entries
    servers and evacuations are what is new since.
    """

    head: Incident | None = None
    entries: tuple[Entry, ...] = ()
    servers: tuple[Server, ...] = ()
    servers_gone: tuple[str, ...] = ()
    evacuations: tuple[Evacuation, ...] = ()
    charges: tuple[Charge, ...] = ()
    notices: tuple[NoticeRow, ...] = ()
    evidence: tuple[EvidenceRow, ...] = ()
    armed: Armed | None = None
    maintenance: Maintenance | None = None
    maintenance_ended: HostId | None = None
    upkeep: tuple[Upkeep, ...] = ()
    orders: tuple[VolumeOrder, ...] = ()
    """Operators' orders about Cinder, new or as they stand now."""
    tasks: tuple[VolumeTask, ...] = ()
    """What is to be seen to at the block storage, new or as it stands now."""
    port_tasks: tuple[PortTask, ...] = ()
    """What is to be seen to about ports, new or as it stands now: one a host."""
    reserves: tuple[ReserveTask, ...] = ()
    """Which hosts in reserve are lent, new or as it stands now: one a host that failed."""
    masses: MassState | None = None
    """Why no power is cut while many hosts look dead, and how many a human lets through."""
    passages: tuple[Passage, ...] = ()
    """Which hosts have been let through, and how often: one a host."""
    spent: tuple[Spent, ...] = ()
    """Signed requests that have come."""
    floors: tuple[Floor, ...] = ()
    """What they are known by without their names, from now on."""
    audit: tuple[Line, ...] = ()
    """What the audit says of this: chained where it is written. One that is there stays so."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a starting daemon loads."""

    incidents: Sequence[Incident] = ()
    """The open ones, whole."""
    charges: Sequence[Charge] = ()
    armed: Armed = field(default_factory=Armed)
    maintenance: Sequence[Maintenance] = ()
    pending: Sequence[NoticeRow] = ()
    """Undelivered notices, in the order of their making."""
    sequences: Mapping[tuple[str, HostId], int] = field(default_factory=dict)
    """(consumer, host) -> the last sequence number given out."""
    gaps: frozenset[tuple[str, HostId]] = frozenset()
    """(consumer, host) whose last notice that is not pending was given up."""
    evidence: Sequence[EvidenceRow] = ()
    """The latest evidence, for the repeated keys."""
    returns: Sequence[tuple[HostId, float]] = ()
    """(host, when) of the latest incidents that ended with a return, by the wall clock."""
    upkeep: Sequence[Upkeep] = ()
    """What consumers were last told of hosts in Nova's MAINTENANCE, in the order of the hosts."""
    orders: Sequence[VolumeOrder] = ()
    """The last ones, and every one without an end, by their numbers."""
    tasks: Sequence[VolumeTask] = ()
    """The last ones, and every one that is not over, by their numbers."""
    port_tasks: Sequence[PortTask] = ()
    """The last one of each host, in the order of the hosts."""
    reserves: Sequence[ReserveTask] = ()
    """The same."""
    masses: MassState = field(default_factory=MassState)
    passages: Sequence[Passage] = ()
    """The last one of each host, in the order of the hosts."""
    spent: Sequence[Spent] = ()
    """Signed requests that have come and are above their floors, the oldest of a source first."""
    floors: Sequence[Floor] = ()
    """One of each source that has one, in the order of their names."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the delivery of one notice stands."""

    id: str
    state: str
    attempts: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which notices are asked for: all that fit everything that is named."""

    state: str | None = None
    consumer: str | None = None
    ids: frozenset[str] | None = None


class Store(Protocol):
    """Durable state. Each write is durable (full sync) when its call returns.

    Raise Conflict when the term or a head's version is stale, Temporary when nothing can be written
    now (a full disk), Permanent when the store must not be used (corrupt, a newer schema).
    """

    async def open(self) -> int:
        """Open, check and claim the store; return the new term, one above any before.

        It waits while another leads; what the other has written can be asked for meanwhile.
        """
        ...

    async def load(self) -> Snapshot: ...

    async def commit(self, change: Change, *, term: int) -> None: ...

    async def replace_charges(self, charges: Sequence[Charge], *, term: int) -> None:
        """Put these charges in the place of all: after a reboot they are timed anew."""
        ...

    async def deliveries(self, batch: Sequence[Delivery], *, term: int) -> None: ...

    async def find(self, id_: IncidentId) -> Incident | None:
        """Return one incident whole, open or closed."""
        ...

    async def headings(self, host: HostId | None, limit: int) -> Sequence[Heading]:
        """Return the newest incidents first."""
        ...

    async def said(self, source: str, limit: int) -> Sequence[EvidenceRow]:
        """Return the events of one source that are still known, the newest first."""
        ...

    async def notices(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        """Return notices, the newest first, without their bodies (empty), which may be large."""
        ...

    async def given_up(self) -> Mapping[str, int]:
        """Return how many dead notices are kept, by consumer; none: it is not in there."""
        ...

    async def replay(self, ids: Collection[str], *, term: int) -> Sequence[NoticeRow]:
        """Have dead notices told again: pending and late, with no attempts and no error.

        Return those of these that are pending and late now, whole, in the order of their making;
        those that were so before are among them. Any other one is left as it is.
        """
        ...

    async def audit(self, after: int, limit: int) -> Page:
        """Return lines of the audit after this number, in order, and the ends of the chain."""
        ...

    async def prune(self, *, term: int) -> None:
        """Drop what is older than its retention."""
        ...

    async def close(self) -> None: ...


class LeaderLock(Protocol):
    """Who may act. `acquire` raises Conflict when another daemon holds it."""

    async def acquire(self) -> None: ...

    async def release(self) -> None: ...
