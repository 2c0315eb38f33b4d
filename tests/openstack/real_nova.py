"""The estate's Nova as a target of the contract which the lab passes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from signal import SIGCONT, SIGKILL, SIGSTOP

import pytest

from doctor_daemon.lab.servers import OwnerSees
from tests.lab.caller import Caller
from tests.lab.keystone_contract import by_password
from tests.lab.nova_groups import rules
from tests.lab.nova_target import Who
from tests.openstack.estate import Estate
from tests.openstack.policy import policy_of_owners
from tests.openstack.tags import aggregate, flavored, server_group, zone
from tests.openstack.testbed.calls import IMAGE, ask
from tests.openstack.testbed.configuration import (
    REPORT_INTERVAL_S,
    RPC_RESPONSE_TIMEOUT_S,
    SERVICE_DOWN_TIME_S,
)
from tests.openstack.testbed.processes import wait_for
from tests.openstack.testbed.services import Services
from tests.openstack.testbed.site import HOSTS, PASSWORD

ADMIN = ("admin", PASSWORD, "admin")
MEMBER = ("tenant", PASSWORD, "tenant")
BUSY_S = 4.0
"""What a slow machine may add until Nova notices that a host has died."""
SLOW_S = 15.0
"""Twice what nova-compute takes to start on a busy machine."""


@dataclass(frozen=True, slots=True)
class RealNova:
    """The estate's Nova as a target of the contract, asked without the recording proxy."""

    estate: Estate
    tokens: Mapping[Who, str]
    caller: Caller
    hosts: tuple[str, str] = (HOSTS[0], HOSTS[1])
    image: str = IMAGE
    flavor: str = "tiny"
    service_down_s: float = SERVICE_DOWN_TIME_S + REPORT_INTERVAL_S + BUSY_S
    rpc_timeout_s: float = RPC_RESPONSE_TIMEOUT_S
    root: str = ""
    """What is asked in the place of Nova itself."""
    launched: set[str] = field(default_factory=set)
    """Hosts whose nova-compute was started and has perhaps not reported yet."""

    @property
    def url(self) -> str:
        return (self.root or self.estate.site.url("nova")) + "/v2.1"

    async def token(self, who: Who) -> str:
        return self.tokens[who]

    async def kill_compute(self, host: str) -> None:
        await asyncio.to_thread(self.estate.hosts[host].processes.end, [host], SIGKILL)

    async def start_compute(self, host: str) -> None:
        await asyncio.to_thread(start_compute, self.estate, host, anew=host in self.launched)
        self.launched.discard(host)

    async def launch_compute(self, host: str) -> None:
        if not self.estate.hosts[host].processes.pid(host):
            await asyncio.to_thread(Services(self.estate.site).start_compute, host)
            self.launched.add(host)

    async def register(self, host: str) -> None:
        await asyncio.to_thread(self.estate.register, host)

    async def set_state(self, server_id: str, state: str) -> None:
        await asyncio.to_thread(set_state, self.estate, server_id, state)

    async def runs_on(self, server_id: str) -> AbstractSet[str]:
        hosts = self.estate.hosts.items()
        return {name for name, host in hosts if server_id in host.running_guests()}

    @asynccontextmanager
    async def nothing_scheduled(self) -> AsyncIterator[None]:
        """Stop nova-conductor, which hands on what nova-api has accepted; not for long.

        The heartbeats of nova-compute go through it too.
        """
        conductor = self.estate.hosts[self.hosts[0]].processes.pid("nova-conductor")
        assert conductor is not None
        os.killpg(conductor, SIGSTOP)
        try:
            yield
        finally:
            os.killpg(conductor, SIGCONT)

    @asynccontextmanager
    async def failing_spawns(self, host: str) -> AsyncIterator[None]:
        """Put a folder where the hypervisor writes its guests down."""
        obstacle = self.estate.site.state(host) / "guests.new"
        obstacle.mkdir()
        try:
            yield
        finally:
            obstacle.rmdir()

    @asynccontextmanager
    async def shown_to_owners(self, sees: OwnerSees) -> AsyncIterator[None]:
        with policy_of_owners(self.estate, sees):
            yield

    @asynccontextmanager
    async def slow_spawns(self, host: str) -> AsyncIterator[None]:
        self.estate.hosts[host].spawns(spawn_s=SLOW_S)
        try:
            yield
        finally:
            self.estate.hosts[host].spawns()

    async def write(self, server_id: str, metadata: Mapping[str, str]) -> None:
        body = {"metadata": dict(metadata)}
        path = f"/servers/{server_id}/metadata"
        await asyncio.to_thread(self.estate.tenant.compute, "PUT", path, body)

    async def lock(self, server_id: str) -> None:
        path = f"/servers/{server_id}/action"
        lock = partial(self.estate.tenant.compute, "POST", path, {"lock": None}, expect=202)
        await asyncio.to_thread(lock)

    @asynccontextmanager
    async def tagged(self, host: str, metadata: Mapping[str, str]) -> AsyncIterator[None]:
        with aggregate(self.estate, host, metadata):
            yield

    @asynccontextmanager
    async def grouped(self, policy: str, *hosts: str) -> AsyncIterator[tuple[str, list[str]]]:
        with server_group(self.estate, policy, **rules(policy, hosts)) as group:
            boot = partial(self.estate.boot, group=group)
            servers = [(await asyncio.to_thread(boot, host, 1))[0] for host in hosts]
            try:
                yield group, servers
            finally:
                for server in servers:
                    await self.delete(server)

    async def boot(self, host: str, specs: Mapping[str, str] | None = None) -> str:
        with flavored(self.estate, specs or {}) as flavor:
            (server,) = await asyncio.to_thread(self.estate.boot, host, 1, flavor)
            return server

    async def delete(self, server_id: str) -> None:
        await asyncio.to_thread(delete, self.estate, server_id)


