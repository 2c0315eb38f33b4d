"""The faults: that each does what its name says, in the order of the script."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.nova import NovaOptions
from doctor_daemon.lab.redfish import OTHER_UUID, USER, RedfishOptions
from doctor_daemon.lab.world import Failure
from tests.lab.caller import Caller, Reply, basic, caller

POWER_S = 0.1


@dataclass(frozen=True, slots=True)
class Cloud:
    """A lab and a caller that is logged in everywhere."""

    lab: Lab
    caller: Caller

    async def nova(self, method: str, path: str, body: object = None) -> Reply:
        token = self.lab.identity.issue(self.lab.admin, self.lab.admin.project, "password")
        headers = {"X-Auth-Token": token.text, "OpenStack-API-Version": "compute 2.90"}
        url = f"{self.lab.nova.root}/v2.1{path}"
        return await self.caller.ask(method, url, headers=headers, body=body)

    async def force_down(self, host: str) -> Reply:
        service = self.lab.world.hosts[host].service
        return await self.nova("PUT", f"/os-services/{service.uuid}", {"forced_down": True})

    async def force_down_once(self, host: str) -> bytes:
        """Ask over a bare connection, and read what comes until it ends: no client, no retry."""
        token = self.lab.identity.issue(self.lab.admin, self.lab.admin.project, "password")
        service = self.lab.world.hosts[host].service
        body = b'{"forced_down": true}'
        head = (
            f"PUT /v2.1/os-services/{service.uuid} HTTP/1.1\r\nHost: lab\r\n"
            f"X-Auth-Token: {token.text}\r\nOpenStack-API-Version: compute 2.53\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        port = int(self.lab.nova.root.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + body)
        try:
            return await reader.read()
        finally:
            writer.close()

    def forced_down(self, host: str) -> bool:
        return self.lab.world.hosts[host].service.forced_down

    async def system(self, host: str) -> dict[str, Any]:
        login = basic(USER, self.lab.redfish.password)
        reply = await self.caller.ask("GET", self.lab.system_url(host), headers=login)
        found: dict[str, Any] = reply.body
        return found

    async def reset(self, host: str, asked: str = "ForceOff") -> Reply:
        login = basic(USER, self.lab.redfish.password)
        url = f"{self.lab.system_url(host)}/Actions/ComputerSystem.Reset"
        return await self.caller.ask("POST", url, headers=login, body={"ResetType": asked})


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    options = LabOptions(hosts=2, redfish=RedfishOptions(power_s=POWER_S))
    async with Lab(options) as lab, caller() as asks:
        yield Cloud(lab, asks)


def put(do: Do, **more: Any) -> Rule:  # noqa: ANN401 - the fields of Rule
    """Make a rule for a PUT to os-services."""
    return Rule(service=Service.NOVA, do=do, method="PUT", path="*/os-services/*", **more)


def bmc(do: Do, **more: Any) -> Rule:  # noqa: ANN401 - the fields of Rule
    """Make a rule for the BMC of compute-1."""
    return Rule(service=Service.BMC, do=do, host="compute-1", **more)


async def test_a_timeout_before_processes_nothing(cloud: Cloud) -> None:
    cloud.lab.faults.add(put(Do.TIMEOUT_BEFORE, seconds=0.1))
    began_s = time.monotonic()
    assert await cloud.force_down_once("compute-1") == b""
    assert time.monotonic() - began_s >= 0.1
    assert not cloud.forced_down("compute-1")


async def test_a_timeout_after_processes_and_never_answers(cloud: Cloud) -> None:
    cloud.lab.faults.add(put(Do.TIMEOUT_AFTER, seconds=0.1))
    assert await cloud.force_down_once("compute-1") == b""
    assert cloud.forced_down("compute-1")


async def test_a_lost_reply_is_a_reset_after_the_effect(cloud: Cloud) -> None:
    cloud.lab.faults.add(put(Do.LOST_REPLY))
    with pytest.raises(ConnectionResetError):
        await cloud.force_down_once("compute-1")
    assert cloud.forced_down("compute-1")


async def test_aiohttps_client_repeats_a_put_whose_connection_broke(cloud: Cloud) -> None:
    """So a client that must know needs two lost replies before it hears of one."""
    cloud.lab.faults.add(put(Do.LOST_REPLY, times=3))
    with pytest.raises(aiohttp.ClientOSError):
        await cloud.force_down("compute-1")
    assert len(cloud.lab.faults.applied) == 2
    assert (await cloud.force_down("compute-1")).status == 200


async def test_a_hang_ends_when_the_client_goes_away(cloud: Cloud) -> None:
    cloud.lab.faults.add(put(Do.HANG))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(cloud.force_down("compute-1"), 0.2)
    assert not cloud.forced_down("compute-1")
    assert (await cloud.force_down("compute-1")).status == 200


async def test_a_lab_that_ends_lets_go_of_what_hangs() -> None:
    async with caller() as asks:
        async with Lab(LabOptions(hosts=1)) as lab:
            cloud = Cloud(lab, asks)
            lab.faults.add(put(Do.HANG, times=None))
            held = asyncio.create_task(cloud.force_down("compute-1"))
            await asyncio.sleep(0.1)
            began_s = time.monotonic()
        with pytest.raises(aiohttp.ClientError):
            await held
        assert time.monotonic() - began_s < 1


@pytest.mark.parametrize("status", [500, 502, 503, 429, 410])
async def test_a_status_without_effect(cloud: Cloud, status: int) -> None:
    cloud.lab.faults.add(put(Do.STATUS, status=status, retry_after_s=7))
    reply = await cloud.force_down("compute-1")
    assert (reply.status, reply.headers["Retry-After"]) == (status, "7")
    assert not cloud.forced_down("compute-1")


async def test_a_status_after_the_effect(cloud: Cloud) -> None:
    cloud.lab.faults.add(put(Do.STATUS_AFTER, status=502))
    reply = await cloud.force_down("compute-1")
    assert (reply.status, "Retry-After" in reply.headers) == (502, False)
    assert cloud.forced_down("compute-1")


async def test_slow(cloud: Cloud) -> None:
    cloud.lab.faults.add(put(Do.SLOW, seconds=0.2))
    reply = await cloud.force_down("compute-1")
    assert reply.status == 200
    assert reply.seconds >= 0.2


async def test_garbage(cloud: Cloud) -> None:
    cloud.lab.faults.add(put(Do.GARBAGE))
    reply = await cloud.force_down("compute-1")
    assert (reply.status, reply.body) == (200, None)
    assert reply.headers["Content-Type"].startswith("application/json")


async def test_a_revoked_token(cloud: Cloud) -> None:
    cloud.lab.faults.add(put(Do.REVOKE))
    assert (await cloud.force_down("compute-1")).status == 401
    assert (await cloud.force_down("compute-1")).status == 200


async def test_the_script_is_consumed_in_order(cloud: Cloud) -> None:
    cloud.lab.faults.add(
        put(Do.STATUS, status=503, times=2), put(Do.STATUS, status=500), put(Do.STATUS, status=502)
    )
    answers = [(await cloud.force_down("compute-1")).status for _ in range(5)]
    assert answers == [503, 503, 500, 502, 200]
    assert cloud.lab.faults.pending() == []
    assert [applied.rule.status for applied in cloud.lab.faults.applied] == [503, 503, 500, 502]
    assert {applied.host for applied in cloud.lab.faults.applied} == {"compute-1"}


async def test_a_rule_waits_for_its_turn_its_host_and_its_method(cloud: Cloud) -> None:
    cloud.lab.faults.add(put(Do.STATUS, host="compute-2", after=1))
    assert (await cloud.force_down("compute-1")).status == 200
    assert (await cloud.nova("GET", "/os-services?host=compute-2")).status == 200
    assert [(await cloud.force_down("compute-2")).status for _ in range(3)] == [200, 503, 200]


async def test_a_rule_for_ever_until_the_script_is_cleared(cloud: Cloud) -> None:
    cloud.lab.faults.add(Rule(service=Service.NOVA, do=Do.STATUS, times=None))
    assert [(await cloud.nova("GET", "/servers")).status for _ in range(3)] == [503] * 3
    cloud.lab.faults.clear()
    assert (await cloud.nova("GET", "/servers")).status == 200


async def test_keystone_has_faults_too(cloud: Cloud) -> None:
    cloud.lab.faults.add(Rule(service=Service.KEYSTONE, do=Do.STATUS, status=503))
    url = f"{cloud.lab.keystone.root}/v3"
    assert [(await cloud.caller.ask("GET", url)).status for _ in range(2)] == [503, 200]


async def test_a_slow_service() -> None:
    options = LabOptions(hosts=1, nova=NovaOptions(delay_s=0.1))
    async with Lab(options) as lab, caller() as asks:
        assert (await Cloud(lab, asks).nova("GET", "/servers")).seconds >= 0.1


# -- BMCs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("do", "power"),
    [(Do.LIE_OFF, "Off"), (Do.LIE_ON, "On"), (Do.POWERING_OFF, "PoweringOff"), (Do.NO_POWER, None)],
)
async def test_a_lie_about_power(cloud: Cloud, do: Do, power: str | None) -> None:
    cloud.lab.faults.add(bmc(do, times=2))
    assert [(await cloud.system("compute-1")).get("PowerState") for _ in range(3)] == [
        power,
        power,
        "On",
    ]
    assert cloud.lab.world.hosts["compute-1"].power
    assert (await cloud.system("compute-2"))["PowerState"] == "On"


async def test_a_lie_that_the_host_is_on(cloud: Cloud) -> None:
    cloud.lab.world.power_off("compute-1")
    cloud.lab.faults.add(bmc(Do.LIE_ON))
    assert (await cloud.system("compute-1"))["PowerState"] == "On"
    assert (await cloud.system("compute-1"))["PowerState"] == "Off"


async def test_another_chassis(cloud: Cloud) -> None:
    mine = cloud.lab.world.hosts["compute-1"].system_uuid
    cloud.lab.faults.add(bmc(Do.OTHER_CHASSIS))
    assert (await cloud.system("compute-1"))["UUID"] == OTHER_UUID
    assert (await cloud.system("compute-1"))["UUID"] == mine


async def test_stuck(cloud: Cloud) -> None:
    cloud.lab.faults.add(bmc(Do.STUCK))
    assert (await cloud.reset("compute-1")).status == 204
    await asyncio.sleep(2 * POWER_S)
    assert (await cloud.system("compute-1"))["PowerState"] == "On"
    assert (await cloud.reset("compute-1")).status == 204
    await asyncio.sleep(2 * POWER_S)
    assert (await cloud.system("compute-1"))["PowerState"] == "Off"


async def test_refuse(cloud: Cloud) -> None:
    cloud.lab.faults.add(bmc(Do.REFUSE))
    assert (await cloud.system("compute-1"))["PowerState"] == "On"
    assert (await cloud.reset("compute-1")).status == 400
    assert (await cloud.reset("compute-1")).status == 204


async def test_early_off(cloud: Cloud) -> None:
    cloud.lab.faults.add(bmc(Do.EARLY_OFF, seconds=0.3))
    assert (await cloud.reset("compute-1")).status == 204
    assert (await cloud.system("compute-1"))["PowerState"] == "Off"
    assert cloud.lab.world.hosts["compute-1"].power
    await asyncio.sleep(0.4)
    assert not cloud.lab.world.hosts["compute-1"].power
    assert (await cloud.system("compute-1"))["PowerState"] == "Off"


async def test_a_lie_is_found_out_by_the_record(cloud: Cloud) -> None:
    """A daemon that believes a BMC's lie is condemned: the judge looks at the world."""
    cloud.lab.faults.add(bmc(Do.LIE_OFF, times=None))
    assert (await cloud.system("compute-1"))["PowerState"] == "Off"
    await cloud.force_down("compute-1")
    (found,) = cloud.lab.violations()
    assert (found.host, found.server) == ("compute-1", "")


async def test_a_fence_done_well_is_let_pass(cloud: Cloud) -> None:
    cloud.lab.world.fail("compute-1", Failure.HOST)
    await cloud.reset("compute-1")
    await asyncio.sleep(2 * POWER_S)
    assert (await cloud.system("compute-1"))["PowerState"] == "Off"
    assert (await cloud.force_down("compute-1")).status == 200
    assert cloud.lab.violations() == []


async def test_a_power_change_to_come_is_forgotten_with_the_lab() -> None:
    async with caller() as asks:
        async with Lab(LabOptions(hosts=1, redfish=RedfishOptions(power_s=0.05))) as lab:
            assert (await Cloud(lab, asks).reset("compute-1")).status == 204
        await asyncio.sleep(0.1)
        assert lab.world.hosts["compute-1"].power
