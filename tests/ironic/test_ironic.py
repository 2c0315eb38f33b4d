"""A real Ironic passes the contract of the lab's, and the power device is right about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from doctor_daemon.controllers.ironic import Ironic
from doctor_daemon.core.proof import Power, Reading
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import LateError, Permanent
from doctor_daemon.lab.cloud import ADMIN
from doctor_daemon.lab.credentials import CLOUDS
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.ports import Permit
from doctor_daemon.ports.secrets import SecretFile
from tests.fakes.clock import BootClock
from tests.ironic.conftest import NAME, RealIronic
from tests.lab.ironic_contract import IronicContract

pytestmark = pytest.mark.asyncio(loop_scope="session")
HOST = "abcdef00-0000-4000-8000-000000000001"
PATIENCE_S = 30.0


class TestContract(IronicContract):
    pass


def made(target: RealIronic, **options: str) -> Ironic:
    known = {"node_name": NAME, "bmc_address": target.lab.bmc_urls[NAME]}
    account = {"clouds_file": SecretFile(target.lab.folder / CLOUDS), "cloud": ADMIN}
    config = Ironic.Config.model_validate({**account, "node": target.node, **known, **options})
    device = Ironic(config, "ironic", BootClock())
    device.expects = HOST
    return device


@pytest_asyncio.fixture(loop_scope="session")
async def device(target: RealIronic) -> AsyncIterator[Ironic]:
    found = made(target)
    yield found
    await found.close()


def permit(seconds: float = 5.0) -> Permit:
    return Permit(1, BootClock().now().plus(seconds))


async def read_until(device: Ironic, power: Power, text: str = "") -> Reading:
    until_s = time.monotonic() + PATIENCE_S
    while (reading := await device.read()).power is not power or text not in reading.raw:
        assert time.monotonic() < until_s, reading
        await asyncio.sleep(0.2)
    return reading


async def test_it_knows_its_node_cuts_it_and_switches_it_on(
    target: RealIronic, device: Ironic
) -> None:
    identity = await device.identify()
    assert (identity.uuid, identity.name, identity.model) == (HOST, NAME, "redfish")
    assert (await device.read()).power is Power.ON
    assert (await device.cut(permit()))[0] is Outcome.ACCEPTED
    reading = await device.read()
    assert reading.power is Power.UNKNOWN
    assert "on its way to power off" in reading.raw
    await read_until(device, Power.OFF)
    assert not target.power
    assert (await device.switch_on(permit()))[0] is Outcome.ACCEPTED
    await read_until(device, Power.ON)
    assert target.power


async def test_without_a_permit_nothing_is_cut(target: RealIronic, device: Ironic) -> None:
    await device.identify()
    with pytest.raises(LateError):
        await device.cut(permit(-0.001))
    assert (await device.read()).power is Power.ON
    assert target.power


async def test_a_node_at_which_ironic_is_at_work_is_not_cut(
    target: RealIronic, device: Ironic
) -> None:
    assert (await device.cut(permit()))[0] is Outcome.ACCEPTED
    outcome, text = await device.cut(permit())
    assert outcome is Outcome.REFUSED
    assert "is locked by host" in text
    await read_until(device, Power.OFF)


async def test_b7_a_cut_that_the_bmc_refuses_is_told_by_reading(
    target: RealIronic, device: Ironic
) -> None:
    target.lab.faults.add(Rule(service=Service.BMC, do=Do.REFUSE, times=None))
    assert (await device.cut(permit()))[0] is Outcome.ACCEPTED
    reading = await read_until(device, Power.ON, "last_error: Failed to change power state")
    assert target.lab.redfish.password not in reading.raw
    assert target.power


async def test_b1_an_off_may_be_older_than_the_machine_s_on(
    target: RealIronic, device: Ironic
) -> None:
    """It is told on as it is; that it proves nothing is the core's: `test_b1_memory_...`."""
    await device.cut(permit())
    await read_until(device, Power.OFF)
    target.switch(on=True)
    assert (await device.read()).power is Power.OFF
    assert target.power


async def test_b5_another_node_than_was_meant_is_not_cut(target: RealIronic) -> None:
    for other in ({"node_name": "compute-7"}, {"bmc_address": "https://192.0.2.7"}):
        device = made(target, **other)
        with pytest.raises(Permanent, match=next(iter(other.values()))):
            await device.identify()
        assert (await device.read()).power is Power.UNKNOWN
        assert (await device.cut(permit()))[0] is Outcome.UNSENT
        await device.close()
    assert target.power
