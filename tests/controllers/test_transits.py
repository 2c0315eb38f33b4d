"""The migrations of any kind to and from one host: all of them, of nothing else, or an error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from doctor_daemon.controllers.evacuations import PAGE
from doctor_daemon.controllers.transits import read_page
from doctor_daemon.core.host import HostId
from doctor_daemon.core.retirement import Transit
from doctor_daemon.errors import DoctorError, Permanent, Temporary
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule
from doctor_daemon.lab.nova import NovaOptions
from doctor_daemon.lab.world import Timing
from tests.controllers.rigs import HOST, OTHER, FastClock, nova, offering, rule
from tests.fakes.peer import Answer, Peer, Request, telling

SLOW = Timing(evacuate_s=600)
MIGRATIONS = "*/os-migrations*"
LAB = LabOptions(hosts=3, servers_per_host=2, timing=Timing(evacuate_s=0.02))
ROW: dict[str, Any] = {
    "id": 7,
    "uuid": "00000000-0000-4000-8000-000000000007",
    "instance_uuid": "vm-1",
    "migration_type": "live-migration",
    "status": "running",
    "source_compute": "compute-1",
    "dest_compute": "compute-2",
}


def page(*rows: dict[str, Any], more: bool = False) -> bytes:
    links = {"migrations_links": [{"rel": "next", "href": "somewhere"}]} if more else {}
    return json.dumps({"migrations": rows, **links}).encode()


async def moved(lab: Lab) -> list[str]:
    """Evacuate what is on the first host; the servers."""
    world = lab.world
    world.power_off(HOST.name)
    world.force_down(world.hosts[HOST.name].service, forced_down=True, by="doctor")
    there = [one for one in world.servers.values() if one.host == HOST.name]
    for server in there:
        lab.evacuations.accept(server, "doctor")
    return [server.id for server in there]


@pytest.mark.parametrize("highest", [(2, 96), (2, 58), (2, 22)])
async def test_both_ends_are_listed_in_every_dialect(highest: tuple[int, int]) -> None:
    options = replace(LAB, nova=NovaOptions(highest=highest), timing=SLOW)
    async with Lab(options) as lab, nova(lab, FastClock()) as adapter:
        servers = await moved(lab)
        row = lab.evacuations.rows[0]
        row.dest, row.status = OTHER.name, "pre-migrating"
        found = await adapter.transits(HOST)
        assert sorted(one.server for one in found) == sorted(servers)
        kind = "evacuation" if highest >= (2, 23) else ""
        (other,) = [one for one in await adapter.transits(OTHER) if one.id == row.id]
        assert other == Transit(row.id, row.server, kind, "pre-migrating")
        assert str(other).startswith(f"{kind or 'migration'} {row.id} of ")


async def test_trap_2_no_row_is_believed_while_the_cell_is_down() -> None:
    async with Lab(LAB) as lab, nova(lab, FastClock()) as adapter:
        await moved(lab)
        lab.world.hosts[HOST.name].cell_down = True
        with pytest.raises(Temporary, match="its cell does not answer"):
            await adapter.transits(HOST)


MANY = LabOptions(hosts=1, servers_per_host=PAGE + 1, timing=SLOW)
SERVICE = {
    "binary": "nova-compute",
    "host": HOST.name,
    "id": "00000000-0000-4000-8000-000000000001",
    "status": "disabled",
    "state": "down",
    "forced_down": True,
}


def listing(*migrations: Mapping[str, object], more: bool = False) -> Answer:
    """Answer looks at the host, and every question for migrations alike."""
    links = {"migrations_links": [{"rel": "next", "href": "somewhere"}]} if more else {}
    rows = telling({"migrations": migrations, **links})
    looks = telling({"services": [SERVICE]})

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await (rows if "/os-migrations" in request.path else looks)(request, writer)

    return offering(answer)


async def test_pages_are_read_to_the_end() -> None:
    async with Lab(MANY) as lab, nova(lab, FastClock()) as adapter:
        servers = await moved(lab)
        assert {one.server for one in await adapter.transits(HOST)} == {*servers}
        assert len(servers) == PAGE + 1


async def test_a_list_without_an_end_is_given_up() -> None:
    answer = listing(ROW, more=True)
    async with Lab(LAB) as lab, nova(lab, FastClock()) as adapter, Peer(answer) as peer:
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        with pytest.raises(Permanent, match="no end after 1000 pages"):
            await adapter.transits(HOST)


async def test_trap_1_a_filter_that_is_dropped_is_an_error() -> None:
    answer = listing(ROW, {**ROW, "source_compute": "compute-8", "dest_compute": "compute-9"})
    async with Lab(LAB) as lab, nova(lab, FastClock()) as adapter, Peer(answer) as peer:
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        with pytest.raises(Permanent, match="Nova also listed live-migration 7 of vm-1"):
            await adapter.transits(HOST)


async def test_a_host_of_another_cloud_has_no_migrations_here() -> None:
    async with Lab(LAB) as lab, nova(lab, FastClock()) as adapter:
        with pytest.raises(Permanent, match="is not of the cloud"):
            await adapter.transits(HostId("elsewhere", HOST.name))


@pytest.mark.parametrize("fault", [rule(Do.STATUS, MIGRATIONS), rule(Do.LOST_REPLY, MIGRATIONS)])
async def test_a_list_that_fails_is_asked_for_again(fault: Rule) -> None:
    async with Lab(LAB) as lab, nova(lab, FastClock()) as adapter:
        servers = await moved(lab)
        lab.faults.add(fault)
        assert {one.server for one in await adapter.transits(HOST)} == {*servers}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (rule(Do.STATUS, MIGRATIONS, status=403, times=None), Permanent),
        (rule(Do.STATUS, MIGRATIONS, status=500, times=None), Temporary),
        (rule(Do.GARBAGE, MIGRATIONS, times=None), Temporary),
    ],
)
async def test_a_list_that_goes_on_failing_is_an_error(
    fault: Rule, error: type[DoctorError]
) -> None:
    async with Lab(LAB) as lab, nova(lab, FastClock()) as adapter:
        await moved(lab)
        lab.faults.add(fault)
        with pytest.raises(error):
            await adapter.transits(HOST)


def test_a_row_is_read_as_documented() -> None:
    ((one, ends),) = read_page(page(ROW)).found
    assert one == Transit(7, "vm-1", "live-migration", "running")
    assert ends == {"compute-1", "compute-2"}
    assert not one.over
    ((_, ends),) = read_page(page({**ROW, "dest_compute": None})).found
    assert ends == {"compute-1"}


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "7"},
        {"id": True},
        {"instance_uuid": None},
        {"status": None},
        {"migration_type": None},
    ],
    ids=str,
)
def test_what_is_not_as_documented_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(Permanent):
        read_page(page({**ROW, **changes}))


def test_the_marker_is_that_of_the_last_row_and_only_where_there_is_more() -> None:
    assert read_page(page(ROW, more=True)).marker == ROW["uuid"]
    assert read_page(page(ROW)).marker == ""
    assert read_page(page(more=True)).marker == ""
