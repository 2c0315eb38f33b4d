"""What a store holds, in memory: every guard, every question and what is dropped in time.

The memory store is this and a term. The etcd store answers questions from it, and checks by it what
is to be written. Who calls has seen to the term; nothing in here waits, or knows one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from doctor_daemon.core.context import Armed, Charge, Maintenance
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.masses import MassState
from doctor_daemon.core.upkeep import Upkeep
from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volume_tasks import VolumeTask
from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change, EvidenceRow, Heading, Snapshot
from doctor_daemon.stores.changes import check_change, check_new, moment_of
from doctor_daemon.stores.host_tasks import HostTasks
from doctor_daemon.stores.lately import age_s, latest, returned
from doctor_daemon.stores.letters import Letters
from doctor_daemon.stores.retention import (
    CHARGES_KEEP_S,
    DAY_S,
    HEADINGS_MAX,
    KEYS_KEEP_S,
    KEYS_MAX,
)
from doctor_daemon.stores.saved import Saved
from doctor_daemon.stores.spent import SpentRequests
from doctor_daemon.stores.volumes import Records, loaded

Return = tuple[HostId, float]
"""Whose host came back, and when, by the wall clock."""
Ended = tuple[float, IncidentId]
"""When an incident ended, by the wall clock."""
Print = tuple[HostId, str, str]
"""Host, source and fingerprint: which statement it is, however often it was repeated."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept: closed incidents for `keep_days`, and no more than `closed_max` of them."""

    keep_days: int
    closed_max: int

    @property
    def keep_s(self) -> float:
        """The same in seconds."""
        return self.keep_days * DAY_S


