"""Signed requests that were taken, each once: a row a request, until its source's floor passes it.

Columns and no body: they are written once for each request, and asked for at a start alone.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from doctor_daemon.ports import Change
from doctor_daemon.ports.replays import Floor, Spent


@dataclass(slots=True)
class SpentRequests:
    """The same in memory."""

    spent: dict[tuple[str, str], Spent] = field(default_factory=dict)
    floors: dict[str, Floor] = field(default_factory=dict)

    def put(self, change: Change) -> None:
        """Take what a change spends, and drop what its floors have passed."""
        for one in change.spent:
            self.spent.setdefault((one.source, one.nonce), one)
        for floor in change.floors:
            known = self.floors.get(floor.source, floor)
            self.floors[floor.source] = max(floor, known, key=lambda one: one.signed_s)
            self.spent = {
                key: one
                for key, one in self.spent.items()
                if one.source != floor.source or one.signed_s > floor.signed_s
            }

    def all_spent(self) -> tuple[Spent, ...]:
        """Return what is kept, the oldest of each source first."""
        return tuple(sorted(self.spent.values(), key=_order))

    def all_floors(self) -> tuple[Floor, ...]:
        """Return the floors, in the order of their sources."""
        return tuple(self.floors[source] for source in sorted(self.floors))


def _order(one: Spent) -> tuple[str, int, str]:
    return one.source, one.signed_s, one.nonce


def write_spent(connection: sqlite3.Connection, change: Change) -> None:
    """Write what a change spends, and drop what its floors have passed."""
    connection.executemany(
        "INSERT INTO spent (source, nonce, signed_s) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(one.source, one.nonce, one.signed_s) for one in change.spent],
    )
    for floor in change.floors:
        connection.execute(
            "INSERT INTO spent_floors (source, signed_s) VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET signed_s = max(signed_s, excluded.signed_s)",
            (floor.source, floor.signed_s),
        )
        connection.execute(
            "DELETE FROM spent WHERE source = ? AND signed_s <= ?", (floor.source, floor.signed_s)
        )


def spent(connection: sqlite3.Connection) -> tuple[Spent, ...]:
    """Return what is kept, the oldest of each source first."""
    rows = connection.execute(
        "SELECT source, nonce, signed_s FROM spent ORDER BY source, signed_s, nonce"
    )
    return tuple(Spent(*row) for row in rows)


def floors(connection: sqlite3.Connection) -> tuple[Floor, ...]:
    """Return the floors, in the order of their sources."""
    rows = connection.execute("SELECT source, signed_s FROM spent_floors ORDER BY source")
    return tuple(Floor(*row) for row in rows)
