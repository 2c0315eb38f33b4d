"""Which events were accepted lately: the same one again opens nothing.

Every source has its own, so that one that floods has no other's forgotten. A source that accuses
more often than can be kept is refused: a key that was dropped would let an old event open an
incident. What is no accusation opens nothing, and is never refused for this: a sign of life counts
however many there are, and only the latest of them are known again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from doctor_daemon.core.evidence import Evidence, Verdict
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.ports import EvidenceRow
from doctor_daemon.ports.intake import Crowded

KEYS_MAX = 50_000
"""Accusations of one source within the age that evidence may have; and as much of all else."""
Seen = tuple[Instant, IncidentId | None]
"""When an event was accepted first, and where it went."""
_Whose = tuple[str, bool]
"""A source, and whether it accuses."""


class Keys:
    """The keys of all sources."""

    def __init__(self, age_s: Callable[[], float], most: int = KEYS_MAX) -> None:
        """Know a key for as long as evidence may be old, and so many of a source at most."""
        self._age_s = age_s
        self._most = most
        self._known: dict[_Whose, OrderedDict[str, Seen]] = {}

    def remember(self, rows: Sequence[EvidenceRow], now: Instant) -> None:
        """Take the keys of an earlier run; those of another boot count as if they came now."""
        for row in rows:
            at = row.at if row.at.boot_id == now.boot_id else now
            self._of((row.source, row.verdict == Verdict.DOWN))[row.key] = (at, row.incident)

    def seen(self, evidence: Evidence) -> Seen | None:
        """Return when an event of this key was accepted first, and where it went."""
        for accuses in (True, False):  # an id that its sender gives may come with another verdict
            known = self._known.get((evidence.source, accuses))
            seen = known.get(evidence.key) if known else None
            if seen is not None and evidence.received_at.since(seen[0]) <= self._age_s():
                return seen
        return None

    def room(self, fresh: Sequence[Evidence]) -> None:
        """Make room for accusations of one source. Raise Crowded where there is none."""
        last = fresh[-1]
        known = self._of(_whose(last))
        while known:
            key, (at, _) = next(iter(known.items()))
            if last.received_at.since(at) <= self._age_s():
                break
            del known[key]
        if last.verdict is Verdict.DOWN and len(known) + len(fresh) > self._most:
            msg = f"{last.source}: {self._most} accusations of it are remembered, and no more"
            raise Crowded(msg)

    def learn(self, alike: Sequence[Evidence], incident: IncidentId | None) -> None:
        """Know these events from now on."""
        for one in alike:
            if self.seen(one) is None:
                known = self._of(_whose(one))
                known[one.key] = (one.received_at, incident)
                known.move_to_end(one.key)
                if one.verdict is not Verdict.DOWN and len(known) > self._most:
                    known.popitem(last=False)

    def _of(self, whose: _Whose) -> OrderedDict[str, Seen]:
        return self._known.setdefault(whose, OrderedDict())


def _whose(evidence: Evidence) -> _Whose:
    return evidence.source, evidence.verdict is Verdict.DOWN
