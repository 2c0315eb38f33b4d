"""Signed requests, each taken once: whoever records one on its way cannot play it back.

A request is spent before anything is made of it, and is so whatever becomes of it after that: a
sender that is told to come again signs anew. What was spent is known for as long as its signature
would be taken, and by its source's floor after that. So nothing comes back when our wall clock is
stepped back, and nothing honest is lost but what was signed before the floor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from doctor_daemon.core.instant import Instant
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Change
from doctor_daemon.ports.replays import Floor, Spending, Spent

SAVED_WITHIN_S = 5.0
SPENT_MAX = 50_000
"""Requests of one source that are known by name: more than its rate lets in within the window."""
RAISE_EVERY_S = 10.0
"""Between two raises of a source's floor."""
REMEMBERED_S = 600.0


@dataclass(slots=True)
class _Known:
    """What one source has spent."""

    nonces: dict[str, int] = field(default_factory=dict)
    floor_s: int = 0
    raised_at: Instant | None = None
    stale: tuple[Instant, float] | None = None
    """When something came that was signed at the wrong time, and by how much."""


class Ledger:
    """Implements `ports.Replays` upon the store."""

    def __init__(self, ward: Ward) -> None:
        """Begin with nothing; `load` follows."""
        self._ward = ward
        self._sources: dict[str, _Known] = {}

    def load(self, spent: Sequence[Spent], floors: Sequence[Floor]) -> None:
        """Take what an earlier daemon has saved."""
        for one in spent:
            self._of(one.source).nonces[one.nonce] = one.signed_s
        for floor in floors:
            self._of(floor.source).floor_s = floor.signed_s

    async def spend(self, request: Spent, window_s: float) -> Spending:
        """Tell whether a request may be taken; it may be once."""
        known, now = self._of(request.source), self._ward.tools.clock.now()
        off_s = request.signed_s - now.wall_s
        if abs(off_s) > window_s:
            known.stale = now, off_s
            return Spending.STALE
        if request.signed_s <= known.floor_s:
            known.stale = now, off_s
            return Spending.STALE
        if request.nonce in known.nonces:
            return Spending.REPLAYED
        floors = _raised(request.source, known, now, window_s)
        if len(known.nonces) >= SPENT_MAX:
            msg = f"{request.source}: {SPENT_MAX} signed requests are remembered, and no more"
            raise Temporary(msg)
        known.nonces[request.nonce] = request.signed_s  # before anything is awaited: it is taken
        await self._save(Change(spent=(request,), floors=floors), request.source)
        return Spending.FIRST

    def remarks(self) -> Sequence[str]:
        """Say which senders' clocks, or ours, were wrong lately."""
        now = self._ward.tools.clock.now()
        return tuple(
            f"the last request of {source} that was not taken for its time was signed "
            f"{abs(known.stale[1]):.0f} s {'ahead' if known.stale[1] > 0 else 'ago'} by our clock"
            for source, known in sorted(self._sources.items())
            if known.stale is not None and now.since(known.stale[0]) < REMEMBERED_S
        )

    def _of(self, source: str) -> _Known:
        return self._sources.setdefault(source, _Known())

    async def _save(self, change: Change, source: str) -> None:
        try:
            async with asyncio.timeout(SAVED_WITHIN_S):
                await self._ward.tools.store.commit(change, term=self._ward.term)
        except TimeoutError:
            msg = f"{source}: a signed request was not durable after {SAVED_WITHIN_S:g} s"
            raise Temporary(msg) from None


def _raised(source: str, known: _Known, now: Instant, window_s: float) -> tuple[Floor, ...]:
    """Forget the names of what is too old to be taken, and raise the floor to the newest of it."""
    if known.raised_at is not None and now.since(known.raised_at) < RAISE_EVERY_S:
        return ()
    known.raised_at = now
    old = [name for name, at_s in known.nonces.items() if at_s < now.wall_s - window_s]
    if not old:
        return ()
    known.floor_s = max(known.floor_s, *(known.nonces.pop(name) for name in old))
    return (Floor(source, known.floor_s),)
