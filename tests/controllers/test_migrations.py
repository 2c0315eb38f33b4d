"""Nova's evacuations on record, read strictly, whole or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest

from doctor_daemon.controllers.evacuations import PAGE, PAGES_MAX, only_from, read_page
from doctor_daemon.core.evacuation import Migration
from doctor_daemon.core.host import HostId, ServerId
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do
from doctor_daemon.lab.world import Timing
from tests.controllers.rigs import HOST, OTHER, SMALL, FastClock, nova, offering, rule
from tests.controllers.test_evacuating import dead
from tests.fakes.peer import Peer, telling

QUICK = LabOptions(hosts=3, servers_per_host=3, timing=Timing(evacuate_s=0.05))
MANY = LabOptions(hosts=1, servers_per_host=PAGE + 1, timing=Timing(evacuate_s=600))
ROW: Mapping[str, object] = {
    "id": 7,
    "uuid": "4f22b540-1c82-456c-b2f4-ba0d18d9a30f",
    "instance_uuid": "s1",
    "migration_type": "evacuation",
    "status": "pre-migrating",
    "source_compute": "cmp-1",
    "dest_compute": "cmp-2",
}
LINKS = [{"rel": "next", "href": "http://elsewhere.example/steals-tokens?marker=zzz"}]


def _body(*rows: Mapping[str, object], **more: object) -> bytes:
    return json.dumps({"migrations": rows, **more}).encode()


def test_a_page_of_migrations_is_read_with_its_end() -> None:
    page = read_page(_body(ROW, {**ROW, "id": 6, "dest_compute": None}, migrations_links=LINKS))
    assert page.migrations == (
        Migration(7, "s1", "cmp-1", "cmp-2", "pre-migrating"),
        Migration(6, "s1", "cmp-1", "", "pre-migrating"),
    )
    assert page.marker == ROW["uuid"], "the last one's, whatever the link says"
    assert read_page(_body(ROW)).marker == ""
    assert read_page(_body(migrations_links=LINKS)).marker == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "7"}, "id = '7', expected a number"),
        ({"id": True}, "id = True, expected a number"),
        ({"instance_uuid": None}, "instance_uuid = None"),
        ({"status": ""}, "status = ''"),
        ({"source_compute": None}, "source_compute = None"),
        ({"migration_type": "live-migration"}, "also listed a 'live-migration'"),
        ({"migration_type": None}, "migration_type = None"),
    ],
)
def test_a_row_that_is_not_as_documented_is_an_error(
    change: Mapping[str, object], words: str
) -> None:
    with pytest.raises(Permanent, match=words):
        read_page(_body({**ROW, **change}))


def test_trap_1_a_migration_of_another_host_is_an_error() -> None:
    one = Migration(7, "s1", "CMP-1", "cmp-2", "done")
    with pytest.raises(Permanent, match="migration 7 of 'CMP-1': it ignores the filter"):
        only_from("cmp-1", [one])
    assert only_from("CMP-1", [one]) == [one]


def test_trap_13_done_and_completed_are_both_success_and_unknown_words_in_flight() -> None:
    words = ("accepted", "pre-migrating", "done", "completed", "failed", "error", "no such word")
    found = {word: Migration(1, "s", "a", "b", word) for word in words}
    assert [word for word in words if found[word].succeeded] == ["done", "completed"]
    assert [word for word in words if found[word].failed] == ["failed", "error"]
    assert [word for word in words if not found[word].ended] == [
        "accepted",
        "pre-migrating",
        "no such word",
    ]


async def _evacuated(lab: Lab) -> list[str]:
    """Have all servers of the first host evacuated by hand; the newest migration's server first."""
    dead(lab)
    servers = [s for s in lab.world.servers.values() if s.host == "compute-1"]
    for server in servers:
        lab.evacuations.accept(server, "doctor")
    return [server.id for server in servers][::-1]


async def test_every_evacuation_of_a_host_is_listed_page_by_page() -> None:
    async with Lab(MANY) as lab, nova(lab) as adapter:
        servers = await _evacuated(lab)
        found = await adapter.evacuations(HOST)
        assert len(found) == PAGE + 1
        assert [one.server for one in found] == servers
        assert {(one.source, one.to, one.status) for one in found} == {
            ("compute-1", "", "accepted")
        }


async def test_two_cells_may_number_their_evacuations_alike() -> None:
    other = {**ROW, "source_compute": "cmp-2", "instance_uuid": "s2"}
    answer = telling({"migrations": [ROW, other]})
    async with Lab(SMALL) as lab, nova(lab) as adapter, Peer(offering(answer)) as peer:
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        found = await adapter.changed_evacuations(0.0)
        assert [(one.source, one.id) for one in found] == [("cmp-1", 7), ("cmp-2", 7)]


