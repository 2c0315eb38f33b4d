"""Lifting forced_down and enabling: one PUT each, of nothing else, and in time or not at all."""

from __future__ import annotations

import asyncio
import json

import pytest

from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import LateError
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.nova import NovaOptions
from doctor_daemon.lab.world import Failure, Timing
from tests.controllers.releasing import (
    BODIES,
    DEEDS,
    REASON,
    against,
    deeds,
    fenced,
    is_done,
    put,
)
from tests.controllers.rigs import HOST, OLD, SMALL, FastClock, calls, every_put, nova
from tests.fakes.peer import answering
from tests.lab.nova_returns import REFUSAL


@deeds
async def test_trap_22_each_is_a_put_of_its_own_and_of_nothing_else(name: str) -> None:
    _, _, peer = await against(name, answering(403))
    (sent,) = peer.requests
    assert (sent.method, json.loads(sent.body)) == ("PUT", BODIES[name])
    assert sent.headers["openstack-api-version"] == "compute 2.53"


async def test_a_host_is_lifted_and_then_enabled() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        uuid = fenced(lab).uuid
        assert await adapter.lift(uuid, clock.permit()) == (
            Outcome.ACCEPTED,
            "Nova answered that the service is not forced down any more",
        )
        look = await adapter.look(HOST)
        assert (look.forced_down, look.state) == (False, "up")
        assert (look.status, look.reason) == ("disabled", REASON), "the lift left it alone"
        assert await adapter.enable(uuid, clock.permit()) == (
            Outcome.ACCEPTED,
            "Nova answered that the service is enabled",
        )
        look = await adapter.look(HOST)
        assert (look.status, look.reason, look.forced_down) == ("enabled", "", False)


async def test_an_enable_leaves_the_flag_alone() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        assert (await adapter.enable(fenced(lab).uuid, clock.permit()))[0] is Outcome.ACCEPTED
        look = await adapter.look(HOST)
        assert (look.status, look.forced_down, look.state) == ("enabled", True, "down")


@deeds
async def test_twice_is_accepted_twice(name: str) -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        uuid = fenced(lab).uuid
        for _ in range(2):
            outcome, _ = await DEEDS[name](adapter, uuid, clock.permit())
            assert outcome is Outcome.ACCEPTED


async def test_trap_8_a_lift_is_refused_in_novas_words_until_a_restart() -> None:
    clock = FastClock()
    options = LabOptions(hosts=2, servers_per_host=1, timing=Timing(evacuate_s=0.02))
    async with Lab(options) as lab, nova(lab, clock) as adapter:
        lab.world.power_off("compute-1")
        uuid = fenced(lab).uuid
        (server,) = [one for one in lab.world.servers.values() if one.host == "compute-1"]
        row = lab.evacuations.accept(server, "doctor")
        async with asyncio.timeout(5):
            while row.status != "done":  # noqa: ASYNC110 - the lab has no event for it
                await asyncio.sleep(0.005)
        lab.faults.add(every_put())
        assert await adapter.lift(uuid, clock.permit()) == (
            Outcome.REFUSED,
            f"Nova answered 400 {REFUSAL.format(HOST.name)}",
        )
        assert len(lab.faults.applied) == 1
        assert (await adapter.look(HOST)).forced_down
        lab.world.timing = Timing(compute_start_s=0.0)
        lab.world.power_on("compute-1")
        async with asyncio.timeout(5):
            while row.status != "completed":  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.005)
        assert (await adapter.lift(uuid, clock.permit()))[0] is Outcome.ACCEPTED


async def test_trap_3_to_enable_a_host_that_just_died_may_take_too_long() -> None:
    """Nova has stored it and waits for a nova-compute that will not answer."""
    clock = FastClock()
    options = LabOptions(hosts=2, nova=NovaOptions(rpc_timeout_s=2.0))
    async with Lab(options) as lab, nova(lab, clock, force_down_timeout_s=0.3) as adapter:
        service = fenced(lab)
        lab.world.fail("compute-1", Failure.COMPUTE)
        assert (await adapter.lift(service.uuid, clock.permit()))[0] is Outcome.ACCEPTED
        assert await adapter.enable(service.uuid, clock.permit()) == (
            Outcome.UNKNOWN,
            "no answer within 0.3 s",
        )
        assert (await adapter.look(HOST)).status == "enabled"


@deeds
async def test_a_lapsed_permit_releases_nothing(name: str) -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        service = fenced(lab)
        lab.faults.add(every_put(), Rule(service=Service.KEYSTONE, do=Do.SLOW, seconds=0.3))
        with pytest.raises(LateError):
            await DEEDS[name](adapter, service.uuid, clock.permit(0.2))
        with pytest.raises(LateError):
            await DEEDS[name](adapter, service.uuid, clock.permit(-0.1))
        assert [one.rule.service for one in lab.faults.applied] == [Service.KEYSTONE]
        assert not is_done(name, service)
        assert calls(adapter).seen[-1] == (name, "late")


@deeds
async def test_a_permit_that_lapses_after_a_401_releases_nothing(name: str) -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        await adapter.look(HOST)
        service = fenced(lab)
        lab.faults.add(put(Do.STATUS, 401), every_put())
        lab.faults.add(Rule(service=Service.KEYSTONE, do=Do.SLOW, seconds=0.5))
        with pytest.raises(LateError):
            await DEEDS[name](adapter, service.uuid, clock.permit(0.4))
        assert [one.method for one in lab.faults.applied].count("PUT") == 1
        assert not is_done(name, service)


@deeds
async def test_a_service_that_is_another_one_by_now_is_refused(name: str) -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        uuid = fenced(lab).uuid
        lab.world.replace_service("compute-1")
        assert await DEEDS[name](adapter, uuid, clock.permit()) == (
            Outcome.REFUSED,
            f"Nova answered 404 Service {uuid} could not be found.",
        )


@deeds
@pytest.mark.parametrize("service", ["", "6", "../servers", "compute-1"])
async def test_what_is_no_service_id_is_never_released(name: str, service: str) -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.faults.add(every_put())
        outcome, text = await DEEDS[name](adapter, service, clock.permit())
        assert (outcome, "is no id of a compute service" in text) == (Outcome.REFUSED, True)
        assert not lab.faults.applied


@deeds
async def test_without_a_nova_or_a_token_nothing_is_sent(name: str) -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        uuid = fenced(lab).uuid
        lab.faults.add(Rule(service=Service.KEYSTONE, do=Do.STATUS, status=503, times=None))
        outcome, text = await DEEDS[name](adapter, uuid, clock.permit())
        assert (outcome, text[:22]) == (Outcome.REFUSED, "Keystone gave no token")
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.keystone.endpoints["compute"] = "http://127.0.0.1:9/v2.1"
        outcome, text = await DEEDS[name](adapter, uuid, clock.permit())
        assert (outcome, text[:16]) == (Outcome.REFUSED, "nothing was sent")


@pytest.mark.parametrize("options", [SMALL, OLD], ids=["by UUID", "by name"])
async def test_a_host_goes_back_to_the_reserve_with_its_reason_and_nothing_else(
    options: LabOptions,
) -> None:
    clock = FastClock()
    async with Lab(options) as lab, nova(lab, clock) as adapter:
        service = (await adapter.look(HOST)).uuid
        assert await adapter.disable(service, "reserved", clock.permit()) == (
            Outcome.ACCEPTED,
            "Nova answered that the service is disabled",
        )
        look = await adapter.look(HOST)
        assert (look.status, look.reason) == ("disabled", "reserved")
        assert (look.forced_down, look.state) == (False, "up")
