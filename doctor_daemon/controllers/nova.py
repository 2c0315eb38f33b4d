"""Nova: reads services, servers and migrations; forces services down and back; evacuates servers.

Each call is pinned to a microversion and answers with certainty or with an error: a host that Nova
says nothing of is never taken for one without servers, nor a lost answer for success or failure.
Source: Nova API reference. The traps of that API are named in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from doctor_daemon.controllers.aggregates import PATH as AGGREGATES_PATH
from doctor_daemon.controllers.aggregates import of_host, read_aggregates
from doctor_daemon.controllers.canaries import NovaCanaries
from doctor_daemon.controllers.cloud_service import READ_KEEP_S, CloudService
from doctor_daemon.controllers.compute import Compute
from doctor_daemon.controllers.deletions import delete
from doctor_daemon.controllers.evacuations import evacuate, only_from
from doctor_daemon.controllers.evacuations import whole_list as whole_migrations
from doctor_daemon.controllers.groups import whole_list as whole_groups
from doctor_daemon.controllers.identities import Identities
from doctor_daemon.controllers.listing import settled_list, whole_list
from doctor_daemon.controllers.microversions import AGGREGATES, SERVICES
from doctor_daemon.controllers.owners import Account, hidden
from doctor_daemon.controllers.preflight import preflight
from doctor_daemon.controllers.servers import by_host, since
from doctor_daemon.controllers.services import BINARY, all_services, one_service, read_services
from doctor_daemon.controllers.states import list_states
from doctor_daemon.controllers.transits import whole_transits
from doctor_daemon.controllers.updates import ENABLE, LIFT, disabling, fencing, write
from doctor_daemon.core.around import ServerGroup
from doctor_daemon.core.evacuation import Migration
from doctor_daemon.core.host import HostId, Server, ServerId, ServerList
from doctor_daemon.core.incident import Sighting
from doctor_daemon.core.retirement import Transit
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Clock, Fleet, Permit
from doctor_daemon.ports.canaries import Canaries
from doctor_daemon.ports.identity import Identity
from doctor_daemon.ports.secrets import SecretFile
from doctor_daemon.ports.states import StatesPage, StatesWanted

WRITE_CONNECTIONS = 8
IDENTITY_CONNECTIONS = 4
EVACUATE_KEEP_S = 2.0
"""Shorter than any server keeps an idle connection (Apache: 5 s): a request that meets one just
being closed is one of which nobody knows whether it was taken."""


class NovaConfig(BaseModel):
    """Which Nova, and how long to wait for it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    clouds_file: SecretFile = SecretFile("/etc/openstack/clouds.yaml")
    """OpenStack's own clouds.yaml; a secure.yaml beside it is read too."""
    cloud: str = Field(min_length=1)
    """The entry of `clouds` to use. Its user needs the role admin in its project."""
    owner_cloud: str = ""
    """Another entry of it: an ordinary user of a project with a server. Only
    `check-config --online` logs in as that user, to see what owners are shown of hosts."""
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60, allow_inf_nan=False)
    """How long a connection may take, waiting for a free one included."""
    read_timeout_s: float = Field(default=75.0, gt=0, le=600, allow_inf_nan=False)
    """How long a list may take. Nova waits 60 s for a cell whose database is gone."""
    force_down_timeout_s: float = Field(default=30.0, gt=0, le=600, allow_inf_nan=False)
    """How long the answer to a force-down may take; after that it is read back."""
    evacuate_timeout_s: float = Field(default=60.0, gt=0, le=600, allow_inf_nan=False)
    """How long the answer to an evacuation may take; after that its migration is looked for."""
    keystone_timeout_s: float = Field(default=10.0, gt=0, le=60, allow_inf_nan=False)
    """How long Keystone may be silent. Only renewal waits for it, while a token lives."""
    connections: int = Field(default=16, ge=1, le=64)
    """How many connections read at once; forcing down and evacuating have their own."""
    evacuate_connections: int = Field(default=16, ge=1, le=64)
    """How many evacuations are asked for at once. Others wait, no longer than a connection may."""


