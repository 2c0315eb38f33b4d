"""What `check` finds out before an emergency, and that it changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.controllers.nova import Nova
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.nova import NovaOptions
from tests.controllers.rigs import SMALL, nova


async def _checked(adapter: Nova) -> str:
    return "\n".join(await adapter.check())


async def test_an_admin_can_do_all_and_nothing_is_changed() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        before = len(lab.record.entries)
        assert await adapter.check() == []
        assert len(lab.record.entries) == before
        assert not any(host.service.forced_down for host in lab.world.hosts.values())


async def test_trap_25_a_member_is_told_all_that_is_missing() -> None:
    async with Lab(SMALL) as lab, nova(lab, cloud="project-1") as adapter:
        wrong = await adapter.check()
        assert len(wrong) == 5
        names = ("os-services:list", "get_all_tenants", "os-migrations:index")
        for words in (*names, "may not force hosts down"):
            assert words in "\n".join(wrong)


async def test_a_nova_that_is_too_old_is_told() -> None:
    options = replace(SMALL, nova=NovaOptions(highest=(2, 28)))
    async with Lab(options) as lab, nova(lab) as adapter:
        said = await _checked(adapter)
        assert said.endswith("evacuated by the scheduler (Nova 14, Newton, or newer)")


async def test_a_cloud_without_computes_is_told() -> None:
    async with Lab(LabOptions(hosts=0, servers_per_host=0)) as lab, nova(lab) as adapter:
        assert "Nova lists no nova-compute at all" in await _checked(adapter)


async def test_trap_2_a_cell_that_is_down_is_told() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        lab.world.hosts["compute-2"].cell_down = True
        said = await _checked(adapter)
        assert said == "Nova cannot tell how 1 hosts stand, among them compute-2"


async def test_a_keystone_that_refuses_is_all_that_is_told() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        lab.faults.add(
            Rule(service=Service.KEYSTONE, do=Do.STATUS, status=401, method="POST", times=None)
        )
        (only,) = await adapter.check()
        assert "Keystone refuses the credentials" in only


@pytest.mark.parametrize("status", [400, 500])
async def test_what_cannot_be_found_out_is_told(status: int) -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        lab.faults.add(
            Rule(service=Service.NOVA, do=Do.STATUS, method="PUT", status=status, times=None)
        )
        assert "whether the role may force hosts down is not known" in await _checked(adapter)
