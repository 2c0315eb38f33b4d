"""The lab's Nova passes the contract that a real one passes, and a few things beyond it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.nova import NovaOptions
from doctor_daemon.lab.rows import Aggregate
from doctor_daemon.lab.servers import FLAVOR, IMAGE_ID, OwnerSees
from doctor_daemon.lab.world import Failure, Timing
from tests.lab.caller import Caller, caller
from tests.lab.nova_contract import LongNovaContract, NovaContract
from tests.lab.nova_groups import rules
from tests.lab.nova_target import Who, ask, put, row
from tests.lab.old_nova_contract import OldNovaContract

TIMING = Timing(report_interval_s=0.2, service_down_s=0.6, compute_start_s=0.1)
NOVA = NovaOptions(rpc_timeout_s=0.5)


@dataclass(frozen=True, slots=True)
class LabNova:
    """The lab as a target of the contract."""

    lab: Lab
    caller: Caller
    service_down_s: float = TIMING.service_down_s + TIMING.report_interval_s + 1
    rpc_timeout_s: float = NOVA.rpc_timeout_s
    hosts: tuple[str, str] = ("compute-1", "compute-2")
    image: str = IMAGE_ID
    flavor: str = FLAVOR

    @property
    def url(self) -> str:
        return f"{self.lab.nova.root}/v2.1"

    async def token(self, who: Who) -> str:
        user = self.lab.members["project-1"] if who is Who.MEMBER else self.lab.admin
        project = None if who is Who.UNSCOPED else user.project
        return self.lab.identity.issue(user, project, "password").text

    async def kill_compute(self, host: str) -> None:
        self.lab.world.fail(host, Failure.COMPUTE)

    async def start_compute(self, host: str) -> None:
        self.lab.world.recover(host)

    async def launch_compute(self, host: str) -> None:
        self.lab.world.recover(host)

    async def register(self, host: str) -> None:
        self.lab.world.recover(host)

    async def set_state(self, server_id: str, state: str) -> None:
        self.lab.world.set_state(server_id, state)

    async def runs_on(self, server_id: str) -> AbstractSet[str]:
        return set(self.lab.world.runs_on(server_id))

    @asynccontextmanager
    async def nothing_scheduled(self) -> AsyncIterator[None]:
        """Keep what is to happen later, and let it happen at the end."""
        world = self.lab.world
        before, kept = world.later, list[tuple[float, Callable[[], None]]]()
        world.later = lambda seconds, step: kept.append((seconds, step))
        try:
            yield
        finally:
            world.later = before
            for seconds, step in kept:
                world.later(seconds, step)

    @asynccontextmanager
    async def failing_spawns(self, host: str) -> AsyncIterator[None]:
        self.lab.world.hosts[host].spawn_error = "no disk is left"
        try:
            yield
        finally:
            self.lab.world.hosts[host].spawn_error = ""

    @asynccontextmanager
    async def shown_to_owners(self, sees: OwnerSees) -> AsyncIterator[None]:
        nova = self.lab.nova
        before, nova.owner_sees = nova.owner_sees, sees
        try:
            yield
        finally:
            nova.owner_sees = before

    @asynccontextmanager
    async def slow_spawns(self, host: str) -> AsyncIterator[None]:
        """Let every evacuation take long: the lab's starts of nova-compute take no time."""
        world = self.lab.world
        before, world.timing = world.timing, replace(world.timing, evacuate_s=1.0)
        try:
            yield
        finally:
            world.timing = before

    async def write(self, server_id: str, metadata: Mapping[str, str]) -> None:
        self.lab.world.servers[server_id].metadata = dict(metadata)

    async def lock(self, server_id: str) -> None:
        self.lab.world.servers[server_id].locked = True

    @asynccontextmanager
    async def tagged(self, host: str, metadata: Mapping[str, str]) -> AsyncIterator[None]:
        made = Aggregate("tagged", [host], dict(metadata))
        self.lab.world.aggregates.append(made)
        try:
            yield
        finally:
            self.lab.world.aggregates.remove(made)

    @asynccontextmanager
    async def grouped(self, policy: str, *hosts: str) -> AsyncIterator[tuple[str, list[str]]]:
        servers = [await self.boot(host) for host in hosts]
        made = self.lab.world.group(policy, servers, **rules(policy, hosts))
        try:
            yield made.id, servers
        finally:
            for server in servers:
                await self.delete(server)
            self.lab.world.groups.remove(made)

    async def boot(self, host: str, specs: Mapping[str, str] | None = None) -> str:
        owner = self.lab.members["project-1"]
        server = self.lab.world.boot(host, owner.project.id, owner.id)
        server.specs = dict(specs or {})
        return server.id

    async def delete(self, server_id: str) -> None:
        self.lab.world.delete(server_id)


