"""Counts the hosts that look bad, latches the gate of mass failure, and keeps what humans let by.

The counts are of the open incidents and of Nova's last list, taken anew every second: shorter than
any grace, so whoever is cut has been counted among the others. What shuts the gate is in force at
once and saved as soon as that is possible. What opens it, be it time or a human's word, is in
force once it is saved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

import structlog

from doctor_daemon.core.audit import Line
from doctor_daemon.core.audit_orders import let_through
from doctor_daemon.core.context import Latch
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.masses import (
    FLEET,
    GATE,
    MassState,
    Passage,
    Passes,
    Tally,
    counts,
    shown_down,
    turned,
)
from doctor_daemon.engine.ward import Ward, concealed
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Change

EVERY_S = 1.0
COUNT_MAX = 1000
"""Hosts that one word of a human may let through."""
PASSES_MAX_S = 4 * 3600.0
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Masskeeper:
    """Sees to the gate of mass failure."""

    def __init__(
        self, ward: Ward, incidents: Callable[[], Iterable[Incident]], wake: Callable[[], None]
    ) -> None:
        """Count these incidents; `wake` has those that wait ask their gates again."""
        self._ward = ward
        self._incidents = incidents
        self._wake = wake
        self._wanted: Mapping[str, Latch] = {}
        """The latches as they are by the last count: what has opened is in force until saved."""
        self._saved: AbstractSet[str] = frozenset()
        self._unsaved = False

    def load(self, state: MassState, passages: Iterable[Passage]) -> None:
        """Take up what was latched, and what a human has said."""
        self._ward.lookout.take_up(state, passages)
        self._wanted = self._ward.lookout.latches
        self._saved = frozenset(self._wanted)

    async def run(self) -> None:
        """Count every second, until cancelled."""
        clock = self._ward.tools.clock
        while True:
            self.count()
            if self._unsaved:
                await self._save()
            await clock.sleep_until(clock.now().plus(EVERY_S))

    def count(self) -> None:
        """Count now, and shut or open the gate."""
        lookout, policy = self._ward.lookout, self._ward.rules.policy
        now = self._ward.tools.clock.now()
        scopes = self._scopes()
        bad = Counter(scope for host in self._bad(now) for scope in scopes.get(host, ()))
        sizes = Counter(scope for found in scopes.values() for scope in found)
        before, after = lookout.latches, {}
        for scope in {*sizes, *before}:
            tally = Tally(scope, bad[scope], sizes[scope])
            latch = turned(before.get(scope), tally, policy, now)
            if latch is not None:
                after[scope] = latch
        for scope in after.keys() - before.keys():
            log.warning("no power is cut: so many look dead at once", why=after[scope].why)
        lookout.bad, lookout.latches = bad[FLEET], {**before, **after}
        self._wanted = after
        self._unsaved = after.keys() != self._saved

    def _scopes(self) -> Mapping[HostId, tuple[str, ...]]:
        """Return what each host is counted in; a zone that holds all of them says no more."""
        ward, lookout = self._ward, self._ward.lookout
        if (
            lookout.placed_by[0] is not ward.rules.plans
            or lookout.placed_by[1] is not ward.lookout.zones
        ):
            zones = {host: ward.lookout.zones.get(host.name, "") for host in ward.rules.plans}
            several = len(set(zones.values())) > 1
            lookout.scopes = {
                host: tuple(_scopes_of(plan.domain, zones[host] if several else ""))
                for host, plan in ward.rules.plans.items()
            }
            lookout.placed_by = ward.rules.plans, ward.lookout.zones
        return lookout.scopes

    def _bad(self, now: Instant) -> set[HostId]:
        """Return the hosts that look dead, by an incident or by Nova's last list."""
        ward, policy = self._ward, self._ward.rules.policy
        found = {one.host for one in self._incidents() if counts(one, now, policy)}
        newest_s = max((one.updated_s for one in ward.shown.values()), default=0.0)
        for name, service in ward.shown.items():
            if shown_down(service, newest_s, policy):
                found.add(HostId(ward.rules.cloud, name))
        return found

    async def _save(self) -> None:
        try:
            await self._put(self._ward.lookout.passes)
        except Temporary as error:
            self._ward.tools.metrics.store_faults.inc()
            log.warning("not saved yet: many hosts look dead", error=str(error))

    async def _put(self, passes: Passes | None, said: tuple[Line, ...] = ()) -> None:
        """Save how it stands, with a human's word."""
        ward = self._ward
        async with ward.lookout.saving:
            state = MassState(tuple(self._wanted.values()), passes)
            await ward.tools.store.commit(Change(masses=state, audit=said), term=ward.term)
            self._saved = frozenset(latch.scope for latch in state.latches)
        kept = self._saved | self._wanted.keys()
        for scope in ward.lookout.latches.keys() - kept:
            log.info("so many do not look dead any more", scope=scope)
        latches = ward.lookout.latches
        ward.lookout.latches = {scope: latches[scope] for scope in latches if scope in kept}
        self._wake()

    async def release(self, count: int, by: str, why: str, seconds: float) -> Passes:
        """Let so many hosts be cut although many look dead. A new word takes the old one's place.

        Raise Permanent, in words, for what goes beyond any reason; Temporary when the word may have
        lain unread over a pause.
        """
        self._ward.standpoint.attentive(self._ward.tools.clock.now())
        if not 1 <= count <= COUNT_MAX:
            msg = f"count: expected a number from 1 to {COUNT_MAX}, found {count}"
            raise Permanent(msg)
        if not 0 < seconds <= PASSES_MAX_S:
            msg = f"for: expected up to {PASSES_MAX_S / 3600:g} hours, found {seconds:g} s"
            raise Permanent(msg)
        now = self._ward.tools.clock.now()
        passes = Passes(self._ward.tools.new_id(), count, by, why, now, now.plus(seconds))
        await self._put(passes, (concealed(let_through(passes, self._ward.term)),))
        self._ward.lookout.passes = passes
        log.warning("hosts are let through", count=count, by=by, why=why, seconds=seconds)
        self._wake()
        return passes


def held_by_mass(incident: Incident) -> bool:
    """Tell whether an incident is held because so many look dead."""
    return incident.held is not None and incident.held.gate == GATE


def _scopes_of(domain: str, zone: str) -> Iterator[str]:
    yield FLEET
    if domain:
        yield f"failure domain {domain}"
    if zone:
        yield f"zone {zone}"
