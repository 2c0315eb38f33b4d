"""The lab's Ironic passes the contract, and shows what other installations do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.ironic import IronicOptions
from tests.lab.caller import Caller, caller
from tests.lab.ironic_contract import OFF, IronicContract, ask, order

OPTIONS = LabOptions(hosts=1, ironic=IronicOptions(sync_s=0.4))


@dataclass
class LabIronic:
    """The lab as a target of the contract."""

    lab: Lab
    caller: Caller

    @property
    def node(self) -> str:
        return self.lab.ironic.nodes["compute-1"].uuid

    @property
    def root(self) -> str:
        return f"{self.lab.ironic.root}/v1"

    @property
    def headers(self) -> dict[str, str]:
        admin = self.lab.admin
        return {"X-Auth-Token": self.lab.identity.issue(admin, admin.project, "password").text}

    @property
    def power(self) -> bool:
        return self.lab.world.hosts["compute-1"].power

    def switch(self, *, on: bool) -> None:
        world = self.lab.world
        (world.power_on if on else world.power_off)("compute-1")


@pytest.fixture
async def target() -> AsyncIterator[LabIronic]:
    async with Lab(OPTIONS) as lab, caller() as asks:
        yield LabIronic(lab, asks)


class TestContract(IronicContract):
    pass


async def test_who_may_ask(target: LabIronic) -> None:
    url = f"{target.root}/nodes/{target.node}"
    assert (await target.caller.ask("GET", url)).status == 401
    member = target.lab.members["project-1"]
    token = target.lab.identity.issue(member, member.project, "password").text
    assert (await target.caller.ask("GET", url, headers={"X-Auth-Token": token})).status == 403


async def test_single_fields_can_be_asked_for_from_1_8_on(target: LabIronic) -> None:
    path = f"nodes/{target.node}?fields=uuid"
    assert (await ask(target, "GET", path, "1.7")).status == 406
    assert (await ask(target, "GET", path, "1.8")).body == {"uuid": target.node}


async def test_a_node_that_is_never_to_be_off(target: LabIronic) -> None:
    target.lab.ironic.nodes["compute-1"].fixed_on = True
    assert (await order(target, OFF)).status == 400
    assert target.power
