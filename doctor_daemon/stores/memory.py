"""State in memory, with the semantics of a disk: for simulations, trials and tests.

The object itself is the disk. It outlives the daemon that uses it, a new one may open it for the
next term, and nothing is encoded, awaited or timed, so that it costs a simulation next to nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from doctor_daemon.core.context import Armed, Charge, Maintenance
from doctor_daemon.core.evacuation import Evacuation
from doctor_daemon.core.host import HostId, Server, ServerId
from doctor_daemon.core.incident import Entry, Incident, IncidentId, NoticeKind
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.upkeep import Upkeep
from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change, Delivery, EvidenceRow, Heading, NoticeRow, Snapshot, Wanted
from doctor_daemon.stores.changes import check_change, moment_of
from doctor_daemon.stores.host_tasks import HostTasks
from doctor_daemon.stores.lately import fits, gaps, returned
from doctor_daemon.stores.retention import (
    DAY_S,
    HEADINGS_MAX,
    KEYS_KEEP_S,
    KEYS_MAX,
    NOTICES_MAX,
)
from doctor_daemon.stores.spent import SpentRequests
from doctor_daemon.stores.volumes import Records, loaded

K = TypeVar("K")
Print = tuple[HostId, str, str]
"""Host, source and fingerprint: which statement it is, however often it was repeated."""


@dataclass(slots=True)
class _Saved:
    """One incident: its head as of the last step, and what has come together in rows."""

    head: Incident
    entries: dict[int, Entry] = field(default_factory=dict)
    servers: dict[ServerId, Server] = field(default_factory=dict)
    evacuations: dict[ServerId, Evacuation] = field(default_factory=dict)

    def whole(self) -> Incident:
        return replace(
            self.head,
            timeline=tuple(self.entries.values()),
            servers={**self.servers},
            evacuations={**self.evacuations},
        )


class MemoryConfig(BaseModel):
    """Options of the store that forgets everything when the daemon ends."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    keep_days: int = Field(default=400, ge=1, le=36_500)
    """How long closed incidents are kept, with their timeline and what consumers were told."""
    closed_max: int = Field(default=10_000, ge=1)
    """Above this number the oldest closed incidents are dropped early."""


