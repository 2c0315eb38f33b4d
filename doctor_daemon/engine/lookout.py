"""What is known of all hosts together: since when we watch, and who has come back how often.

One host's failure is judged by what happens to the others too. Everything here is read and changed
on the event loop only, as `ward` has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace

from doctor_daemon.core.context import Latch
from doctor_daemon.core.host import HostId, HostPlan
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.masses import MassState, Passage, Passes, standing
from doctor_daemon.core.policy import Policy

RETURNS_MAX = 100


class Lookout:
    """What the gates of the fleet are asked about."""

    def __init__(self) -> None:
        """Know nothing: the engine says when it has taken over, and what came back before."""
        self.began: Instant | None = None
        """When this daemon took over; None: not yet."""
        self.returned: dict[HostId, list[float]] = {}
        """Host -> when its incidents ended with its return, by the wall clock."""
        self._last: dict[HostId, Instant] = {}
        self.latches: Mapping[str, Latch] = {}
        """Scope -> why no power is cut in it."""
        self.bad = 0
        """How many hosts of the fleet look dead."""
        self.zones: Mapping[str, str] = {}
        """Host name -> its availability zone, where Nova tells it."""
        self.scopes: Mapping[HostId, tuple[str, ...]] = {}
        self.placed_by: tuple[object, object] = (None, None)
        """The plans and the zones that the scopes were made of."""
        self.passes: Passes | None = None
        """A human's word that so many hosts may be cut all the same."""
        self.saving = asyncio.Lock()
        self._passages: dict[HostId, Passage] = {}
        self._reserved: tuple[object, frozenset[str]] = (None, frozenset())

    def take_up(self, state: MassState, passages: Iterable[Passage]) -> None:
        """Know again what was latched, and what humans have said."""
        self.latches = {latch.scope: latch for latch in state.latches}
        self.passes = state.passes
        self._passages = {one.host: one for one in passages}

    def over(self, host: HostId) -> tuple[Latch, ...]:
        """Return what keeps a host from being cut; one whose place is not known yet: everything."""
        if not self.latches:
            return ()
        scopes = self.scopes.get(host, tuple(self.latches))
        return tuple(self.latches[scope] for scope in scopes if scope in self.latches)

    def passes_left(self, now: Instant) -> int:
        """Return how many rounds of cuts may pass by a human's word."""
        passes = standing(self.passes, now)
        if passes is None:
            return 0
        used = sum(one.used for one in self._passages.values() if one.passes == passes.id)
        return max(passes.count - used, 0)

    def passes_by(self) -> str:
        """Say whose word that is."""
        passes = self.passes
        return f"{passes.count} hosts, by {passes.by}: {passes.why}" if passes else ""

    def pass_(self, before: Incident | None, after: Incident) -> tuple[Passage, ...]:
        """Count a round that a decided step lets through, and return that, to be saved with it."""
        passes, known = self.passes, before.passed if before else 0
        if passes is None or after.passed == known:
            return ()
        old = self._passages.get(after.host)
        used = old.used if old is not None and old.passes == passes.id else 0
        self._passages[after.host] = Passage(after.host, passes.id, used + 1)
        return (self._passages[after.host],)

    def warm_at(self, policy: Policy) -> Instant | None:
        """Return until when the daemon only watches; None: it has not begun, or cuts at once."""
        began, warm_up_s = self.began, policy.warm_up_s
        return began.plus(warm_up_s) if began and warm_up_s else None

    def repeated_at(self, policy: Policy, awake_at: Instant | None) -> Instant | None:
        """Return by when sources have said again what they still mean; None: it has not begun.

        That is anew after `awake_at`, the end of our last pause: nobody was heard meanwhile.
        """
        if self.began is None:
            return None
        stood_still = awake_at is not None and awake_at.since(self.began) > 0
        since = awake_at if awake_at is not None and stood_still else self.began
        return since.plus(policy.evidence_age_s)

    def warm_up_left_s(self, now: Instant, policy: Policy) -> float:
        """Return for how long no power is cut yet."""
        warm_at = self.warm_at(policy)
        return max(0.0, -now.since(warm_at)) if warm_at else 0.0

    def came_back(self, host: HostId, at: Instant) -> None:
        """Note that a host is back in service; only the last few times are of any interest."""
        self.returned[host] = [*self.returned.get(host, ()), at.wall_s][-RETURNS_MAX:]
        self._last[host] = at

    def remember(self, host: HostId, wall_s: float, now: Instant) -> None:
        """Take up a return from before the start: how long ago it was, the wall clock tells alone.

        What that puts into the future is taken for now.
        """
        self.came_back(host, replace(now.plus(min(wall_s - now.wall_s, 0.0)), wall_s=wall_s))

    def stepped(self, seconds: float) -> None:
        """Move what is timed by the wall clock along with a step of it."""
        for host, times in self.returned.items():
            self.returned[host] = [at_s + seconds for at_s in times]

    def returned_at(self, host: HostId) -> Instant | None:
        """Return when a host came back last."""
        return self._last.get(host)

    def reserved(self, plans: Mapping[HostId, HostPlan]) -> frozenset[str]:
        """Return the reasons by which hosts in reserve are disabled; the same plans, the same."""
        if self._reserved[0] is not plans:
            found = (plan.reserve for plan in plans.values() if plan.reserve.hosts)
            self._reserved = plans, frozenset(reserve.reason for reserve in found)
        return self._reserved[1]

    def returns(self, host: HostId, now: Instant, policy: Policy) -> int:
        """Count by the wall clock: these are days, and incidents of other boots count too."""
        window_s = policy.flap_window_s
        return sum(now.wall_s - at_s <= window_s for at_s in self.returned.get(host, ()))
