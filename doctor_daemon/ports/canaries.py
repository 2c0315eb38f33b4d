"""Servers that are made for a drill, and deleted after it: what a controller may offer besides.

A controller that can do it has an attribute `canaries`. The daemon itself makes and deletes no
server: only the command `drill` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from doctor_daemon.core.host import Server, ServerId
from doctor_daemon.core.tries import Outcome
from doctor_daemon.ports.time import Permit


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """What to boot, and on which host."""

    name: str
    host: str
    image: str
    flavor: str
    network: str
    """`none`, `auto`, or the id of a network."""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Booting:
    """How a request for a server ended. Only what was accepted has an id."""

    outcome: Outcome
    text: str
    id: ServerId | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A server as Nova shows it, and where: an empty host is none."""

    server: Server
    host: str


class Canaries(Protocol):
    """Makes, shows and deletes single servers."""

    async def boot(self, canary: Canary, permit: Permit) -> Booting:
        """Ask once for a server. UNKNOWN: one may come of it; look for its name."""
        ...

    async def show(self, id_: ServerId) -> Seen | None:
        """Show one server; None: Nova says that there is none, or that it was deleted."""
        ...

    async def delete(self, id_: ServerId, permit: Permit) -> tuple[Outcome, str]:
        """Ask once. ACCEPTED: it is being deleted, or Nova has said that there is none."""
        ...