async def test_a_list_of_migrations_without_an_end_is_given_up() -> None:
    document = {"migrations": [ROW], "migrations_links": LINKS}
    answer = offering(telling(document))
    async with Lab(SMALL) as lab, nova(lab) as adapter, Peer(answer) as peer:
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        with pytest.raises(Permanent, match="no end after 1000 pages"):
            await adapter.changed_evacuations(0.0)
        assert len(peer.requests) == 1 + PAGES_MAX


async def test_a_marker_that_is_gone_breaks_a_list_of_migrations_and_not_more() -> None:
    async with Lab(MANY) as lab, nova(lab) as adapter:
        await _evacuated(lab)
        lab.faults.add(rule(Do.STATUS, "*/os-migrations", after=1, status=400))
        with pytest.raises(Temporary, match="broke between two pages"):
            await adapter.evacuations(HOST)
        lab.faults.add(rule(Do.STATUS, "*/os-migrations", status=400))
        with pytest.raises(Permanent):
            await adapter.evacuations(HOST)


async def test_trap_2_a_cell_that_is_down_is_no_list_without_evacuations() -> None:
    clock = FastClock()
    async with Lab(QUICK) as lab, nova(lab, clock) as adapter:
        await _evacuated(lab)
        lab.world.hosts["compute-1"].cell_down = True
        with pytest.raises(Temporary, match="cell does not answer"):
            await adapter.evacuations(HOST)


async def test_a_host_of_another_cloud_has_no_evacuations_here() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        with pytest.raises(Permanent, match="is not of the cloud"):
            await adapter.evacuations(HostId("elsewhere", "compute-1"))


async def test_a_list_of_evacuations_is_asked_for_again_when_it_fails() -> None:
    clock = FastClock()
    async with Lab(QUICK) as lab, nova(lab, clock) as adapter:
        servers = await _evacuated(lab)
        lab.faults.add(rule(Do.STATUS, "*/os-migrations"), rule(Do.LOST_REPLY, "*/os-migrations"))
        assert [one.server for one in await adapter.evacuations(HOST)] == servers
        assert await adapter.evacuations(OTHER) == ()


async def test_what_was_just_accepted_is_in_no_changes_since_and_later_it_is() -> None:
    clock = FastClock()
    async with Lab(QUICK) as lab, nova(lab, clock) as adapter:
        since_s = clock.now().wall_s - 1
        assert await adapter.changed_evacuations(since_s) == ()
        servers = await _evacuated(lab)
        assert await adapter.changed_evacuations(since_s) == ()
        assert len(await adapter.evacuations(HOST)) == 3
        await asyncio.sleep(0.2)
        changed = await adapter.changed_evacuations(since_s)
        assert [one.server for one in changed] == servers
        assert {one.status for one in changed} == {"done"}
        assert await adapter.changed_evacuations(clock.now().wall_s + 60) == ()


async def test_servers_are_listed_with_their_states() -> None:
    clock = FastClock()
    async with Lab(LabOptions(hosts=1, servers_per_host=3)) as lab, nova(lab, clock) as adapter:
        server = dead(lab)
        states = {one.id: one for one in (await adapter.servers(HOST)).servers}
        assert (states[server].vm_state, states[server].task_state) == ("active", "")
        other = next(one for one in states if one != server)
        lab.world.set_state(other, "paused")
        lab.world.timing = Timing(evacuate_s=0.05)
        lab.evacuations.accept(lab.world.servers[server], "doctor")
        busy = {one.id: one for one in (await adapter.servers(HOST)).servers}
        assert (busy[server].status, busy[server].vm_state) == ("REBUILD", "active")
        assert (busy[server].task_state, busy[server].fault) == ("rebuilding", "")
        assert (busy[other].status, busy[other].vm_state) == ("PAUSED", "paused")
        await asyncio.sleep(0.1)
        failed = {one.id: one for one in (await adapter.servers(HOST)).servers}
        assert (failed[server].status, failed[server].task_state) == ("ERROR", "")
        assert failed[server].fault == (
            "No valid host was found. There are not enough hosts available."
        )


async def test_an_evacuated_server_is_on_its_new_host() -> None:
    clock = FastClock()
    async with Lab(QUICK) as lab, nova(lab, clock) as adapter:
        server = dead(lab)
        await adapter.evacuate(ServerId(server), clock.permit())
        await asyncio.sleep(0.2)
        (one,) = await adapter.evacuations(HOST)
        assert (one.status, one.server) == ("done", server)
        there = (await adapter.servers(HostId("default", one.to))).servers
        assert server in [found.id for found in there]
        assert lab.violations() == []