@pytest.fixture
async def target() -> AsyncIterator[LabNova]:
    options = LabOptions(hosts=3, servers_per_host=0, timing=TIMING, nova=NOVA)
    async with Lab(options) as lab, caller() as asks:
        yield LabNova(lab, asks)


class TestOldNova(OldNovaContract):
    @pytest.fixture
    async def target(self) -> AsyncIterator[LabNova]:
        options = LabOptions(hosts=2, servers_per_host=0, nova=replace(NOVA, highest=(2, 52)))
        async with Lab(options) as lab, caller() as asks:
            yield LabNova(lab, asks)


class TestContract(NovaContract, LongNovaContract):
    pass


async def test_a_cell_that_does_not_answer(target: LabNova) -> None:
    """Source: nova/api/openstack/compute/services.py, `_get_service_detail`."""
    server = await target.boot("compute-1")
    service = await row(target, "compute-1")
    target.lab.world.hosts["compute-1"].cell_down = True
    stub = {"binary": "nova-compute", "host": "compute-1", "status": "UNKNOWN"}
    assert await row(target, "compute-1", "2.69") == stub
    old = await ask(target, "GET", "/os-services?host=compute-1", "2.68")
    assert old.body == {"services": []}
    listed = await ask(target, "GET", "/servers?all_tenants=1&host=compute-1&limit=10")
    assert (listed.status, listed.body) == (200, {"servers": []})
    path, body = f"/os-services/{service['id']}", {"forced_down": True}
    assert (await ask(target, "PUT", path, "2.53", body=body)).status == 404
    target.lab.world.hosts["compute-1"].cell_down = False
    assert (await ask(target, "GET", f"/servers/{server}")).status == 200


@pytest.mark.parametrize(
    ("sees", "alive", "forced", "status"),
    [
        (OwnerSees.FULL, True, False, "UP"),
        (OwnerSees.FULL, False, True, "DOWN"),
        (OwnerSees.UNKNOWN_ONLY, True, False, None),
        (OwnerSees.UNKNOWN_ONLY, False, False, "UNKNOWN"),
        (OwnerSees.UNKNOWN_ONLY, False, True, None),
    ],
)
async def test_what_policy_lets_an_owner_see(
    sees: OwnerSees, *, alive: bool, forced: bool, status: str | None
) -> None:
    timing = Timing(report_interval_s=0.02, service_down_s=0.03)
    options = LabOptions(hosts=2, timing=timing, nova=NovaOptions(owner_sees=sees))
    async with Lab(options) as lab, caller() as asks:
        nova = LabNova(lab, asks)
        server = await nova.boot("compute-1")
        if not alive:
            await nova.kill_compute("compute-1")
        if forced:
            await put(nova, "compute-1", {"forced_down": True})
        await asyncio.sleep(0.05)
        shown = await ask(nova, "GET", f"/servers/{server}", who=Who.MEMBER)
        assert shown.body["server"].get("host_status") == status


async def test_an_older_nova() -> None:
    options = LabOptions(hosts=2, nova=NovaOptions(highest=(2, 60)))
    async with Lab(options) as lab, caller() as asks:
        nova = LabNova(lab, asks)
        reply = await ask(nova, "GET", "/os-services", "2.69")
        assert reply.status == 406
        assert reply.message.endswith("Minimum is 2.1 and maximum is 2.60.")


async def test_a_filter_that_the_lab_has_not_is_no_secret(target: LabNova) -> None:
    reply = await ask(target, "GET", "/servers?all_tenants=1&flavor=tiny")
    assert (reply.status, reply.message) == (501, "the lab does not model the filter 'flavor'")
