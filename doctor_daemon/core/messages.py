"""What goes into a decision (observations, facts in the past) and what comes out (effects, orders).

An effect's fields are its identity: two equal effects are the same one, so a try, a look, a read
and a PUT each carry a number that never repeats within an incident.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from doctor_daemon.core.around import Around
from doctor_daemon.core.evacuation import Migration, Stuck
from doctor_daemon.core.evidence import Evidence
from doctor_daemon.core.holding import Said
from doctor_daemon.core.host import ServerId, ServerList
from doctor_daemon.core.incident import Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.ourselves import Paused
from doctor_daemon.core.proof import Identity, Reading
from doctor_daemon.core.release import Enable, EnableEnded, Lift, LiftEnded, SwitchedOn, SwitchOn
from doctor_daemon.core.retirement import DeleteService, ServiceDeleted, Survey
from doctor_daemon.core.sightings import Noticed, Strayed
from doctor_daemon.core.survey import Surveyed
from doctor_daemon.core.tries import Lined, Outcome


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass."""

    until: Instant


@dataclass(frozen=True, slots=True)
class Look:
    """Ask Nova how the host's compute service stands."""

    number: int


@dataclass(frozen=True, slots=True)
class Identify:
    """Ask a power device who its host is."""

    try_: int
    level: int
    device: str


@dataclass(frozen=True, slots=True)
class Cut:
    """Cut the power through one device."""

    try_: int
    level: int
    device: str


@dataclass(frozen=True, slots=True)
class Read:
    """Read the power through one device."""

    try_: int
    level: int
    device: str
    number: int


@dataclass(frozen=True, slots=True)
class ForceDown:
    """Tell Nova that the host has been fenced; `disable` also takes it from the scheduler."""

    number: int
    service: str
    disable: bool


@dataclass(frozen=True, slots=True)
class ListServers:
    """Ask Nova which servers the host really has, now that it is forced down."""

    number: int


@dataclass(frozen=True, slots=True)
class Inspect:
    """Ask Nova for every evacuation of the host and for its servers: what is to be known first."""

    number: int


@dataclass(frozen=True, slots=True)
class Evacuate:
    """Ask Nova to rebuild one server elsewhere."""

    server: ServerId
    attempt: int


@dataclass(frozen=True, slots=True)
class Follow:
    """Ask Nova how the evacuations that are under way stand."""

    number: int


Effect = (
    Wait | Look | Identify | Cut | Read | ForceDown | ListServers | Inspect | Evacuate | Follow
) | (SwitchOn | Lift | Enable | Survey | DeleteService)
CANCELLABLE = (Wait, Look, Identify, Read, ListServers, Inspect, Follow, Survey)
"""Waits and reads. What changes the world runs to its own deadline."""
ASKING = (Look, Identify, Read)
"""Questions that any state may ask: neither they nor their answers need to wait for a save."""
CHANGING = (Cut, ForceDown, Evacuate, SwitchOn, Lift, Enable, DeleteService)
"""What changes the world: gates and permit are asked once more just before it."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """A daemon has taken the incident up again, after a restart."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Evidence about the incident's host."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Elapsed:
    """A wait is over."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Nova has answered a look."""

    number: int
    sighting: Sighting


@dataclass(frozen=True, slots=True)
class Identified:
    """A device has said who its host is."""

    effect: Identify
    identity: Identity


@dataclass(frozen=True, slots=True)
class CutEnded:
    """A cut has been answered, or has not been in time."""

    effect: Cut
    outcome: Outcome
    text: str
    at: Instant


@dataclass(frozen=True, slots=True)
class WasRead:
    """A device was read; an error is a reading of UNKNOWN."""

    effect: Read
    reading: Reading


@dataclass(frozen=True, slots=True)
class PutEnded:
    """The force-down has been answered, or has not been in time."""

    effect: ForceDown
    outcome: Outcome
    text: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Listed:
    """Nova has listed the host's servers."""

    number: int
    list: ServerList


@dataclass(frozen=True, slots=True)
class Inspected:
    """Nova has listed the host's evacuations and servers; both were asked for after `asked_at`."""

    number: int
    asked_at: Instant
    migrations: tuple[Migration, ...]
    servers: ServerList
    aggregates: tuple[Mapping[str, str], ...] | None = None
    """The metadata of each aggregate that the host is in; None: not asked for."""
    around: Around | None = None
    told_at: Instant | None = None
    """When the evacuations were asked for once more; None: it did not take long."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Nova has listed the evacuations that changed; `servers`, if one of ours has ended, too."""

    number: int
    migrations: tuple[Migration, ...]
    servers: ServerList | None = None


@dataclass(frozen=True, slots=True)
class EvacuateEnded:
    """A request to evacuate has been answered, or has not been in time."""

    effect: Evacuate
    outcome: Outcome
    text: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Failed:
    """An effect that asks came back without an answer; `permanent`: asking again is no use."""

    effect: Effect
    error: str
    permanent: bool = False
    nameless: bool = False  # nobody was asked, for want of a name that leads to them


@dataclass(frozen=True, slots=True)
class Refused:
    """A gate was shut just before the effect; nothing was sent."""

    effect: Effect
    gate: str
    why: str


class Order(StrEnum):
    """What an operator can tell an incident."""

    FENCE = "fence"
    DISMISS = "dismiss"
    CONFIRM_OFF = "confirm-off"
    CLOSE = "close"
    RELEASE = "release"
    POWER_ON = "power-on"
    DECOMMISSION = "decommission"


@dataclass(frozen=True, slots=True)
class Ordered:
    """An operator's word, with the person and the reason, as it was given at `at`.

    `until` ends a confirm-off. What is heard of the host after `at` counts against it. `accept` are
    stuck evacuations of which nothing will come, as that human vouches for a release.
    """

    order: Order
    by: str
    why: str
    at: Instant
    until: Instant | None = None
    accept: tuple[Stuck, ...] = ()


@dataclass(frozen=True, slots=True)
class Crashed:
    """A bug was met while this incident was worked on; with the effect whose end is lost by it."""

    error: str
    effect: Effect | None = None


Observation = (
    Resumed
    | Heard
    | Elapsed
    | Paused
    | Looked
    | Noticed
    | Strayed
    | Identified
    | CutEnded
    | WasRead
    | PutEnded
    | Listed
    | Inspected
    | Followed
    | EvacuateEnded
    | Failed
    | Refused
    | Ordered
    | Said
    | Crashed
) | (SwitchedOn | LiftEnded | EnableEnded | Surveyed | ServiceDeleted | Lined)
