"""What a store holds, in memory: every guard, every question and what is dropped in time.

The memory store is this and a term. The etcd store answers questions from it, and checks by it what
is to be written. Who calls has seen to the term; nothing in here waits, or knows one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from doctor_daemon.core.context import Armed, Charge, Maintenance
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId, NoticeKind
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.upkeep import Upkeep
from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change, Delivery, EvidenceRow, Heading, NoticeRow, Snapshot, Wanted
from doctor_daemon.stores.changes import check_change, moment_of
from doctor_daemon.stores.host_tasks import HostTasks
from doctor_daemon.stores.lately import age_s, fits, gaps, returned
from doctor_daemon.stores.retention import (
    DAY_S,
    HEADINGS_MAX,
    KEYS_KEEP_S,
    KEYS_MAX,
    NOTICES_MAX,
)
from doctor_daemon.stores.saved import Saved
from doctor_daemon.stores.spent import SpentRequests
from doctor_daemon.stores.volumes import Records, loaded

K = TypeVar("K")
PIECE_MAX = 1000
"""Records in one of the changes that `rest` yields."""
Print = tuple[HostId, str, str]
"""Host, source and fingerprint: which statement it is, however often it was repeated."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept: closed incidents for `keep_days`, and no more than `closed_max` of them."""

    keep_days: int
    closed_max: int


class Contents:
    """Everything that a store holds. What changes it checks nothing: `check` does, before."""

    def __init__(self) -> None:
        """Begin empty."""
        self._incidents: dict[IncidentId, Saved] = {}
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
        self.moment: Instant | None = None

    def snapshot(self) -> Snapshot:
        """Return what a starting daemon needs."""
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

    def find(self, id_: IncidentId) -> Incident | None:
        """Return one incident whole."""
        saved = self._incidents.get(id_)
        return saved.whole() if saved else None

    def headings(self, host: HostId | None, limit: int) -> Sequence[Heading]:
        """Return the newest incidents first."""
        newest = [s for s in reversed(self._incidents.values()) if host in (None, s.head.host)]
        return tuple(one.heading() for one in newest[: max(0, min(limit, HEADINGS_MAX))])

    def said(self, source: str, limit: int) -> Sequence[EvidenceRow]:
        """Return the events of one source, the newest first."""
        of_it = [row for row in reversed(self._evidence.values()) if row.source == source]
        return tuple(map(self._row, of_it[:limit]))

    def _row(self, row: EvidenceRow) -> EvidenceRow:
        return replace(row, summary=self._said[row.host, row.source, row.fingerprint])

    def put(self, change: Change) -> None:
        """Take a change, as it is."""
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
        self.moment = moment_of(change) or self.moment

    def replace_charges(self, charges: Sequence[Charge]) -> None:
        """Put these charges in the place of all."""
        self._charges = _by_round(charges)

    def delivered(self, batch: Iterable[Delivery]) -> Sequence[NoticeRow]:
        """Return the notices of a batch that are kept, as they stand then; change nothing."""
        known = [(one, self._notices[one.id]) for one in batch if one.id in self._notices]
        return tuple(
            replace(row, state=one.state, attempts=one.attempts, error=one.error)
            for one, row in known
        )

    def note(self, rows: Iterable[NoticeRow]) -> None:
        """Take notices that are kept as they stand now."""
        self._notices.update({row.id: row for row in rows})

    def notices(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        """Return notices, the newest first, without their bodies."""
        found = (row for row in reversed(self._notices.values()) if fits(row, wanted))
        few = islice(found, max(0, min(limit, NOTICES_MAX)))
        return tuple(replace(row, body="") for row in few)

    def given_up(self) -> Mapping[str, int]:
        """Return how many dead notices are kept, by consumer."""
        return Counter(row.consumer for row in self._notices.values() if row.state == "dead")

    def kept(self, kind: str, key: object) -> object | None:
        """Return a row that is kept: an incident (i), a notice (n), an event (e), a charge (c)."""
        rows: Mapping[str, Mapping[Any, object]] = {
            "i": self._incidents,
            "n": self._notices,
            "e": self._evidence,
            "c": self._charges,
        }
        return rows[kind].get(key)

    @property
    def sequences(self) -> Mapping[tuple[str, HostId], int]:
        """(consumer, host) -> the last number given out."""
        return self._sequences

    def reach(self, lane: tuple[str, HostId], last: int) -> None:
        """Take the last number of a lane, of which no notice need be kept."""
        self._sequences[lane] = max(last, self._sequences.get(lane, 0))

    def rest(self) -> Iterator[Change]:
        """Yield changes that bring about all that is no incident, notice, event or charge."""
        tasks, records, spent = self._host_tasks, self._volumes, self._spent.all_spent()
        yield Change(
            armed=self._armed,
            masses=tasks.mass_state(),
            upkeep=tuple(self._upkeep.values()),
            port_tasks=tasks.port_tasks(),
            reserves=tasks.lent(),
            passages=tasks.let_through(),
            floors=self._spent.all_floors(),
        )
        yield from (Change(maintenance=window) for window in self._maintenance.values())
        yield from (Change(orders=some) for some in _in_pieces(records.orders.values()))
        yield from (Change(tasks=some) for some in _in_pieces(records.tasks.values()))
        yield from (Change(spent=some) for some in _in_pieces(spent))

    def replayed(self, ids: Collection[str]) -> tuple[Sequence[NoticeRow], Sequence[NoticeRow]]:
        """Return the dead ones of these as they stand when told again, and all that are late then.

        Change nothing.
        """
        asked = [row for row in self._notices.values() if row.id in ids]
        again = {
            row.id: replace(row, state="pending", attempts=0, error="", late=True)
            for row in asked
            if row.state == "dead"
        }
        now = (again.get(row.id, row) for row in asked)
        late = tuple(row for row in now if row.state == "pending" and row.late)
        return tuple(again.values()), late

    # guards: all of them before anything is changed

    def check(self, change: Change) -> None:
        """Raise Conflict for what was decided on another state, ValueError for a bug."""
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
        self._incidents.setdefault(head.id, Saved(head)).put(head, change)
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

    def prune(self, rule: Keeping) -> None:
        """Drop what is older than its retention; ages count from the last moment that was told."""
        now = self.moment
        if now is None:
            return
        keep_s = rule.keep_days * DAY_S
        closed = [one.head for one in self._incidents.values() if one.head.phase.final]
        closed.sort(key=lambda head: head.phase_at.wall_s)
        spare = len(closed) - rule.closed_max
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
        self._evidence = {one.key: one for one in events if age_s(one.at, now) <= KEYS_KEEP_S}
        self._volumes.drop_old()
        prints = {(one.host, one.source, one.fingerprint) for one in self._evidence.values()}
        self._said = {key: text for key, text in self._said.items() if key in prints}
        self._charges = {
            key: charge
            for key, charge in self._charges.items()
            if charge.at.boot_id != now.boot_id or now.since(charge.at) <= keep_s
        }


def _in_pieces(rows: Iterable[K]) -> Iterator[tuple[K, ...]]:
    waiting = iter(rows)
    while some := tuple(islice(waiting, PIECE_MAX)):
        yield some


def _by_round(charges: Iterable[Charge]) -> dict[tuple[str, int], Charge]:
    return {(charge.incident, charge.number): charge for charge in charges}


def _check_new(what: str, keys: Sequence[K], known: Container[K]) -> None:
    """Raise Conflict for a key that is known, or stands twice."""
    for number, key in enumerate(keys):
        if key in known or key in keys[:number]:
            raise Conflict(f"this {what} has been written before: {key}")
