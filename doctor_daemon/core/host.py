"""A host, and how its power can be cut: the topology, as the operator configured it.

A topology is an ordered list of levels, as in Pacemaker: a level passes only when every device of
it confirms, and a level that fails leads to the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NewType

from doctor_daemon.core.corroboration import SHIPPED, Corroboration

ServerId = NewType("ServerId", str)
"""A Nova server's UUID."""


@dataclass(frozen=True, slots=True, order=True)
class HostId:
    """A hypervisor: `name` is exactly Nova's service host, `cloud` the configured cloud."""

    cloud: str
    name: str

    def __str__(self) -> str:
        """Return the name people use; the cloud is shown only where there are several."""
        return self.name if self.cloud == "default" else f"{self.cloud}/{self.name}"


class Mode(IntEnum):
    """How far the daemon may go for a host. Ordered: each mode includes those before it."""

    OBSERVE = 0  # a full dry run: say what would have been done; no consumer hears
    NOTIFY = 1  # tell the consumers early; touch nothing
    FENCE = 2  # cut the power, prove it, force down
    EVACUATE = 3  # and have the servers rebuilt elsewhere


@dataclass(frozen=True, slots=True)
class Device:
    """One power device of a level. `uuid` is what it must say it is (lower case)."""

    name: str
    kind: str
    uuid: str
    hold_s: float = 0.0
    """A vendor's quirk: OFF must be read over at least so many seconds; 0 adds nothing."""
    line: str = ""
    """What it shares with others, so that only one of them is called at a time; empty: nothing."""
    tells_host: bool = False
    """Whether it reads the host's own power, and not only that of a supply."""
    proves: bool = True
    """Whether it reads the power at all; False: it tells what somebody else remembers."""
    slow_s: float = 0.0
    """So long after the cut it may first be able to read OFF, in seconds."""
    answer_s: float = 10.0
    """So long one question may take, in seconds, the wait for its turn included."""


@dataclass(frozen=True, slots=True)
class Level:
    """Devices that must all confirm. No device at all: a human must."""

    devices: tuple[Device, ...]

    @property
    def slow_s(self) -> float:
        """Return how much more time it takes than a switch, in seconds."""
        return max((device.slow_s for device in self.devices), default=0.0)

    @property
    def manual(self) -> bool:
        """Tell whether only a human can pass this level."""
        return not self.devices

    @property
    def proves(self) -> bool:
        """Tell whether any device of it reads the power: memories prove nothing by themselves."""
        return any(device.proves for device in self.devices)


class Scope(StrEnum):
    """Which servers of a host are moved, where no tag of theirs says otherwise."""

    ALL = "all"
    TAGGED = "tagged"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Selection:
    """The operator's word on which servers of a host are moved, and how. See `selection`."""

    scope: Scope = Scope.ALL
    shared_storage: bool = False
    """Whether every host reaches the disks of this one: they are found again, and not made anew."""
    lost_disks: bool = False
    """Whether servers may be rebuilt from their images although what is on their disks is lost."""
    locked: bool = True
    """Whether locked servers are moved."""
    amphorae: bool = False
    """Whether Octavia's amphorae are moved."""
    ordered: bool = True
    """Whether servers' own priorities count."""
    service_projects: tuple[str, ...] = ()
    """Projects whose servers belong to a service that replaces them itself."""
    service_metadata: tuple[str, ...] = ()
    """Metadata that marks such servers: `key`, or `key=value`."""
    hold_max_s: float = 0.0
    """The longest that a project may have its servers wait for a word of its own; 0: not at all."""


@dataclass(frozen=True, slots=True)
class WayBack:
    """The operator's word on how a host that was forced down comes back."""

    automatic: bool = False
    """Whether its release begins by itself when its nova-compute reports in again."""
    power_on: bool = False
    """Whether it is switched on by itself once its servers have been moved."""
    enable: bool = True
    """Whether it is enabled at the end, if it was the daemon that had disabled it."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """The operator's word on which hosts stand in for a host when its servers are to be moved."""

    hosts: tuple[str, ...] = ()
    reason: str = "reserved"
    """By which they are disabled in Nova while they are in reserve."""


@dataclass(frozen=True, slots=True)
class HostPlan:
    """What the configuration says of one host."""

    host: HostId
    domain: str = ""
    """The failure domain whose budget it shares: a rack, a power feed."""
    mode: Mode = Mode.OBSERVE
    protected: str = ""
    """Why its power must never be cut; empty: it may be."""
    levels: tuple[Level, ...] = ()
    digest: str = ""
    """A digest of the levels; a proof taken under another one is void."""
    selection: Selection = Selection()
    """Which of its servers are moved."""
    way_back: WayBack = WayBack()
    """How it comes back."""
    known: bool = True
    """False: the host is no longer in the configuration."""
    reserve: Reserve = Reserve()
    """Which hosts stand in for it."""
    corroboration: Corroboration = SHIPPED
    """How much evidence it takes to fence it."""

    def level(self, number: int) -> Level | None:
        """Return a level by its number, from 1, or None past the last."""
        return self.levels[number - 1] if 1 <= number <= len(self.levels) else None


@dataclass(frozen=True, slots=True)
class Server:
    """A server as Nova's list told of it. The states are Nova's own words."""

    id: ServerId
    name: str
    project: str
    status: str = ""
    vm_state: str = ""
    task_state: str = ""
    fault: str = ""
    """What Nova says went wrong with it, if its status is ERROR."""
    locked: bool = False
    volume: bool | None = None
    """Whether its root disk is a volume; None: Nova was not asked, or has not said."""
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What is written on it and on what it was made of: `server:KEY` is its own metadata,
    `flavor:KEY` its flavor's, and `aggregate:KEY` that of its host's aggregates."""
    unread: str = ""
    """What of its tags Nova did not show; empty: nothing was missing."""


UNSHOWN = "Nova shows what is written on flavors from 2.47 on only"
"""In `Server.unread`: not a tag that is missing, but a Nova that shows none of any flavor."""


@dataclass(frozen=True, slots=True)
class ServerList:
    """The servers of one host, and when the list that showed them was asked for."""

    servers: tuple[Server, ...]
    asked_wall_s: float
