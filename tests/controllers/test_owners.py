"""What servers' owners are shown of their hosts, found out as one of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from doctor_daemon.controllers.owners import judged
from doctor_daemon.lab.cloud import ADMIN, Lab, LabOptions
from doctor_daemon.lab.credentials import CLOUDS
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.nova import NovaOptions
from doctor_daemon.lab.servers import OwnerSees
from doctor_daemon.lab.world import Failure
from tests.controllers.rigs import SMALL, calls, nova, rule

OWNER = "project-1"
SILENT_S = 100.0
"""Longer than service_down_time."""
RULE = '"os_compute_api:servers:show:host_status'
NEW, OLD = '"rule:project_reader_or_admin"', '"rule:admin_or_owner"'
BLIND = (
    "they cannot see in Nova that their host is DOWN or in MAINTENANCE",
    f"to let them, add to Nova's policy.yaml: {RULE}\": {NEW}",
    f'or, to show them UNKNOWN and nothing else: {RULE}:unknown-only": {NEW}',
)


def where(sees: OwnerSees, servers_per_host: int = 2) -> LabOptions:
    return replace(SMALL, nova=NovaOptions(owner_sees=sees), servers_per_host=servers_per_host)


async def said(lab: Lab, owner: str = OWNER) -> Sequence[str]:
    async with nova(lab, owner_cloud=owner) as adapter:
        found = await adapter.hidden_from_owners()
        assert calls(adapter).seen == [], "the daemon's own account is not used"
        return found


async def test_owners_who_see_all_are_no_matter() -> None:
    async with Lab(where(OwnerSees.FULL)) as lab:
        before = len(lab.record.entries)
        assert await said(lab) == []
        assert len(lab.record.entries) == before


async def test_trap_20_owners_who_see_nothing_and_the_line_that_helps() -> None:
    async with Lab(where(OwnerSees.NOTHING)) as lab:
        first, *others = await said(lab)
        assert first == f"servers' owners are shown no host_status: {BLIND[0]}"
        assert others == [*BLIND[1:]]
        lab.nova.owner_sees = OwnerSees.FULL  # as an operator who follows the advice
        assert await said(lab) == []


async def test_before_2_16_nobody_is_shown_it_and_no_line_helps() -> None:
    async with Lab(replace(SMALL, nova=NovaOptions(highest=(2, 15)))) as lab:
        (told,) = await said(lab)
        assert "host_status cannot be told: this Nova offers microversions 2.1 to 2.15" in told
        assert "2.16 to 2.90 is needed to see what owners are shown of hosts (Nova 13, " in told


async def test_the_line_is_in_the_words_of_an_older_nova() -> None:
    options = replace(SMALL, nova=NovaOptions(highest=(2, 90)))
    async with Lab(options) as lab:
        _, full, unknown_only = await said(lab)
        assert full.endswith(f'{RULE}": {OLD}')
        assert unknown_only.endswith(f'{RULE}:unknown-only": {OLD}')


async def test_owners_who_see_unknown_alone() -> None:
    async with Lab(where(OwnerSees.UNKNOWN_ONLY)) as lab:
        lab.world.fail("compute-1", Failure.COMPUTE)
        lab.world.hosts["compute-1"].service.seen_at_s -= SILENT_S
        first, *others = await said(lab)
        assert first.startswith("servers' owners are shown nothing of host_status but UNKNOWN: ")
        assert others == [*BLIND[1:]]
        lab.world.fail("compute-2", Failure.COMPUTE)
        lab.world.hosts["compute-2"].service.seen_at_s -= SILENT_S
        (only,) = await said(lab)
        assert only.endswith(
            "in full cannot be told now: every host of project-1's servers is UNKNOWN"
        )


async def test_an_owner_without_a_server_cannot_tell() -> None:
    async with Lab(where(OwnerSees.FULL, servers_per_host=0)) as lab:
        (only,) = await said(lab)
        assert only.endswith("cannot be told: the project of project-1 has no server to be shown")


async def test_without_an_account_it_is_said_that_one_is_needed() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        (only,) = await adapter.hidden_from_owners()
        assert "an admin cannot tell: Nova does not say its policy" in only
        assert "Name in cloud.owner_cloud an entry of clouds.yaml that is an ordinary user" in only


async def test_an_admin_is_no_owner() -> None:
    async with Lab(where(OwnerSees.NOTHING)) as lab:
        (only,) = await said(lab, ADMIN)
        assert only.endswith("cannot be told: doctor has the role admin itself")


async def test_an_account_that_is_wrong_keeps_nothing_from_running() -> None:
    async with Lab(SMALL) as lab:
        (only,) = await said(lab, "nobody")
        assert "clouds.nobody: not found; the file has: doctor" in only
        document = json.loads((lab.folder / CLOUDS).read_text())
        document["clouds"][OWNER]["auth"]["password"] = "a-password-of-last-year"
        (lab.folder / CLOUDS).write_text(json.dumps(document))
        (only,) = await said(lab)
        assert "Keystone refuses the credentials" in only
        assert "a-password-of-last-year" not in only


@pytest.mark.parametrize("do", [Do.LOST_REPLY, Do.STATUS, Do.GARBAGE])
async def test_a_nova_in_trouble_cannot_tell(do: Do) -> None:
    async with Lab(SMALL) as lab:
        lab.faults.add(rule(do, "*/servers/detail", times=None))
        (only,) = await said(lab)
        assert only.startswith("whether servers' owners are shown host_status cannot be told: ")


async def test_a_keystone_in_trouble_cannot_tell() -> None:
    async with Lab(SMALL) as lab:
        broken = Rule(service=Service.KEYSTONE, do=Do.STATUS, method="POST", status=503, times=None)
        lab.faults.add(broken)
        (only,) = await said(lab)
        assert "Keystone gave no token" in only


def test_a_server_of_a_cell_that_is_down_says_nothing_of_policy() -> None:
    stub = {"id": "s1", "status": "UNKNOWN", "tenant_id": "p1"}
    shown = {"id": "s2", "status": "ACTIVE", "tenant_id": "p1", "host_status": "UP"}
    assert judged([stub, shown], OWNER, NEW) == []
    (only,) = judged([stub], OWNER, NEW)
    assert "has no server to be shown" in only


def test_a_server_that_is_on_no_host_shows_that_owners_see_it() -> None:
    assert judged([{"status": "SHELVED_OFFLOADED", "host_status": ""}], OWNER, NEW) == []
