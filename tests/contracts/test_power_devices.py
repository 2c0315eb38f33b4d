"""What holds for every power device: the one in memory, and each adapter against real peers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import pytest

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import LateError, Permanent, Temporary
from doctor_daemon.lab import certificates
from doctor_daemon.ports import Permit
from tests.contracts import rigs
from tests.contracts.fence_rigs import FenceRedfishRig, IpmilanRig, IpmiRig
from tests.contracts.ipmi import Bmc, simulator
from tests.contracts.rigs import Rig, SushyRig
from tests.fakes.power import Fault


@pytest.fixture(scope="module")
def sushy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sushy")


@pytest.fixture(scope="module")
def sushy_port(sushy_folder: Path) -> Iterator[int]:
    with rigs.emulator(sushy_folder) as port:
        yield port


@pytest.fixture(scope="module")
def ipmi_bmc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bmc]:
    guid = UUID(rigs.UUID).bytes_le
    with simulator(tmp_path_factory.mktemp("ipmi"), guid) as bmc:
        yield bmc


@pytest.fixture(scope="module")
def tls_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sushy-tls")


@pytest.fixture(scope="module")
def tls_port(tls_folder: Path) -> Iterator[int]:
    with ThreadPoolExecutor(1) as pool:  # the test that asks for this first has a loop already
        pool.submit(asyncio.run, certificates.make(tls_folder)).result()
    with rigs.emulator(tls_folder) as port:
        yield port


DEVICES = ("memory", "lab", "ironic", "sushy-tools", "ipmi", "fence_ipmilan", "fence_redfish")


@pytest.fixture(params=DEVICES)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        found: Rig
        folder: Path
        if request.param == "memory":
            found = await stack.enter_async_context(rigs.fake_rig())
        elif request.param == "lab":
            found = await stack.enter_async_context(rigs.lab_rig(tmp_path))
        elif request.param == "ironic":
            found = await stack.enter_async_context(rigs.ironic_rig())
        elif request.param == "ipmi":
            found = IpmiRig(request.getfixturevalue("ipmi_bmc"), tmp_path)
        elif request.param == "fence_ipmilan":
            found = IpmilanRig(request.getfixturevalue("ipmi_bmc"), tmp_path)
        elif request.param == "fence_redfish":
            folder = request.getfixturevalue("tls_folder")
            found = FenceRedfishRig(request.getfixturevalue("tls_port"), folder)
        else:
            folder = request.getfixturevalue("sushy_folder")
            found = SushyRig(request.getfixturevalue("sushy_port"), folder)
        yield found
        await found.device.close()


def permit(rig: Rig, seconds: float | None = None) -> Permit:
    within_s = rig.manner.timeout_s if seconds is None else seconds
    return Permit(7, rig.clock.now().plus(within_s))


async def read_until(rig: Rig, power: Power, within_s: float = 5.0) -> None:
    until = rig.clock.now().plus(within_s)
    while (await rig.device.read()).power is not power:
        assert not rig.clock.now().reached(until)
        await asyncio.sleep(0.02)


async def test_it_says_who_its_host_is(rig: Rig) -> None:
    identity = await rig.device.identify()
    assert identity.uuid == rig.uuid == identity.uuid.lower()
    assert identity.name == rig.manner.name


async def test_it_reads_the_power_and_says_when(rig: Rig) -> None:
    before = rig.clock.now()
    reading = await rig.device.read()
    after = rig.clock.now()
    assert reading.power is rig.power is Power.ON
    assert before.boot_s <= reading.asked_at.boot_s <= reading.answered_at.boot_s <= after.boot_s


async def test_it_cuts_and_the_cut_is_seen_by_reading(rig: Rig) -> None:
    outcome, text = await rig.device.cut(permit(rig))
    assert outcome is Outcome.ACCEPTED, text
    await read_until(rig, Power.OFF)
    assert rig.power is Power.OFF


async def test_b8_it_may_be_cut_again_when_it_is_off(rig: Rig) -> None:
    await rig.device.cut(permit(rig))
    await read_until(rig, Power.OFF)
    outcome, _ = await rig.device.cut(permit(rig))
    assert outcome in {Outcome.ACCEPTED, Outcome.REFUSED}
    await asyncio.sleep(2 * rigs.OFF_S)
    assert rig.power is (await rig.device.read()).power is Power.OFF


async def test_it_cuts_nothing_without_a_valid_permit(rig: Rig) -> None:
    await rig.device.identify()
    with pytest.raises(LateError):
        await rig.device.cut(permit(rig, -0.001))
    await asyncio.sleep(2 * rigs.OFF_S)
    assert rig.power is Power.ON
    assert (await rig.device.cut(permit(rig)))[0] is Outcome.ACCEPTED
    await read_until(rig, Power.OFF)


async def off(rig: Rig) -> None:
    """Have the machine off, by an order of its own device."""
    await rig.device.cut(permit(rig))
    await read_until(rig, Power.OFF)


async def test_it_switches_on_and_that_is_seen_by_reading(rig: Rig) -> None:
    await off(rig)
    outcome, text = await rig.device.switch_on(permit(rig))
    assert outcome is Outcome.ACCEPTED, text
    await read_until(rig, Power.ON)
    assert rig.power is Power.ON


async def test_b8_it_may_be_switched_on_when_it_is_on(rig: Rig) -> None:
    outcome, _ = await rig.device.switch_on(permit(rig))
    assert outcome in {Outcome.ACCEPTED, Outcome.REFUSED}
    await asyncio.sleep(2 * rigs.OFF_S)
    assert rig.power is (await rig.device.read()).power is Power.ON


async def test_it_switches_nothing_on_without_a_valid_permit(rig: Rig) -> None:
    await off(rig)
    with pytest.raises(LateError):
        await rig.device.switch_on(permit(rig, -0.001))
    await asyncio.sleep(2 * rigs.OFF_S)
    assert rig.power is Power.OFF


async def test_b7_accepted_is_not_on(rig: Rig) -> None:
    await off(rig)
    rig.misbehave(Fault.STUCK)
    outcome, _ = await rig.device.switch_on(permit(rig))
    assert outcome is rig.manner.stuck
    await asyncio.sleep(2 * rigs.OFF_S)
    assert rig.power is Power.OFF
    assert (await rig.device.read()).power is rig.manner.doubted


async def test_a_switch_on_that_is_refused_or_not_answered_is_told_as_such(rig: Rig) -> None:
    await off(rig)
    rig.misbehave(Fault.REFUSES)
    assert (await rig.device.switch_on(permit(rig)))[0] is rig.manner.refused
    rig.misbehave(Fault.SILENT)
    began = rig.clock.now()
    assert (await rig.device.switch_on(permit(rig)))[0] is rig.manner.unanswered
    assert rig.clock.now().since(began) < 2 * rig.manner.timeout_s + 1
    rig.misbehave(Fault.LOCKED_OUT)
    outcome, _ = await rig.device.switch_on(permit(rig))
    assert outcome in ends_of_a_refused_login(rig)
    await asyncio.sleep(2 * rigs.OFF_S)
    assert rig.power is Power.OFF


async def test_a_refused_cut_is_told_as_refused(rig: Rig) -> None:
    await rig.device.identify()
    rig.misbehave(Fault.REFUSES)
    outcome, text = await rig.device.cut(permit(rig))
    assert outcome is rig.manner.refused
    assert text
    await asyncio.sleep(2 * rigs.OFF_S)
    assert rig.power is (await rig.device.read()).power is Power.ON


async def test_b7_accepted_is_not_off(rig: Rig) -> None:
    rig.misbehave(Fault.STUCK)
    outcome, _ = await rig.device.cut(permit(rig))
    assert outcome is rig.manner.stuck
    await asyncio.sleep(2 * rigs.OFF_S)
    assert rig.power is (await rig.device.read()).power is Power.ON


async def test_i6_what_it_does_not_say_is_unknown(rig: Rig) -> None:
    rig.misbehave(Fault.MUTE)
    assert (await rig.device.read()).power is Power.UNKNOWN
    rig.misbehave(Fault.NONE)
    assert (await rig.device.read()).power is Power.ON


async def test_b1_a_lie_is_told_on_as_it_is(rig: Rig) -> None:
    rig.misbehave(Fault.LIES_OFF)
    assert (await rig.device.read()).power is Power.OFF
    assert rig.power is Power.ON


async def test_b2_silence_is_temporary_and_bounded(rig: Rig) -> None:
    rig.misbehave(Fault.SILENT)
    began = rig.clock.now()
    with pytest.raises(Temporary):
        await rig.device.identify()
    with pytest.raises(Temporary):
        await rig.device.read()
    assert rig.clock.now().since(began) < 2 * rig.manner.timeout_s + 1
    rig.misbehave(Fault.NONE)
    assert (await rig.device.read()).power is Power.ON


async def test_b2_a_cut_without_an_answer_is_unknown(rig: Rig) -> None:
    await rig.device.identify()
    rig.misbehave(Fault.SILENT)
    began = rig.clock.now()
    outcome, text = await rig.device.cut(permit(rig))
    assert outcome is rig.manner.unanswered
    assert "no answer" in text or "timed out" in text
    assert rig.clock.now().since(began) < 2 * rig.manner.timeout_s + 1


def ends_of_a_refused_login(rig: Rig) -> set[Outcome]:
    told = {Outcome.REFUSED, Outcome.UNSENT}
    return told if rig.manner.tells_login else {*told, Outcome.UNKNOWN}


async def test_b18_a_refused_login_is_permanent(rig: Rig) -> None:
    rig.misbehave(Fault.LOCKED_OUT)
    if rig.manner.tells_login:
        for call in (rig.device.identify, rig.device.read):
            with pytest.raises(Permanent):
                await call()
    else:
        with pytest.raises((Permanent, Temporary)):
            await rig.device.identify()
        assert (await rig.device.read()).power is Power.UNKNOWN
    outcome, _ = await rig.device.cut(permit(rig))
    assert outcome in ends_of_a_refused_login(rig)
    assert rig.power is Power.ON
    rig.misbehave(Fault.NONE)  # the password was changed here too
    assert (await rig.device.read()).power is Power.ON


async def test_b13_calls_side_by_side_are_all_answered(rig: Rig) -> None:
    readings = await asyncio.gather(*(rig.device.read() for _ in range(4)))
    assert [reading.power for reading in readings] == [Power.ON] * 4


async def test_a_call_may_be_cancelled(rig: Rig) -> None:
    rig.misbehave(Fault.SILENT)
    reading = asyncio.create_task(rig.device.read())
    await asyncio.sleep(0.05)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    rig.misbehave(Fault.NONE)
    assert (await rig.device.read()).power is Power.ON


async def test_it_may_be_closed_twice_and_unused(rig: Rig) -> None:
    await rig.device.close()
    await rig.device.close()