class MemoryStore:
    """`ports.Store` in memory."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[MemoryConfig]] = MemoryConfig

    def __init__(self, config: MemoryConfig | None = None) -> None:
        """Begin empty."""
        self._config = config or MemoryConfig()
        self._term = 0
        self._incidents: dict[IncidentId, _Saved] = {}
        self._open: dict[HostId, IncidentId] = {}
        self._charges: dict[tuple[str, int], Charge] = {}
        self._armed = Armed()
        self._maintenance: dict[HostId, Maintenance] = {}
        self._notices: dict[str, NoticeRow] = {}
        self._numbers: set[tuple[str, HostId, int]] = set()
        self._sequences: dict[tuple[str, HostId], int] = {}
        self._evidence: dict[str, EvidenceRow] = {}
        self._said: dict[Print, str] = {}
        self._upkeep: dict[HostId, Upkeep] = {}
        self._volumes = Records()
        self._host_tasks = HostTasks()
        self._spent = SpentRequests()
        self._moment: Instant | None = None

    async def open(self) -> int:
        self._term += 1
        return self._term

    async def close(self) -> None:
        """Keep everything: the next to open finds it."""

    async def load(self) -> Snapshot:
        return Snapshot(
            incidents=tuple(self._incidents[id_].whole() for id_ in self._open.values()),
            charges=tuple(self._charges.values()),
            armed=self._armed,
            maintenance=tuple(self._maintenance[host] for host in sorted(self._maintenance)),
            pending=tuple(row for row in self._notices.values() if row.state == "pending"),
            sequences=dict(self._sequences),
            gaps=frozenset(gaps(self._notices.values())),
            evidence=tuple(map(self._row, list(self._evidence.values())[-KEYS_MAX:])),
            returns=returned(saved.head for saved in self._incidents.values()),
            upkeep=tuple(self._upkeep[host] for host in sorted(self._upkeep)),
            orders=loaded(self._volumes.orders.values()),
            tasks=loaded(self._volumes.tasks.values()),
            port_tasks=self._host_tasks.port_tasks(),
            reserves=self._host_tasks.lent(),
            masses=self._host_tasks.mass_state(),
            passages=self._host_tasks.let_through(),
            spent=self._spent.all_spent(),
            floors=self._spent.all_floors(),
        )

    async def find(self, id_: IncidentId) -> Incident | None:
        saved = self._incidents.get(id_)
        return saved.whole() if saved else None

    async def headings(self, host: HostId | None, limit: int) -> Sequence[Heading]:
        newest = [s for s in reversed(self._incidents.values()) if host in (None, s.head.host)]
        return tuple(map(_heading, newest[: max(0, min(limit, HEADINGS_MAX))]))

    async def said(self, source: str, limit: int) -> Sequence[EvidenceRow]:
        of_it = [row for row in reversed(self._evidence.values()) if row.source == source]
        return tuple(map(self._row, of_it[:limit]))

    def _row(self, row: EvidenceRow) -> EvidenceRow:
        return replace(row, summary=self._said[row.host, row.source, row.fingerprint])

    async def commit(self, change: Change, *, term: int) -> None:
        self._check(change, term)
        if change.head is not None:
            self._put(change.head, change)
        self._charges.update(_by_round(change.charges))
        for row in change.notices:
            self._notices[row.id] = row
            self._numbers.add((row.consumer, row.host, row.sequence))
            lane = row.consumer, row.host
            self._sequences[lane] = max(row.sequence, self._sequences.get(lane, 0))
        for said in change.evidence:
            self._evidence.pop(said.key, None)  # it moves to the end, where the newest are
            self._evidence[said.key] = said
            self._said[said.host, said.source, said.fingerprint] = said.summary
        self._switch(change)
        self._upkeep.update({one.host: one for one in change.upkeep})
        self._volumes.put(change)
        self._host_tasks.put(change)
        self._spent.put(change)
        self._moment = moment_of(change) or self._moment

    async def replace_charges(self, charges: Sequence[Charge], *, term: int) -> None:
        self._check_term(term)
        self._charges = _by_round(charges)

    async def deliveries(self, batch: Sequence[Delivery], *, term: int) -> None:
        self._check_term(term)
        for one in batch:
            row = self._notices.get(one.id)
            if row is not None:
                self._notices[one.id] = replace(
                    row, state=one.state, attempts=one.attempts, error=one.error
                )

    async def notices(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        found = (row for row in reversed(self._notices.values()) if fits(row, wanted))
        few = islice(found, max(0, min(limit, NOTICES_MAX)))
        return tuple(replace(row, body="") for row in few)

    async def given_up(self) -> Mapping[str, int]:
        return Counter(row.consumer for row in self._notices.values() if row.state == "dead")

    async def replay(self, ids: Collection[str], *, term: int) -> Sequence[NoticeRow]:
        self._check_term(term)
        asked = [row for row in self._notices.values() if row.id in ids]
        for row in asked:
            if row.state == "dead":
                again = replace(row, state="pending", attempts=0, error="", late=True)
                self._notices[row.id] = again
        now = (self._notices[row.id] for row in asked)
        return tuple(row for row in now if row.state == "pending" and row.late)

    async def prune(self, *, term: int) -> None:
        self._check_term(term)
        if self._moment is not None:
            self._prune(self._moment)

    # guards: all of them before anything is changed

    def _check_term(self, term: int) -> None:
        if term != self._term:
            raise Conflict(f"term {term} is over: term {self._term} has been claimed")

    def _check(self, change: Change, term: int) -> None:
        self._check_term(term)
        check_change(change)
        if change.head is not None:
            self._check_head(change.head, change)
        _check_new("charge", [(c.incident, c.number) for c in change.charges], self._charges)
        _check_new("notice", [row.id for row in change.notices], self._notices)
        numbers = [(row.consumer, row.host, row.sequence) for row in change.notices]
        _check_new("number of a notice", numbers, self._numbers)

    def _check_head(self, head: Incident, change: Change) -> None:
        saved = self._incidents.get(head.id)
        version = saved.head.version if saved else 0
        if head.version != version + 1:
            raise Conflict(f"incident {head.id} is not saved at version {head.version - 1}")
        if not head.phase.final and self._open.get(head.host, head.id) != head.id:
            raise Conflict(f"{head.host} has another open incident: {self._open[head.host]}")
        known = saved.entries if saved else {}
        _check_new("line of a timeline", [entry.seq for entry in change.entries], known)

    # changes

    def _put(self, head: Incident, change: Change) -> None:
        saved = self._incidents.setdefault(head.id, _Saved(head))
        saved.head = head
        saved.entries.update({entry.seq: entry for entry in change.entries})
        for id_ in change.servers_gone:
            saved.servers.pop(ServerId(id_), None)
        saved.servers.update({server.id: server for server in change.servers})
        saved.evacuations.update({one.server.id: one for one in change.evacuations})
        if not head.phase.final:
            self._open[head.host] = head.id
        elif self._open.get(head.host) == head.id:
            del self._open[head.host]

    def _switch(self, change: Change) -> None:
        if change.armed is not None:
            self._armed = change.armed
        if change.maintenance_ended is not None:
            self._maintenance.pop(change.maintenance_ended, None)
        if change.maintenance is not None:
            self._maintenance[change.maintenance.host] = change.maintenance

    def _prune(self, now: Instant) -> None:
        keep_s = self._config.keep_days * DAY_S
        closed = [one.head for one in self._incidents.values() if one.head.phase.final]
        closed.sort(key=lambda head: head.phase_at.wall_s)
        spare = len(closed) - self._config.closed_max
        for number, head in enumerate(closed):
            if number < spare or now.wall_s - head.phase_at.wall_s > keep_s:
                del self._incidents[head.id]
        for row in list(self._notices.values()):
            settled = row.state != "pending" and row.kind != NoticeKind.MAINTENANCE
            over = settled and row.incident not in self._incidents
            if over or (row.made_at and now.wall_s - row.made_at.wall_s > keep_s):
                del self._notices[row.id]
                self._numbers.discard((row.consumer, row.host, row.sequence))
        events = list(self._evidence.values())[-KEYS_MAX:]
        self._evidence = {one.key: one for one in events if _age_s(one.at, now) <= KEYS_KEEP_S}
        prints = {(one.host, one.source, one.fingerprint) for one in self._evidence.values()}
        self._said = {key: text for key, text in self._said.items() if key in prints}
        self._charges = {
            key: charge
            for key, charge in self._charges.items()
            if charge.at.boot_id != now.boot_id or now.since(charge.at) <= keep_s
        }


def _by_round(charges: Iterable[Charge]) -> dict[tuple[str, int], Charge]:
    return {(charge.incident, charge.number): charge for charge in charges}


def _check_new(what: str, keys: Sequence[K], known: Container[K]) -> None:
    """Raise Conflict for a key that is known, or stands twice."""
    for number, key in enumerate(keys):
        if key in known or key in keys[:number]:
            raise Conflict(f"this {what} has been written before: {key}")


def _age_s(at: Instant, now: Instant) -> float:
    """Return an age by the boot's clock, or by the wall clock where there is nothing better."""
    return now.since(at) if at.boot_id == now.boot_id else now.wall_s - at.wall_s


def _heading(saved: _Saved) -> Heading:
    head = saved.head
    return Heading(
        id=head.id,
        host=head.host,
        phase=head.phase,
        opened_wall_s=head.opened_at.wall_s,
        ended_wall_s=head.phase_at.wall_s if head.phase.final else None,
        text=next(reversed(saved.entries.values())).text if saved.entries else "",
    )
