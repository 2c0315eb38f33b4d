"""The cloud's control plane, as the engine needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from doctor_daemon.core.around import ServerGroup
from doctor_daemon.core.evacuation import Migration
from doctor_daemon.core.host import HostId, Server, ServerId, ServerList
from doctor_daemon.core.incident import Sighting
from doctor_daemon.core.retirement import Transit
from doctor_daemon.core.sightings import Unseen
from doctor_daemon.core.tries import Outcome
from doctor_daemon.ports.states import StatesPage, StatesWanted
from doctor_daemon.ports.time import Permit


@dataclass(frozen=True, slots=True)
class Fleet:
    """Every compute service by its host name, and the hosts of which Nova could say nothing."""

    services: Mapping[str, Sighting]
    unknown: frozenset[str] = frozenset()
    blind: bool = False
    """Whether hosts of a cell that does not answer are left out instead, without a word."""
    zones: Mapping[str, str] = field(default_factory=dict)
    """Host name -> its availability zone, where Nova tells it."""
    asked_there_s: float | None = None
    """When Nova was asked, at the latest, by its own clock (Unix seconds); None: it did not say."""
    control: Mapping[str, str] = field(default_factory=dict)
    """Host name -> which services of the control plane it has."""

    def unseen(self, host: str) -> Unseen | None:
        """Tell why a host is not among the services; None: it is."""
        if host in self.services:
            return None
        return Unseen.UNKNOWN if self.blind or host in self.unknown else Unseen.GONE


class Controller(Protocol):
    """The cloud's control plane."""

    api: ClassVar[int]

    async def look(self, host: HostId) -> Sighting:
        """Show the host's compute service. A missing row or a down cell raises, never 'no host'."""
        ...

    async def fleet(self) -> Fleet:
        """Show every compute service, by one list."""
        ...

    async def force_down(
        self, service: str, reason: str, permit: Permit, *, disable: bool
    ) -> tuple[Outcome, str]:
        """Set forced_down, with `disable` also the status and its reason, in one PUT if Nova can.

        The outcome is that of the flag; what became of the status is in the text, and in a look.
        """
        ...

    async def lift(self, service: str, permit: Permit) -> tuple[Outcome, str]:
        """Take forced_down away, by one PUT of nothing else.

        REFUSED in Nova's words while evacuations from there are `done` and not yet `completed`: a
        restart of nova-compute completes them. That others are under way Nova does not ask.
        """
        ...

    async def enable(self, service: str, permit: Permit) -> tuple[Outcome, str]:
        """Enable, by one PUT of nothing else. It asks for no reason, and wipes it: look before."""
        ...

    async def disable(self, service: str, reason: str, permit: Permit) -> tuple[Outcome, str]:
        """Disable with a reason, by one PUT of nothing else."""
        ...

    async def delete_service(self, service: str, permit: Permit) -> tuple[Outcome, str]:
        """Delete a compute service for good, by its id. ACCEPTED: Nova says that there is none.

        REFUSED in Nova's words while it sees servers or migrations of the host.
        """
        ...

    async def servers(self, host: HostId) -> ServerList:
        """List the servers of one host; raise unless the list is certainly complete."""
        ...

    async def all_servers(self, *, calm: bool = False) -> Mapping[str, tuple[Server, ...]]:
        """List every server by its host's name: the full pass behind the host map.

        `calm`: nobody waits for it, so it leaves most of the cloud's time to other calls.
        """
        ...

    async def changed_servers(self, since_wall_s: float) -> Sequence[tuple[Server, str]]:
        """List the servers that changed since, each with its host's name; '' when it has none."""
        ...

    async def evacuate(self, server: ServerId, permit: Permit) -> tuple[Outcome, str]:
        """Ask once that a server of a dead host be rebuilt elsewhere; ACCEPTED means just that.

        UNSENT: nothing has left. REFUSED: Nova has said no; FORBIDDEN: and would say so again.
        UNKNOWN: look before asking again.
        """
        ...

    async def aggregates(self, host: HostId) -> Sequence[Mapping[str, str]]:
        """Show the metadata of each aggregate that a host is in; raise unless it is complete."""
        ...

    async def server_groups(self) -> Sequence[ServerGroup]:
        """List the server groups of all projects. Raise Permanent where the role may not."""
        ...

    async def evacuations(self, host: HostId) -> Sequence[Migration]:
        """List every evacuation that Nova records away from a host; raise unless it is complete."""
        ...

    async def transits(self, host: HostId) -> Sequence[Transit]:
        """List every migration to or from a host, over or not; raise unless it is complete."""
        ...

    async def changed_evacuations(self, since_wall_s: float) -> Sequence[Migration]:
        """List the evacuations of all hosts that changed since, by Nova's clock.

        One that no scheduler has touched yet may be missing: `evacuations` has it.
        """
        ...

    async def states(self, wanted: StatesWanted) -> StatesPage:
        """Show how some servers and their hosts stand now, by one page; raise as `servers` does."""
        ...

    async def check(self) -> Sequence[str]:
        """Prove that roles and microversions suffice; return what is wrong, in words."""
        ...

    async def hidden_from_owners(self) -> Sequence[str]:
        """Say what servers' owners cannot see of how their hosts stand, and what would help.

        None: they see it all. It is a warning: nothing that the daemon does depends on it.
        """
        ...

    async def run(self) -> None:
        """Keep the token fresh until cancelled."""
        ...

    async def close(self) -> None: ...
