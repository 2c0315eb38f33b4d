"""One Ironic for all of these tests, with one node, whose BMC is the lab's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.redfish import USER, RedfishOptions
from tests.ironic.service import LIMIT_S, environment, ironic
from tests.lab.caller import Caller, caller
from tests.lab.ironic_contract import ON, ask, order, settled, shown
from tests.slice.site import free_port

HERE = Path(__file__).resolve().parent
NAME = "compute-1"
MANAGE_S = 60.0
LOOK_S = 0.2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave time for the first test of a fresh machine, during which Ironic is installed."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(LIMIT_S))


@dataclass
class RealIronic:
    """A real Ironic as a target of the contract."""

    lab: Lab
    caller: Caller
    origin: str
    node: str = ""

    @property
    def root(self) -> str:
        return f"{self.origin}/v1"

    @property
    def headers(self) -> dict[str, str]:
        admin = self.lab.admin
        return {"X-Auth-Token": self.lab.identity.issue(admin, admin.project, "password").text}

    @property
    def power(self) -> bool:
        return self.lab.world.hosts[NAME].power

    def switch(self, *, on: bool) -> None:
        world = self.lab.world
        (world.power_on if on else world.power_off)(NAME)

    async def enroll(self) -> None:
        """Have Ironic manage the lab's host."""
        info = {
            "redfish_address": self.lab.bmc_urls[NAME],
            "redfish_system_id": self.lab.system_url(NAME).removeprefix(self.lab.bmc_urls[NAME]),
            "redfish_username": USER,
            "redfish_password": self.lab.redfish.password,
            "redfish_auth_type": "basic",
        }
        body = {"driver": "redfish", "name": NAME, "driver_info": info}
        made = await ask(self, "POST", "nodes", body=body)
        assert made.status == 201, made.text
        self.node = made.body["uuid"]
        path = f"nodes/{self.node}/states/provision"
        assert (await ask(self, "PUT", path, body={"target": "manage"})).status == 202
        for _ in range(int(MANAGE_S / LOOK_S)):
            if (await shown(self))["provision_state"] == "manageable":
                return
            await asyncio.sleep(LOOK_S)
        raise AssertionError(await shown(self))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealIronic]:
    folder, programs = tmp_path_factory.mktemp("ironic"), await asyncio.to_thread(environment)
    options = LabOptions(hosts=1, redfish=RedfishOptions(power_s=0.2))
    async with (
        Lab(options) as lab,
        caller() as asks,
        ironic(programs, lab, folder, free_port()) as origin,
    ):
        lab.keystone.endpoints["baremetal"] = origin
        found = RealIronic(lab, asks, origin)
        await found.enroll()
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def target(real: RealIronic) -> RealIronic:
    """Have the machine on, and Ironic know it and be idle."""
    real.lab.faults.clear()
    for _ in range(int(MANAGE_S / LOOK_S)):
        if (await order(real, ON)).status == 202:
            break
        await asyncio.sleep(LOOK_S)
    await settled(real, ON, really=True)
    return real
