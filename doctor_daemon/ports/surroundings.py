"""What the daemon already knows, offered to inspectors that watch by themselves.

A source that is told by HTTP needs nothing but its intake. One that goes and looks wants to know
where hosts are, and must not ask again what the daemon asks anyway: Nova is read by one poller, and
a power device has one lock for all who speak to it. All of it is for looking only, but for
`windows`, the notes of `records` and `hints`, which the next list of Nova's overrules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from doctor_daemon.core.host import Device, HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.ports.cloud import Fleet
from doctor_daemon.ports.hints import Hints
from doctor_daemon.ports.power import PowerDevice
from doctor_daemon.ports.records import Records
from doctor_daemon.ports.windows import Windows


class Concern(StrEnum):
    """How far the daemon itself has got with a host."""

    NONE = "none"  # there is no open incident
    SUSPECTED = "suspected"  # there is one, and nothing has been done to the host
    TOUCHED = "touched"  # the daemon has acted on it, or is about to


Level = Sequence[tuple[Device, PowerDevice]]
"""The power devices of one level: what the configuration says of each, and the device."""


def _nobody(_host: HostId) -> Concern:
    return Concern.NONE


def _unopened(_host: HostId) -> Instant | None:
    return None


def _nowhere(_name: str) -> None:
    return None


def _never(_heard: Callable[[Fleet], None]) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an inspector may look at besides its own source."""

    hosts: Sequence[HostId] = ()
    """Every configured host."""
    addresses: Mapping[HostId, Mapping[str, str]] = field(default_factory=dict)
    """Host -> network -> its address there, as the configuration has them."""
    levels: Mapping[HostId, Sequence[Level]] = field(default_factory=dict)
    """Host -> level after level of its power devices. They are to be read, and nothing else."""
    concern: Callable[[HostId], Concern] = _nobody
    """Tell how far the daemon has got with a host."""
    opened: Callable[[HostId], Instant | None] = _unopened
    """Tell when the open incident of a host was opened: only life after that answers it. None:
    there is none."""
    looked: Callable[[str], None] = _nowhere
    """To be called by a source, with its name, whenever it has looked and seen."""
    fleets: Callable[[Callable[[Fleet], None]], None] = _never
    """Have a function called with every list of compute services that is read from Nova."""
    windows: Windows | None = None
    """The maintenance of hosts, for a source that announces it."""
    records: Records | None = None
    """What was said and what became of it, for a source that is asked for that."""
    hints: Hints | None = None
    """Where the cloud's own messages about servers and services go."""


@runtime_checkable
class Looking(Protocol):
    """An inspector that wants to know its surroundings.

    It is told before it runs, and again when a reload has changed its hosts, their addresses or
    their power devices.
    """

    def place(self, around: Surroundings) -> None: ...
