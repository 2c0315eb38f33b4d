"""The lies of BMCs that take a truth behind them: each does what its name says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.redfish import ROOT, USER, RedfishOptions
from tests.lab.caller import Caller, Reply, basic, caller

NAME = "compute-1"


class Way:
    """A host's BMC, or its chassis, before a caller who is logged in."""

    def __init__(self, lab: Lab, asks: Caller, origin: str) -> None:
        self.lab, self.host = lab, lab.world.hosts[NAME]
        self._asks, self._url = asks, f"{origin}{ROOT}/Systems/{self.host.system_uuid}"
        self._headers = basic(USER, lab.redfish.password)

    def lie(self, do: Do, service: Service = Service.BMC) -> None:
        self.lab.faults.add(Rule(service=service, do=do, times=None))

    async def read(self) -> Reply:
        return await self._asks.ask("GET", self._url, headers=self._headers)

    async def reset(self, kind: str = "ForceOff") -> Reply:
        url, body = f"{self._url}/Actions/ComputerSystem.Reset", {"ResetType": kind}
        return await self._asks.ask("POST", url, headers=self._headers, body=body)

    async def power(self) -> str:
        found: str = (await self.read()).body["PowerState"]
        return found


@pytest.fixture
async def ways() -> AsyncIterator[tuple[Way, Way]]:
    options = LabOptions(hosts=1, chassis=True, redfish=RedfishOptions(power_s=0))
    async with Lab(options) as lab, caller() as asks:
        urls = (lab.bmc_urls[NAME], lab.chassis_urls[NAME])
        first, second = (Way(lab, asks, url) for url in urls)
        yield first, second


async def test_a_chassis_is_another_way_to_the_same_power(ways: tuple[Way, Way]) -> None:
    bmc, chassis = ways
    bmc.lie(Do.LIE_OFF)
    assert (await bmc.power(), await chassis.power()) == ("Off", "On")
    assert (await chassis.reset()).status == 204
    assert not bmc.host.power
    chassis.lie(Do.LIE_ON, Service.CHASSIS)
    assert (await bmc.power(), await chassis.power()) == ("Off", "On")


async def test_one_that_flips(ways: tuple[Way, Way]) -> None:
    bmc, _ = ways
    bmc.lie(Do.FLIPS)
    assert [await bmc.power() for _ in range(4)] == ["Off", "On", "Off", "On"]
    assert bmc.host.power


async def test_off_with_an_error(ways: tuple[Way, Way]) -> None:
    bmc, _ = ways
    bmc.lie(Do.OFF_ERROR)
    reply = await bmc.read()
    assert (reply.status, reply.body["PowerState"]) == (500, "Off")


async def test_409_only_when_it_is_off_already(ways: tuple[Way, Way]) -> None:
    bmc, _ = ways
    bmc.lie(Do.ALREADY_OFF)
    assert [(await bmc.reset()).status for _ in range(2)] == [204, 409]
    assert (await bmc.reset("On")).status == 204
    assert bmc.host.power


async def test_one_that_dies_with_its_host(ways: tuple[Way, Way]) -> None:
    bmc, chassis = ways
    bmc.lie(Do.DIES)
    assert await bmc.power() == "On"
    assert (await chassis.reset()).status == 204
    for call in (bmc.read, bmc.reset):
        with pytest.raises(aiohttp.ClientError):
            await call()
    await chassis.reset("On")
    assert await bmc.power() == "On"