class Contents:
    """Everything that a store holds. What changes it checks nothing: `check` does, before."""

    def __init__(self) -> None:
        """Begin empty."""
        self._incidents: dict[IncidentId, Saved] = {}
        self._open: dict[HostId, IncidentId] = {}
        self._charges: dict[tuple[str, int], Charge] = {}
        self._armed = Armed()
        self._maintenance: dict[HostId, Maintenance] = {}
        self.letters = Letters()
        self.returns: tuple[Return, ...] = ()
        """Of closed incidents that are kept elsewhere, or were until lately."""
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
            pending=self.letters.pending(),
            sequences=dict(self.letters.sequences),
            gaps=self.letters.gaps(),
            evidence=tuple(map(self._row, list(self._evidence.values())[-KEYS_MAX:])),
            returns=latest(chain(self.returns, returned(self.heads()))),
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

    def saved(self, id_: IncidentId) -> Saved | None:
        """Return one incident as it is held."""
        return self._incidents.get(id_)

    def heads(self) -> Iterator[Incident]:
        """Yield the heads of all, in the order of their opening."""
        return (saved.head for saved in self._incidents.values())

    def newest(self, host: HostId | None) -> Iterator[Heading]:
        """Yield the newest incidents first."""
        found = reversed(self._incidents.values())
        return (saved.heading() for saved in found if host in (None, saved.head.host))

    def headings(self, host: HostId | None, limit: int) -> Sequence[Heading]:
        """Return the newest incidents first."""
        return tuple(islice(self.newest(host), max(0, min(limit, HEADINGS_MAX))))

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
        self.letters.put(change.notices)
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

    def kept(self, kind: str, key: object) -> object | None:
        """Return a row that is kept: an incident (i), a notice (n), an event (e), a charge (c)."""
        rows: Mapping[str, Mapping[Any, object]] = {
            "i": self._incidents,
            "n": self.letters.rows,
            "e": self._evidence,
            "c": self._charges,
        }
        return rows[kind].get(key)

    def volumes(self) -> tuple[Sequence[VolumeOrder], Sequence[VolumeTask]]:
        """Return all orders and tasks about Cinder that are kept, by their numbers."""
        orders, tasks = self._volumes.orders, self._volumes.tasks
        return [orders[n] for n in sorted(orders)], [tasks[n] for n in sorted(tasks)]

    def rest(self) -> Iterator[Change]:
        """Yield changes that bring about all that is no incident, notice, event or charge.

        Each is one record, or many of one field of a change, which may be taken apart.
        """
        tasks, records = self._host_tasks, self._volumes
        yield Change(armed=self._armed)
        if tasks.mass_state() != MassState():
            yield Change(masses=tasks.mass_state())
        yield from (Change(maintenance=window) for window in self._maintenance.values())
        yield Change(upkeep=tuple(self._upkeep.values()))
        yield Change(port_tasks=tasks.port_tasks())
        yield Change(reserves=tasks.lent())
        yield Change(passages=tasks.let_through())
        yield Change(orders=tuple(records.orders.values()))
        yield Change(tasks=tuple(records.tasks.values()))
        yield Change(spent=self._spent.all_spent())
        yield Change(floors=self._spent.all_floors())

    # guards: all of them before anything is changed

    def check(self, change: Change) -> None:
        """Raise Conflict for what was decided on another state, ValueError for a bug."""
        check_change(change)
        if change.head is not None:
            self._check_head(change.head, change)
        check_new("charge", [(c.incident, c.number) for c in change.charges], self._charges)
        self.letters.check(change)

    def _check_head(self, head: Incident, change: Change) -> None:
        saved = self._incidents.get(head.id)
        version = saved.head.version if saved else 0
        if head.version != version + 1:
            raise Conflict(f"incident {head.id} is not saved at version {head.version - 1}")
        if not head.phase.final and self._open.get(head.host, head.id) != head.id:
            raise Conflict(f"{head.host} has another open incident: {self._open[head.host]}")
        known = saved.entries if saved else {}
        check_new("line of a timeline", [entry.seq for entry in change.entries], known)

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
        self.forget(self.over(rule))
        if self.moment is not None:
            self.letters.drop(self.letters.over(self._incidents, rule.keep_s, self.moment))
        self.grow_old()

    def over(self, rule: Keeping, others: Iterable[Ended] = ()) -> tuple[IncidentId, ...]:
        """Name the closed incidents that are older than their retention, or too many.

        `others`: those that are kept elsewhere.
        """
        if self.moment is None:
            return ()
        here = ((one.phase_at.wall_s, one.id) for one in self.heads() if one.phase.final)
        closed = sorted(chain(others, here), key=lambda one: one[0])
        spare, horizon_s = len(closed) - rule.closed_max, self.moment.wall_s - rule.keep_s
        return tuple(id_ for n, (at_s, id_) in enumerate(closed) if n < spare or at_s < horizon_s)

    def audit_from_s(self, rule: Keeping, others: Iterable[float] = ()) -> float:
        """Return from when on the audit is kept: as long as closed incidents, and not shorter.

        `others`: when incidents were opened that are kept elsewhere.
        """
        if self.moment is None:
            return -math.inf
        here = (one.opened_at.wall_s for one in self.heads())
        return min((self.moment.wall_s - rule.keep_s, *here, *others))

    def forget(self, ids: Iterable[IncidentId]) -> None:
        """Keep these closed incidents no more."""
        for id_ in ids:
            self._incidents.pop(id_, None)

    def grow_old(self) -> None:
        """Drop evidence, charges, orders and tasks that nobody can ask for any more."""
        now = self.moment
        if now is None:
            return
        events = list(self._evidence.values())[-KEYS_MAX:]
        self._evidence = {one.key: one for one in events if age_s(one.at, now) <= KEYS_KEEP_S}
        self._volumes.drop_old()
        prints = {(one.host, one.source, one.fingerprint) for one in self._evidence.values()}
        self._said = {key: text for key, text in self._said.items() if key in prints}
        self._charges = {
            key: charge
            for key, charge in self._charges.items()
            if charge.at.boot_id != now.boot_id or now.since(charge.at) <= CHARGES_KEEP_S
        }


def _by_round(charges: Iterable[Charge]) -> dict[tuple[str, int], Charge]:
    return {(charge.incident, charge.number): charge for charge in charges}
