"""The lease, as the store itself keeps it: who leads, by which term, and until when.

Nothing here depends on a clock of a daemon. Each question is answered, and each write compared, at
the moment in which it arrives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from doctor_daemon.errors import Conflict
from doctor_daemon.ports.leading import Forbidden
from tests.simulation.clocks import present_s
from tests.simulation.standing import later

LEASE_S = 10.0


class DeposedError(Conflict):
    """Whoever wants to write leads no more."""


class Claimant(Protocol):
    """Whoever can lead."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """How things stood at one moment."""

    term: int
    """The term of whoever asked, where he leads; 0: he does not."""
    leader: str
    ready: tuple[str, ...]
    word: Forbidden | None
    revision: int
    """How often the word has changed by then."""
    at_s: float
    """When that was, in the world's time."""


class Lease:
    """The keys that say who leads."""

    def __init__(self) -> None:
        self.term = 0
        self.holder: Claimant | None = None
        self.ends_s = -1.0
        self.lost_s = -1e9
        """When it was taken last from one that had kept it."""
        self.lost_by: Claimant | None = None
        self.word: Forbidden | None = None
        self.ready: dict[Claimant, str] = {}
        """Who stands by and could lead at once."""
        self.claimed: Callable[[Claimant, Claimant | None], None] = lambda who, before: None
        """Hears who leads from now on, and who did before."""
        self._before: Claimant | None = None
        self._revision = 0
        self._looks = False
        self.away_until_s = -1.0
        """Until when nobody can ask anything."""
        self._free = asyncio.Event()
        self._free.set()

    def leads(self, who: Claimant) -> bool:
        """Tell whether somebody leads at this very moment."""
        return self.holder is who and present_s() < self.ends_s

    async def free(self) -> None:
        """Wait until nobody leads."""
        await self._free.wait()

    def claim(self, who: Claimant) -> int:
        """Lead from now on, if nobody does; return the term, or 0. Once more is as once."""
        self._expire()
        if self.holder is None:
            self.term += 1
            self.holder, self.ends_s = who, present_s() + LEASE_S
            self.ready.pop(who, None)
            self._free.clear()
            if not self._looks:
                self._looks = True
                later(LEASE_S, self._look)
            self._before, before = who, self._before
            self.claimed(who, before)
        return self.term if self.holder is who else 0

    def sign(self, who: Claimant) -> Seen:
        """Take a sign of life."""
        if self.leads(who):
            self.ends_s = max(self.ends_s, present_s() + LEASE_S)
        return self.seen(who)

    def seen(self, who: Claimant) -> Seen:
        """Tell somebody how things stand."""
        self._expire()
        leader, ready = self.holder, tuple(n for one, n in self.ready.items() if one is not who)
        term = self.term if leader is who else 0
        return Seen(
            term, leader.name if leader else "", ready, self.word, self._revision, present_s()
        )

    def release(self, who: Claimant) -> None:
        """Let another lead, at once."""
        self.ready.pop(who, None)
        if self.holder is who:
            self._end()

    def forget(self, who: Claimant) -> None:
        """Know no more that somebody stands by."""
        self.ready.pop(who, None)

    def lose(self) -> None:
        """Take it from one that keeps it."""
        if self.holder is not None:
            self.lost_s, self.lost_by = present_s(), self.holder
            self._end()

    def check(self, who: Claimant, term: int) -> None:
        """Raise DeposedError unless somebody leads by this term, now."""
        if not self.leads(who) or term != self.term:
            raise DeposedError(f"{who.name} does not lead by term {term}")

    def forbid(self, word: Forbidden) -> None:
        """Leave a word for whoever leads."""
        self.word = word
        self._revision += 1

    def drop(self, word: Forbidden) -> int:
        """Take a word away, unless there is another by now; return how often it has changed."""
        if self.word == word:
            self.word = None
            self._revision += 1
        return self._revision

    def prolong(self, seconds: float) -> None:
        """Have it begin anew after so long, as where the store had no majority for that time."""
        self._expire()
        if self.holder is not None:
            self.ends_s = present_s() + seconds + LEASE_S

    def _look(self) -> None:
        self._looks = self.holder is not None and not self._expire()
        if self._looks:
            later(self.ends_s - present_s(), self._look)

    def _expire(self) -> bool:
        over = self.holder is not None and present_s() >= self.ends_s
        if over:
            self._end()
        return over

    def _end(self) -> None:
        self.holder = None
        self._free.set()
