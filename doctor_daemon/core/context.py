"""Everything outside an incident that a decision may depend on, as values, read once a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from doctor_daemon.core.host import HostId, HostPlan, Mode
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.ourselves import Ourselves
from doctor_daemon.core.policy import Policy


@dataclass(frozen=True, slots=True)
class Armed:
    """The master switch. Off until an operator says otherwise, and persistent."""

    on: bool = False
    by: str = ""
    at: Instant | None = None
    why: str = "never armed"


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A host under maintenance, by whom, why, and until when."""

    host: HostId
    by: str
    why: str
    until: Instant

    def timed_anew(self, now: Instant) -> Maintenance:
        """Time one of another boot anew: here the wall clock is all there is to go by."""
        if self.until.boot_id == now.boot_id:
            return self
        return replace(self, until=now.plus(max(self.until.wall_s - now.wall_s, 0.0)))


@dataclass(frozen=True, slots=True)
class Charge:
    """One round of power cuts taken from the budget."""

    incident: str
    number: int
    """Which round of its incident, from 1."""
    domain: str
    at: Instant
    """When it was taken; after a reboot, when the daemon took it up again."""


@dataclass(frozen=True, slots=True)
class Latch:
    """Too many hosts of a scope have looked dead; latched until that is over for a while."""

    scope: str
    why: str
    since: Instant
    calm_at: Instant | None = None
    """Since when it is over; None: it is not."""


@dataclass(frozen=True, slots=True)
class Context:
    """The world as a decision about one host sees it."""

    now: Instant
    policy: Policy
    plan: HostPlan
    mode: Mode
    """The mode of the whole daemon: no host's own mode goes beyond it."""
    armed: Armed = Armed()
    maintenance: Maintenance | None = None
    charges: tuple[Charge, ...] = ()
    """What all incidents have taken from the budget, this one included."""
    busy: frozenset[str] = frozenset()
    """Groups that are to be kept apart, and of which a server of another host is on its way."""
    off: Mapping[str, Instant] = field(default_factory=dict)
    """Other hosts that are forced down, and the last moment at which each was proven off."""
    choosable: frozenset[str] = frozenset()
    """Other hosts that look dead, and that Nova may still choose to have servers on."""
    turns: int = 1_000
    """How many requests of this host may be journalled at a time, so that none waits for long."""
    returns: int = 0
    """How many incidents of this host have ended with its return, within `flap_window_s`."""
    own: Ourselves = field(default_factory=Ourselves)
    """What is known of the daemon's own side."""
    returned_at: Instant | None = None
    """When an incident of this host has last ended with its return."""
    reserved: frozenset[str] = frozenset()
    """The reasons by which hosts are disabled in Nova that are kept in reserve."""
    latches: tuple[Latch, ...] = ()
    """What keeps this host from being cut because so many look dead."""
    passes_left: int = 0
    """How many rounds may be cut all the same, by a human's word."""
    passes_by: str = ""
    """Whose word that is, and why."""
    warm_at: Instant | None = None
    """Until when the daemon only watches, since it started or took over; None: it has."""
    repeated_at: Instant | None = None
    """By when each source has said again what it had said before we listened, if it still means it:
    `evidence_age_s` after that."""

    def anew(self, since: Instant) -> Instant:
        """Return the later one of a moment and the end of our last pause.

        What was asked before that says nothing of how it is now.
        """
        awake_at = self.own.awake_at
        return awake_at if awake_at is not None and awake_at.since(since) > 0 else since