def start_compute(estate: Estate, host: str, *, anew: bool) -> None:
    # The state may be up from before the kill; only a new heartbeat moves this.
    seen = estate.service(host)["updated_at"] if anew else None
    if not estate.hosts[host].processes.pid(host):
        seen = estate.service(host)["updated_at"]
        Services(estate.site).start_compute(host)

    def beats() -> bool:
        row = estate.service(host)
        return row["state"] == "up" and row["updated_at"] != seen

    wait_for(f"nova-compute of {host}", beats, 60)


def set_state(estate: Estate, server: str, state: str) -> None:
    action = {"stopped": {"os-stop": None}, "paused": {"pause": None}}[state]
    path = f"/servers/{server}"
    estate.tenant.compute("POST", f"{path}/action", action, expect=202)

    def reached() -> bool:
        shown = estate.tenant.compute("GET", path)["server"]
        now = shown["OS-EXT-STS:vm_state"], shown["OS-EXT-STS:task_state"]
        return now == (state, None)

    wait_for(f"the server to be {state}", reached, 60)


def delete(estate: Estate, server: str) -> None:
    path = f"/servers/{server}"
    estate.admin.compute("DELETE", path, expect=204)  # its owner may not, once it is locked
    wait_for("the server to go", lambda: estate.tenant.compute_answer("GET", path).status == 404)


@pytest.fixture(scope="module")
def zoned(whole_estate: Estate) -> Iterator[Estate]:
    with policy_of_owners(whole_estate, OwnerSees.NOTHING), zone(whole_estate):
        try:
            yield whole_estate
        finally:
            # Within the zone, which no host may leave that still has servers.
            whole_estate.restore()


@pytest.fixture(scope="module")
def tokens(whole_estate: Estate) -> dict[Who, str]:
    url = whole_estate.site.auth_url + "/auth/tokens"
    bodies = {
        Who.ADMIN: by_password(*ADMIN),
        Who.MEMBER: by_password(*MEMBER),
        Who.UNSCOPED: by_password(*ADMIN[:2], None),
    }
    return {who: ask("POST", url, body).headers["x-subject-token"] for who, body in bodies.items()}
