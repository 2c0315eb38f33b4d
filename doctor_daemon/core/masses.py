"""Mass failure: when so many hosts look dead at once that something else is more likely at fault.

A switch, a broker, a certificate or we ourselves make many hosts look dead, and cutting them would
turn a false alarm into an outage. So suspected and lately failed hosts are counted, of the fleet
and of each failure domain. Too many, or too large a share, shut the gate and latch it: it opens
some time after that is over, or for as many hosts as a human says. If all hosts of a fleet are
bad, we are wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from doctor_daemon.core.context import Latch
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy

FLEET = "fleet"
GATE = "mass"
_ACTIVE = (Phase.SUSPECTED, Phase.FENCING, Phase.FORCING_DOWN, Phase.EVACUATING)
_ENDED = (Phase.HELD, Phase.DOWN)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many hosts of a scope look bad, of how many."""

    scope: str
    bad: int
    size: int


@dataclass(frozen=True, slots=True)
class Passes:
    """A human's word that so many hosts may be cut although many look dead."""

    id: str
    count: int
    by: str
    why: str
    at: Instant
    until: Instant


@dataclass(frozen=True, slots=True)
class Passage:
    """How often a host was let through by a human's word."""

    host: HostId
    passes: str
    """The id of that word."""
    used: int


@dataclass(frozen=True, slots=True)
class MassState:
    """What is to be known of it after a restart."""

    latches: tuple[Latch, ...] = ()
    passes: Passes | None = None


def counts(incident: Incident, now: Instant, policy: Policy) -> bool:
    """Tell whether an open incident's host looks bad now, or has failed lately.

    What was held because so many were bad counts until a human has seen to it.
    """
    if incident.phase in _ACTIVE:
        return True
    if incident.held is not None and incident.held.gate == GATE:
        return True
    lately = now.since(incident.phase_at) < policy.budget_window_s
    return incident.phase in _ENDED and lately


def shown_down(service: Sighting, newest_s: float, policy: Policy) -> bool:
    """Tell whether Nova shows a service down lately that nobody has disabled or forced down.

    Its age is taken against the newest report of all, so no two clocks are compared.
    """
    if service.state != "down" or service.status != "enabled" or service.forced_down:
        return False
    return service.updated_s > 0 and newest_s - service.updated_s < policy.budget_window_s


def mass(tally: Tally, policy: Policy) -> str:
    """Say that a scope has too many bad hosts; empty: it has not."""
    fleet, bad, size = tally.scope == FLEET, tally.bad, tally.size
    where = "of the fleet" if fleet else f"of {tally.scope}"
    if fleet and bad == size and size >= policy.mass_all_from:
        return f"all {size} hosts of the fleet look dead: we are wrong, and not all of them"
    most = policy.mass_total if fleet else policy.mass_per_domain
    share = policy.mass_ratio if fleet else policy.mass_domain_ratio
    many = bad >= most or (bad >= policy.mass_ratio_from and bad >= share * size)
    return f"{bad} of {size} hosts {where} look dead" if many else ""


def turned(latch: Latch | None, tally: Tally, policy: Policy, now: Instant) -> Latch | None:
    """Return the latch of a scope as it is by a new count; None: the gate is open."""
    why = mass(tally, policy)
    if why:
        return Latch(tally.scope, why, now) if latch is None else replace(latch, calm_at=None)
    if latch is None:
        return None
    calm_at = latch.calm_at
    if calm_at is None or calm_at.boot_id != now.boot_id:
        return replace(latch, calm_at=now)
    return None if now.since(calm_at) >= policy.mass_cool_down_s else latch


def standing(passes: Passes | None, now: Instant) -> Passes | None:
    """Return a human's word while it holds."""
    return None if passes is None or now.reached(passes.until) else passes
