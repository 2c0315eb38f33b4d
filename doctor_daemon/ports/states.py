"""A question of operators to the cloud: how these servers stand now, and the host of each.

It is answered by one page of one list, asked for afresh. Whoever wants more asks for the next page.
"""

from __future__ import annotations

from dataclasses import dataclass

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Sighting
from doctor_daemon.core.server_state import ServerState

STATES_MAX = 200
"""Servers a page."""


@dataclass(frozen=True, slots=True)
class StatesWanted:
    """Which servers: those of a host, or of a project, or all; from after `marker` on."""

    host: HostId | None = None
    project: str = ""
    marker: str = ""
    """The id of the last server of the page before; empty: the first page."""
    limit: int = 100


@dataclass(frozen=True, slots=True)
class StatesPage:
    """One page, as of the moment at which it was asked for."""

    states: tuple[ServerState, ...]
    asked_wall_s: float
    marker: str = ""
    """What to ask for the next page with; empty: there is none."""
    silent: frozenset[str] = frozenset()
    """Hosts of which the cloud could say nothing: servers of theirs may be missing here."""
    blind: bool = False
    """Whether there may be more such hosts, and the cloud would not say so."""
    service: Sighting | None = None
    """Of a host that was asked for: its compute service, looked at after the list."""
