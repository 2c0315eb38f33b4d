"""Notices as a store in memory has them, and the last number that each consumer was given.

A lane is a consumer and a host: in it notices are told in the order of their numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.instant import Instant
from doctor_daemon.ports import Change, Delivery, NoticeRow, Wanted
from doctor_daemon.stores.changes import check_new
from doctor_daemon.stores.lately import Lane, fits, gaps
from doctor_daemon.stores.retention import NOTICES_MAX


class Letters:
    """All notices that are kept, in the order of their making."""

    def __init__(self) -> None:
        """Begin empty."""
        self.rows: dict[str, NoticeRow] = {}
        self.sequences: dict[Lane, int] = {}
        """Lane -> the last number given out."""
        self.told: dict[Lane, int] = {}
        """Lane -> the last number that was delivered, of notices that are kept elsewhere."""
        self._numbers: set[tuple[str, HostId, int]] = set()

    def put(self, rows: Iterable[NoticeRow]) -> None:
        """Take new notices."""
        for row in rows:
            self.rows[row.id] = row
            self._numbers.add((row.consumer, row.host, row.sequence))
            self.reach((row.consumer, row.host), row.sequence)

    def reach(self, lane: Lane, last: int) -> None:
        """Take the last number of a lane, of which no notice need be kept."""
        self.sequences[lane] = max(last, self.sequences.get(lane, 0))

    def note(self, rows: Iterable[NoticeRow]) -> None:
        """Take notices that are kept as they stand now."""
        self.rows.update({row.id: row for row in rows})

    def check(self, change: Change) -> None:
        """Raise Conflict for a notice that is known, or a number that was given out."""
        check_new("notice", [row.id for row in change.notices], self.rows)
        numbers = [(row.consumer, row.host, row.sequence) for row in change.notices]
        check_new("number of a notice", numbers, self._numbers)

    def delivered(self, batch: Iterable[Delivery]) -> Sequence[NoticeRow]:
        """Return the notices of a batch that are kept, as they stand then; change nothing."""
        known = [(one, self.rows[one.id]) for one in batch if one.id in self.rows]
        return tuple(
            replace(row, state=one.state, attempts=one.attempts, error=one.error)
            for one, row in known
        )

    def replayed(self, ids: Collection[str]) -> tuple[Sequence[NoticeRow], Sequence[NoticeRow]]:
        """Return the dead ones of these as they stand when told again, and all that are late then.

        Change nothing.
        """
        asked = [row for row in self.rows.values() if row.id in ids]
        again = {
            row.id: replace(row, state="pending", attempts=0, error="", late=True)
            for row in asked
            if row.state == "dead"
        }
        now = (again.get(row.id, row) for row in asked)
        late = tuple(row for row in now if row.state == "pending" and row.late)
        return tuple(again.values()), late

    def pending(self) -> tuple[NoticeRow, ...]:
        """Return what is to be told."""
        return tuple(row for row in self.rows.values() if row.state == "pending")

    def gaps(self) -> frozenset[Lane]:
        """Name the lanes whose last notice that is not pending was given up."""
        return frozenset(gaps(self.rows.values(), self.told))

    def hand_over(self, rows: Collection[NoticeRow]) -> None:
        """Keep these no more: they were delivered, and are kept elsewhere."""
        for row in rows:
            self.tell((row.consumer, row.host), row.sequence)
        self.drop(row.id for row in rows)

    def tell(self, lane: Lane, last: int) -> None:
        """Take the last number of a lane that was delivered and is kept elsewhere."""
        self.told[lane] = max(last, self.told.get(lane, 0))

    def wanted(self, wanted: Wanted, limit: int) -> Sequence[NoticeRow]:
        """Return notices, the newest first, without their bodies."""
        found = (row for row in reversed(self.rows.values()) if fits(row, wanted))
        few = islice(found, max(0, min(limit, NOTICES_MAX)))
        return tuple(replace(row, body="") for row in few)

    def given_up(self) -> Mapping[str, int]:
        """Return how many dead notices are kept, by consumer."""
        return Counter(row.consumer for row in self.rows.values() if row.state == "dead")

    def over(self, incidents: Container[str], keep_s: float, now: Instant) -> tuple[str, ...]:
        """Name those that are settled and without an incident, and any that is very old.

        What was told of upkeep never has an incident: it goes by its age.
        """

        def gone(row: NoticeRow) -> bool:
            settled = row.state != "pending" and row.kind != NoticeKind.MAINTENANCE
            old = row.made_at is not None and now.wall_s - row.made_at.wall_s > keep_s
            return old or (settled and row.incident not in incidents)

        return tuple(row.id for row in self.rows.values() if gone(row))

    def drop(self, ids: Iterable[str]) -> None:
        """Keep these no more."""
        for id_ in ids:
            row = self.rows.pop(id_, None)
            if row is not None:
                self._numbers.discard((row.consumer, row.host, row.sequence))
