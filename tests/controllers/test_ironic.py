"""Ironic as a power device, against the lab's: what holds beside the contract of power devices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from doctor_daemon.controllers.ironic import Ironic
from doctor_daemon.controllers.nodes import WORDS_MAX, read_node
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent
from doctor_daemon.lab.cloud import ADMIN, Lab, LabOptions
from doctor_daemon.lab.credentials import CLOUDS
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.ironic import OFF, IronicOptions, Node
from doctor_daemon.ports import Permit
from doctor_daemon.ports.secrets import SecretFile
from tests.controllers.rigs import Calls
from tests.fakes.clock import BootClock

NAME, HOST = "compute-1", "abcdef00-0000-4000-8000-000000000001"
CLOCK = BootClock()


def made(lab: Lab, name: str = NAME, **options: str | float) -> Ironic:
    known = {"node_name": name, "timeout_s": 1.0, "node": lab.ironic.nodes[name].uuid}
    config = Ironic.Config.model_validate(
        {"clouds_file": SecretFile(lab.folder / CLOUDS), "cloud": ADMIN, **known, **options}
    )
    device = Ironic(config, "ironic", CLOCK)
    device.expects = HOST
    return device


@asynccontextmanager
async def stage(
    hosts: int = 1,
    **options: Any,  # noqa: ANN401 - options of the lab's Ironic
) -> AsyncIterator[tuple[Lab, Ironic]]:
    ironic = IronicOptions(**{"power_s": 0.1, **options})
    async with Lab(LabOptions(hosts=hosts, ironic=ironic)) as lab:
        device = made(lab)
        yield lab, device
        await device.close()


def permit(seconds: float = 1.0) -> Permit:
    return Permit(1, CLOCK.now().plus(seconds))


def node(lab: Lab) -> Node:
    return lab.ironic.nodes[NAME]


async def test_all_devices_of_a_cloud_share_a_token() -> None:
    async with stage(hosts=2) as (lab, first):
        tokens = Rule(service=Service.KEYSTONE, do=Do.SLOW, seconds=0, method="POST", times=None)
        lab.faults.add(tokens)
        second = made(lab, "compute-2")
        await asyncio.gather(first.identify(), second.identify())
        assert len(lab.faults.applied) == 1
        await first.close()
        await second.read()
        await second.close()
        third = made(lab)
        await third.identify()
        assert len(lab.faults.applied) == 2
        await third.close()


async def test_a_lock_is_waited_for_while_the_permit_is_good() -> None:
    async with stage() as (lab, device):
        await device.identify()
        node(lab).holder = "conductor-9"
        lock = asyncio.get_running_loop().call_later(0.3, setattr, node(lab), "holder", None)
        assert (await device.cut(permit()))[0] is Outcome.ACCEPTED
        lock.cancel()


@pytest.mark.parametrize("good_s", [0.1, 30.0])
async def test_a_lock_that_stays_is_a_refusal(good_s: float) -> None:
    async with stage() as (lab, device):
        await device.identify()
        node(lab).holder = "conductor-9"
        outcome, text = await device.cut(permit(good_s))
        assert outcome is Outcome.REFUSED
        assert "is locked by host conductor-9" in text
        assert node(lab).target is None


async def test_i6_an_off_that_anything_speaks_against_is_unknown() -> None:
    async with stage() as (lab, device):
        lab.world.power_off(NAME)
        found = node(lab)
        found.power_state = OFF
        assert (await device.read()).power is Power.OFF
        doubts = {
            "target": OFF,
            "holder": "conductor-9",
            "maintenance": True,
            "last_error": "no",
            "provision_state": "cleaning",
        }
        for name, doubt in doubts.items():
            before = getattr(found, name)
            setattr(found, name, doubt)
            reading = await device.read()
            assert (reading.power, "power_state: power off, " in reading.raw) == (
                Power.UNKNOWN,
                True,
            )
            setattr(found, name, before)
        assert (await device.read()).power is Power.OFF


async def test_an_on_stays_one_whatever_went_wrong() -> None:
    async with stage() as (lab, device):
        node(lab).maintenance, node(lab).last_error = True, "a disk is\nbroken"
        reading = await device.read()
        assert reading.power is Power.ON
        assert reading.raw == "power_state: power on, in maintenance, last_error: a disk is broken"


async def test_b17_a_node_that_could_not_be_cut_is_known_before_its_host_fails() -> None:
    async with stage() as (lab, device):
        node(lab).fixed_on = True
        with pytest.raises(Permanent, match="disable_power_off"):
            await device.identify()
        node(lab).fixed_on, node(lab).maintenance = False, True
        with pytest.raises(Permanent, match="in maintenance"):
            await device.identify()
        node(lab).maintenance, node(lab).provision_state = False, "deploying"
        with pytest.raises(Permanent, match="deploying: it is no host now"):
            await device.identify()


async def test_an_ironic_of_before_1_95_has_no_such_flag() -> None:
    async with stage(highest=(1, 58)) as (lab, device):
        node(lab).fixed_on = True
        assert (await device.identify()).name == NAME


async def test_b5_another_node_than_was_meant_is_not_cut() -> None:
    async with stage() as (lab, _):
        other = made(lab, node_name="compute-7")
        with pytest.raises(Permanent, match="'compute-1'; expected 'compute-7'"):
            await other.identify()
        assert (await other.read()).power is Power.UNKNOWN
        assert (await other.cut(permit()))[0] is Outcome.UNSENT
        await other.close()
        stranger = made(lab, bmc_address="https://192.0.2.1")
        with pytest.raises(Permanent, match=r"expected https://192\.0\.2\.1"):
            await stranger.identify()
        await stranger.close()
        known = made(lab, bmc_address=lab.bmc_urls[NAME])
        assert (await known.identify()).uuid == HOST
        await known.close()


async def test_c5_an_order_that_may_have_been_taken_is_unknown() -> None:
    async with stage() as (lab, device):
        await device.identify()
        for do in (Do.LOST_REPLY, Do.STATUS_AFTER):
            lab.faults.add(Rule(service=Service.IRONIC, do=do, method="PUT"))
            assert (await device.cut(permit()))[0] is Outcome.UNKNOWN
            await asyncio.sleep(0.2)


async def test_c6_a_token_that_was_revoked_is_replaced() -> None:
    async with stage() as (lab, device):
        await device.identify()
        lab.identity.revoke_all()
        assert (await device.cut(permit()))[0] is Outcome.ACCEPTED


async def test_without_a_token_nothing_is_sent() -> None:
    async with stage() as (lab, device):
        lab.faults.add(Rule(service=Service.KEYSTONE, do=Do.STATUS, times=None))
        outcome, text = await device.cut(permit())
        assert outcome is Outcome.UNSENT
        assert "Keystone" in text


async def test_b18_an_account_that_cannot_be_read_any_more_is_permanent() -> None:
    async with stage() as (lab, device):
        (lab.folder / CLOUDS).unlink()
        for call in (device.identify, device.read):
            with pytest.raises(Permanent, match="cannot be read"):
                await call()
        assert (await device.cut(permit()))[0] is Outcome.UNSENT


async def test_it_tells_of_its_calls() -> None:
    async with stage() as (lab, device):
        device.on_call = calls = Calls()
        await device.identify()
        await device.read()
        await device.cut(permit())
        node(lab).fixed_on = True
        with pytest.raises(Permanent):
            await device.identify()
        known = [("identify", "ok"), ("read", "on"), ("cut", "accepted")]
        assert calls.seen == [*known, ("identify", "permanent")]


def test_b5_what_is_known_by_nothing_takes_the_operators_word() -> None:
    whole = {"cloud": "c", "node": HOST}
    with pytest.raises(ValidationError, match="expected `node_name` or `bmc_address`"):
        Ironic.Config.model_validate(whole)
    assert Ironic.Config.model_validate({**whole, "i_accept_no_identity": True}).timeout_s == 10


def test_e3_the_id_of_a_node_is_shown_as_one_printable_line() -> None:
    row = {"uuid": "\ud800\x1b[2J" + "x" * 1000, "maintenance": False, "target_power_state": None}
    found = read_node(json.dumps(row).encode()).uuid
    assert found.isprintable()
    assert len(found) <= WORDS_MAX
