"""What is known of the daemon's own side: who cuts power must first be sure of itself.

A daemon that is cut off sees every host die. So before a cut its own links, some fixed points of
its networks and the other hosts' devices are asked, and what is not known of them counts as bad.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant


class Sign(StrEnum):
    """What is asked about our own side."""

    LINKS = "links"
    """Our own network interfaces."""
    REFERENCE = "reference"
    """Fixed points that do not depend on any host."""
    BMC_POINTS = "bmc_points"
    """Fixed points of the network of the power devices."""
    DEVICES = "devices"
    """The power devices of the other hosts, by their last answers."""


@dataclass(frozen=True, slots=True)
class Paused:
    """The daemon itself stood still for so long, until now."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Check:
    """What one sign has shown. `good` None: it could not be told, which is no better than bad."""

    sign: Sign
    good: bool | None
    why: str
    """What was found, in words."""
    asked_at: Instant
    """A moment before it was asked."""


@dataclass(frozen=True, slots=True)
class OwnRules:
    """What the configuration and this machine say of who we are, and who controls the cloud."""

    self_: Mapping[HostId, str] = field(default_factory=dict)
    """Hosts that this daemon runs on, and how that is known."""
    control: frozenset[str] = frozenset()
    """Names of hosts that the configuration counts to the control plane."""
    control_fenced: bool = False
    """Whether hosts of the control plane may be fenced, one at a time."""


@dataclass(frozen=True, slots=True)
class Ourselves:
    """Our own side, as a decision sees it."""

    wanted: tuple[Sign, ...] = ()
    """The signs that are asked for: whatever is known without configuration, and what is in it."""
    checks: Mapping[Sign, Check] = field(default_factory=dict)
    """The last of each."""
    awake_at: Instant | None = None
    """When the last pause of our own process ended; None: there was none."""
    self_: Mapping[HostId, str] = field(default_factory=dict)
    """Hosts that this daemon runs on, and how that is known."""
    control: Mapping[str, str] | None = field(default_factory=dict)
    """Names of hosts of the control plane, and what shows it; None: not told yet."""
    control_fenced: bool = False
    """Whether such hosts may be fenced, one at a time."""
    control_down: frozenset[HostId] = frozenset()
    """Those of them that were cut and are not back yet."""
