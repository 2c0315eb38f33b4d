"""Neutron's ports of a host, and what became of a request to say how their data plane stands.

A port's `data_plane_status` is what somebody says of it: Neutron itself never sets it, and never
takes it back, not even when the port is bound to another host.

Source: Neutron API reference, "Data plane status extension".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from doctor_daemon.core.tries import Outcome

DOWN = "DOWN"


@dataclass(frozen=True, slots=True)
class Port:
    """One port, as listed. `host` is what it is bound to, and `said` its data_plane_status."""

    id: str
    host: str
    said: str = ""

    @property
    def down(self) -> bool:
        return self.said == DOWN


@dataclass(frozen=True, slots=True)
class PortPage:
    """Some ports of a list, and after which of them it goes on; empty: that was the last."""

    ports: tuple[Port, ...]
    marker: str = ""


class Said(StrEnum):
    """How a request to say how a port's data plane stands has ended."""

    SET = "set"  # the answer shows the port with it
    GONE = "gone"  # there is no such port
    REFUSED = "refused"  # nothing was done
    UNKNOWN = "unknown"  # it may have been done; asking again does no harm

    @property
    def outcome(self) -> Outcome:
        """Return it as the audit has it."""
        return _OUTCOMES[self]


_OUTCOMES = {
    Said.SET: Outcome.ACCEPTED,
    Said.GONE: Outcome.REFUSED,
    Said.REFUSED: Outcome.REFUSED,
    Said.UNKNOWN: Outcome.UNKNOWN,
}
