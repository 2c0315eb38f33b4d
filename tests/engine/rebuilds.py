"""A small honest model of Nova's evacuations: each request begins one, whatever is under way.

What it keeps is the truth: every request that came, and what ran where. A server that two
evacuations start is noted, for a test to see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from doctor_daemon.core.evacuation import Migration
from doctor_daemon.core.host import Server, ServerId
from doctor_daemon.core.tries import Outcome

ELSEWHERE = "cmp-9"
UNTAKEN = (Outcome.REFUSED, Outcome.FORBIDDEN, Outcome.UNSENT)


@dataclass
class Rebuilds:
    """Every evacuation, oldest first; `there` are the servers by host, which it moves."""

    there: dict[str, tuple[Server, ...]]
    now: Callable[[], float]
    """The wall clock, as Nova stamps its rows."""
    takes_s: float = 5.0
    outcomes: list[Outcome] = field(default_factory=list)
    """What comes first: UNKNOWN begins one, and its answer is lost."""
    failing: dict[str, list[str]] = field(default_factory=dict)
    """Server -> the statuses in which its first evacuations end."""
    to: str = ELSEWHERE
    """Where the scheduler sends them from now on."""
    stuck: set[str] = field(default_factory=set)
    """Servers whose destination has died: their evacuations never end."""
    rows: list[Migration] = field(default_factory=list)
    dead: set[int] = field(default_factory=set)
    """Evacuations that nobody goes on with."""
    posts: list[tuple[float, str]] = field(default_factory=list)
    """When a request came, and for which server."""
    twice: list[str] = field(default_factory=list)
    """Servers of which an evacuation was begun while one was under way."""
    _changed_s: dict[int, float] = field(default_factory=dict)

    def take(self, server: ServerId) -> Outcome:
        """Take a request, and say how it is answered."""
        self.posts.append((asyncio.get_running_loop().time(), server))
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome.ACCEPTED
        host = self._host(server)
        if outcome in UNTAKEN or host is None:
            return Outcome.REFUSED if host is None else outcome
        live = (row for row in self.rows if row.id not in self.dead and row.server == server)
        if any(not row.ended for row in live):
            self.twice.append(server)
        number = len(self.rows) + 1
        self.rows.append(Migration(number, server, host, "", "accepted"))
        asyncio.get_running_loop().call_later(self.takes_s / 2, self._scheduled, number)
        return outcome

    def changed(self, since_wall_s: float) -> Sequence[Migration]:
        """Return what changed since; what no scheduler has touched yet is not in it."""
        return [row for row in self.rows if self._changed_s.get(row.id, -1.0) >= since_wall_s]

    def _host(self, server: ServerId) -> str | None:
        return next((h for h, all_ in self.there.items() if server in [s.id for s in all_]), None)

    def turn(self, number: int, status: str, to: str = ELSEWHERE) -> Migration:
        """Write the status of a row."""
        row = replace(self.rows[number - 1], status=status, to=to)
        self.rows[number - 1] = row
        self._changed_s[number] = self.now()
        return row

    def _scheduled(self, number: int) -> None:
        self.turn(number, "pre-migrating", self.to)
        asyncio.get_running_loop().call_later(self.takes_s / 2, self._ended, number)

    def _ended(self, number: int) -> None:
        before = self.rows[number - 1]
        if before.server in self.stuck:
            self.stuck.discard(before.server)
            self.dead.add(number)
            return
        failing = self.failing.get(before.server)
        row = self.turn(number, failing.pop(0) if failing else "done", before.to)
        if row.succeeded:
            moving = [s for s in self.there[row.source] if s.id == row.server]
            left = tuple(s for s in self.there[row.source] if s.id != row.server)
            self.there[row.source] = left
            self.there[row.to] = (*self.there.get(row.to, ()), *moving)
