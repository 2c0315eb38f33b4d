"""The lab's Neutron passes the contract, and shows what other installations do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.neutron import NeutronOptions, port_of
from tests.lab.caller import Caller, caller
from tests.lab.neutron_contract import HOST, NeutronContract, ask, error, listed, say
from tests.lab.nova_target import Who


@dataclass(frozen=True, slots=True)
class LabNeutron:
    """The lab as a target of the contract."""

    lab: Lab
    caller: Caller
    hosts: tuple[str, str] = ("compute-1", "compute-2")

    @property
    def root(self) -> str:
        return f"{self.lab.neutron.root}/v2.0"

    async def token(self, who: Who) -> str:
        user = self.lab.members["project-1"] if who is Who.MEMBER else self.lab.admin
        return self.lab.identity.issue(user, user.project, "password").text


@pytest.fixture
async def target() -> AsyncIterator[LabNeutron]:
    async with Lab(LabOptions(hosts=2)) as lab, caller() as asks:
        yield LabNeutron(lab, asks)


class TestContract(NeutronContract):
    pass


async def test_without_its_driver_nothing_can_be_said() -> None:
    """Source: neutron/api/extensions.py, and `Controller.prepare_request_body`."""
    options = LabOptions(hosts=1, neutron=NeutronOptions(data_plane_status=False))
    async with Lab(options) as lab, caller() as asks:
        bare = LabNeutron(lab, asks)
        assert (await ask(bare, "extensions/data-plane-status")).status == 404
        (first, *_) = await listed(bare)
        reply = await say(bare, first["id"], "DOWN")
        assert (reply.status, error(reply)) == (400, "HTTPBadRequest")


async def test_pages_may_be_shorter_than_was_asked_for() -> None:
    """Source: neutron/api/api_common.py, `get_limit_and_marker`."""
    options = LabOptions(hosts=1, servers_per_host=3, neutron=NeutronOptions(page_max=2))
    async with Lab(options) as lab, caller() as asks:
        reply = await ask(LabNeutron(lab, asks), "ports?limit=50")
        assert len(reply.body["ports"]) == 2
        assert reply.body["ports_links"]


async def test_a_port_goes_with_its_server_and_keeps_what_is_said_of_it(
    target: LabNeutron,
) -> None:
    world = target.lab.world
    server = next(one for one in world.servers.values() if one.host == "compute-1")
    await say(target, port_of(server.id), "DOWN")
    server.host = "compute-2"
    (row,) = await listed(target, f"?id={port_of(server.id)}")
    assert (row[HOST], row["data_plane_status"]) == ("compute-2", "DOWN")
    world.delete(server.id)
    assert await listed(target, f"?id={port_of(server.id)}") == []
