"""How hosts and services are seen, in the lab's Nova, and how often it is asked."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from doctor_daemon.core.host import HostId
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.lab.cloud import CREDENTIAL, Lab
from doctor_daemon.lab.faults import Do, Rule
from tests.controllers.rigs import (
    HOST,
    SMALL,
    FastClock,
    calls,
    nova,
    rule,
)


async def test_a_host_is_seen() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        look = await adapter.look(HOST)
        service = lab.world.hosts["compute-1"].service
        assert (look.uuid, look.state, look.status, look.forced_down, look.reason) == (
            *(service.uuid, "up", "enabled", False, ""),
        )
        assert look.updated_s == pytest.approx(time.time(), abs=15)
        assert calls(adapter).seen == [("token", "ok"), ("look", "ok")]


async def test_an_application_credential_does_too() -> None:
    async with Lab(SMALL) as lab, nova(lab, cloud=CREDENTIAL) as adapter:
        assert (await adapter.look(HOST)).state == "up"


async def test_tls_by_the_clouds_own_ca() -> None:
    async with Lab(replace(SMALL, tls=True)) as lab, nova(lab) as adapter:
        assert (await adapter.look(HOST)).state == "up"


async def test_the_look_is_as_old_as_its_request() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.faults.add(rule(Do.SLOW, seconds=0.2))
        before = clock.now()
        look = await adapter.look(HOST)
        assert clock.now().since(before) >= 0.2
        assert look.asked_at.since(before) < 0.2
        lab.faults.add(rule(Do.STATUS, status=503))
        before = clock.now()
        assert (await adapter.look(HOST)).asked_at.since(before) >= 0.25, "of the try that counted"


async def test_the_fleet_is_one_list() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        lab.world.hosts["compute-2"].cell_down = True
        fleet = await adapter.fleet()
        assert set(fleet.services) == {"compute-1"}
        assert fleet.unknown == {"compute-2"}


async def test_a_host_that_is_not_there_is_an_error() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        with pytest.raises(Permanent, match="named exactly 'compute-9'"):
            await adapter.look(HostId("default", "compute-9"))


async def test_a_host_of_another_cloud_is_not_taken_for_its_namesake() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        stranger = HostId("west", "compute-1")
        for call in (adapter.look, adapter.servers):
            with pytest.raises(Permanent, match="not of the cloud 'default'"):
                await call(stranger)


async def test_trap_2_a_down_cell_is_no_answer_about_the_host() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        lab.world.hosts["compute-1"].cell_down = True
        for call in (adapter.look, adapter.servers):
            with pytest.raises(Temporary, match="its cell does not answer"):
                await call(HOST)
        assert calls(adapter).seen[-1] == ("servers", "temporary")


@pytest.mark.parametrize(
    "fault",
    [
        rule(Do.LOST_REPLY, times=2),
        rule(Do.STATUS, status=500),
        rule(Do.STATUS, status=503),
        rule(Do.STATUS, status=429),
        rule(Do.GARBAGE),
    ],
    ids=lambda fault: f"{fault.do}-{fault.status}",
)
async def test_a_list_is_asked_for_again(fault: Rule) -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        lab.faults.add(fault)
        assert (await adapter.look(HOST)).state == "up"
        assert len(lab.faults.applied) == fault.times


async def test_a_list_is_asked_for_three_times_and_not_more() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        lab.faults.add(rule(Do.STATUS, status=503, times=None))
        with pytest.raises(Temporary, match="Nova answered 503"):
            await adapter.look(HOST)
        assert len(lab.faults.applied) == 3


async def test_a_list_that_took_all_its_time_is_not_asked_for_again() -> None:
    async with Lab(SMALL) as lab, nova(lab, read_timeout_s=0.4) as adapter:
        lab.faults.add(rule(Do.HANG, times=None))
        began = time.monotonic()
        with pytest.raises(Temporary, match=r"no answer within 0\.4 s"):
            await adapter.look(HOST)
        assert time.monotonic() - began < 2
        assert len(lab.faults.applied) == 1


async def test_retry_after_is_honoured() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        await adapter.look(HOST)
        lab.faults.add(rule(Do.STATUS, status=429, retry_after_s=1))
        began = time.monotonic()
        await adapter.look(HOST)
        assert time.monotonic() - began >= 1


@pytest.mark.parametrize("status", [301, 400, 403, 404, 409, 413])
async def test_novas_no_is_not_asked_for_again(status: int) -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        lab.faults.add(rule(Do.STATUS, status=status, times=None))
        with pytest.raises(Permanent, match=rf"os-services \(req-.*\): Nova answered {status}"):
            await adapter.look(HOST)
        assert len(lab.faults.applied) == 1


async def test_a_406_has_the_versions_asked_for_again() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        everything = await adapter.all_servers()
        asked = rule(Do.SLOW, "/v2.1/", seconds=0, times=None)
        lab.faults.add(rule(Do.STATUS, "*/servers/detail", status=406), asked)
        with pytest.raises(Permanent, match="406"):
            await adapter.all_servers()
        assert await adapter.all_servers() == everything
        assert [one.rule for one in lab.faults.applied].count(asked) == 1