def _word(result: tuple[Outcome, str]) -> str:
    return result[0].value


class Nova(CloudService):
    """One cloud's Nova."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[NovaConfig]] = NovaConfig

    def __init__(self, config: NovaConfig, cloud: str, clock: Clock) -> None:
        """Read the cloud's entry, connect to nothing. Raise ConfigError."""
        super().__init__(config, clock)
        self._cloud = cloud
        times = (config.connect_timeout_s, config.read_timeout_s, config.keystone_timeout_s)
        self._owner = Account(config.clouds_file, config.owner_cloud, *times, self._deadline_s)
        self._compute = Compute(
            self._tokens,
            reads=self._way(config.connections, READ_KEEP_S, config.read_timeout_s),
            writes=self._way(WRITE_CONNECTIONS, 0.0, config.force_down_timeout_s),
            evacuations=self._way(
                config.evacuate_connections, EVACUATE_KEEP_S, config.evacuate_timeout_s
            ),
        )

        way = self._way(IDENTITY_CONNECTIONS, READ_KEEP_S, config.keystone_timeout_s)
        self._identities = Identities(self._tokens, way, self._auth_url)

    @property
    def canaries(self) -> Canaries:
        """Return what boots and deletes servers for drills. The daemon itself never does."""
        return NovaCanaries(self._compute)

    async def look(self, host: HostId) -> Sighting:
        """Show the host's compute service. Raise Temporary when its cell does not answer."""
        return await self._timed("look", self._look(host))

    async def identify(self, token: str) -> Identity | None:
        """Ask Keystone whose token it is. Raise a DoctorError where it does not say."""
        return await self._timed("identify", self._identities.identify(token))

    async def fleet(self) -> Fleet:
        return await self._timed("fleet", self._fleet())

    async def force_down(
        self, service: str, reason: str, permit: Permit, *, disable: bool
    ) -> tuple[Outcome, str]:
        """Write once. REFUSED: nothing was done; UNKNOWN: read it back. Raise LateError.

        Before 2.53 it takes a PUT for the flag and then one for the status. The outcome is that of
        the flag, without which the other is not sent; the text tells of both.
        """
        update = fencing(reason, disable=disable)
        return await self._timed("force_down", write(self._compute, service, update, permit), _word)

    async def lift(self, service: str, permit: Permit) -> tuple[Outcome, str]:
        """Write once, as force_down does. REFUSED too while `done` evacuations remain."""
        return await self._timed("lift", write(self._compute, service, LIFT, permit), _word)

    async def enable(self, service: str, permit: Permit) -> tuple[Outcome, str]:
        """Write once. Nova waits for a nova-compute that died unnoticed: that may end UNKNOWN."""
        return await self._timed("enable", write(self._compute, service, ENABLE, permit), _word)

    async def disable(self, service: str, reason: str, permit: Permit) -> tuple[Outcome, str]:
        """Write once, as enable does, and with the same reserve about its end."""
        update = disabling(reason)
        return await self._timed("disable", write(self._compute, service, update, permit), _word)

    async def delete_service(self, service: str, permit: Permit) -> tuple[Outcome, str]:
        """Delete once. ACCEPTED: Nova has said that there is no such service. Raise LateError."""
        return await self._timed("delete_service", delete(self._compute, service, permit), _word)

    async def servers(self, host: HostId) -> ServerList:
        return await self._timed("servers", self._servers(host))

    async def all_servers(self, *, calm: bool = False) -> Mapping[str, tuple[Server, ...]]:
        """List every server. Those of a cell that is down are missing: Nova leaves them out."""
        rest = self._clock if calm else None
        every = whole_list(self._compute, {}, rest)
        return by_host((await self._timed("all_servers", every)).value)

    async def changed_servers(self, since_wall_s: float) -> Sequence[tuple[Server, str]]:
        """List what changed, the deleted too. Clocks are told to the second: let lists overlap."""
        query = self._changes(since_wall_s)
        changes = whole_list(self._compute, query, self._clock)
        got = await self._timed("changed_servers", changes)
        return [(one.server, one.host) for one in got.value]

    async def evacuate(self, server: ServerId, permit: Permit) -> tuple[Outcome, str]:
        """Ask once, and never again by itself: Nova takes a second evacuation on. Raise LateError.

        Only a 401 is answered by asking again, with a new token: it says that nothing was done.
        """
        return await self._timed("evacuate", evacuate(self._compute, server, permit), _word)

    async def evacuations(self, host: HostId) -> Sequence[Migration]:
        return await self._timed("evacuations", self._evacuations(host))

    async def transits(self, host: HostId) -> Sequence[Transit]:
        return await self._timed("transits", self._transits(host))

    async def changed_evacuations(self, since_wall_s: float) -> Sequence[Migration]:
        """List what changed, of all hosts; what a cell that is down holds is missing meanwhile."""
        changes = whole_migrations(self._compute, self._changes(since_wall_s))
        return await self._timed("changed_evacuations", changes)

    async def aggregates(self, host: HostId) -> Sequence[Mapping[str, str]]:
        return await self._timed("aggregates", self._aggregates(host))

    async def states(self, wanted: StatesWanted) -> StatesPage:
        asked = list_states(self._compute, wanted, self._look, self._fleet)
        return await self._timed("states", asked)

    async def server_groups(self) -> Sequence[ServerGroup]:
        return await self._timed("server_groups", whole_groups(self._compute))

    async def check(self) -> Sequence[str]:
        """Try the account and the endpoint, changing nothing. See `preflight`."""
        return await preflight(self._tokens, self._compute)

    async def hidden_from_owners(self) -> Sequence[str]:
        """Ask as an owner, if there is an account for that. See `owners`."""
        return await hidden(self._owner, self._clock)

    async def run(self) -> None:
        await self._tokens.run()

    async def close(self) -> None:
        await self._tokens.close()
        await self._compute.close()
        await self._identities.close()

    def _changes(self, since_wall_s: float) -> Mapping[str, str]:
        """Ask since a moment of our clock by Nova's: ours may be wrong, or have stepped."""
        return {"changes-since": since(since_wall_s + self._compute.ahead_s)}

    async def _look(self, host: HostId) -> Sighting:
        name = self._name(host)
        query = {"host": name, "binary": BINARY}
        got = await self._compute.get("os-services", query, SERVICES, read_services)
        return one_service(got.value, name, got.asked_at, got.version)

    async def _fleet(self) -> Fleet:
        got = await self._compute.get("os-services", {}, SERVICES, read_services)
        fleet = all_services(got.value, got.asked_at, got.version)
        return replace(fleet, asked_there_s=got.asked_there_s)

    async def _servers(self, host: HostId) -> ServerList:
        """List between two looks: Nova leaves the servers of a cell that is down out silently."""
        await self._look(host)
        got = await settled_list(self._compute, self._name(host))
        await self._look(host)
        return ServerList(tuple(got.value.values()), got.asked_at.wall_s)

    async def _evacuations(self, host: HostId) -> Sequence[Migration]:
        """List between two looks: one that is silently left out would be asked for again."""
        name = self._name(host)
        await self._look(host)
        found = only_from(name, await whole_migrations(self._compute, {"source_compute": name}))
        await self._look(host)
        return found

    async def _transits(self, host: HostId) -> Sequence[Transit]:
        """List between two looks, as evacuations."""
        await self._look(host)
        found = await whole_transits(self._compute, self._name(host))
        await self._look(host)
        return found

    async def _aggregates(self, host: HostId) -> Sequence[Mapping[str, str]]:
        got = await self._compute.get(AGGREGATES_PATH, {}, AGGREGATES, read_aggregates)
        return of_host(got.value, self._name(host))

    def _name(self, host: HostId) -> str:
        """Return the host's name; one of another cloud may be there by the same name."""
        if host.cloud != self._cloud:
            msg = f"{host} is not of the cloud {self._cloud!r}"
            raise Permanent(msg)
        return host.name
