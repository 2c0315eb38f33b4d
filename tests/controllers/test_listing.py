"""Which servers are where: lists that are whole, or errors."""

from __future__ import annotations

import asyncio
import time

import pytest

from doctor_daemon.controllers import listing
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Do
from tests.controllers.rigs import (
    HOST,
    SMALL,
    FastClock,
    applied,
    nova,
    rule,
)


async def test_the_servers_of_a_host() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        before = clock.now()
        fresh = await adapter.servers(HOST)
        there = {s.id: s for s in lab.world.servers.values() if s.host == "compute-1"}
        assert {server.id for server in fresh.servers} == there.keys()
        assert len(there) == 2
        assert {(s.name, s.project) for s in fresh.servers} == {
            (s.name, s.project_id) for s in there.values()
        }
        assert {server.status for server in fresh.servers} == {"ACTIVE"}
        assert fresh.asked_wall_s >= before.wall_s


async def test_pages_are_read_to_their_end() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        owner = lab.members["project-1"]
        for _ in range(listing.PAGE * 2 - 2):
            lab.world.boot("compute-1", owner.project.id, owner.id)
        fresh = await adapter.servers(HOST)
        assert len({server.id for server in fresh.servers}) == listing.PAGE * 2
        everything = await adapter.all_servers()
        assert {host: len(on) for host, on in everything.items()} == {
            "compute-1": listing.PAGE * 2,
            "compute-2": 2,
        }


class Restless(FastClock):
    """Remembers how long it was slept by, and does not wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.rests_s: list[float] = []

    async def sleep_until(self, until: Instant) -> None:
        self.rests_s.append(until.since(self.now()))


async def test_a_pass_that_nobody_waits_for_rests_between_its_pages() -> None:
    clock = Restless()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        owner = lab.members["project-1"]
        for _ in range(listing.CALM_PAGE * 2):
            lab.world.boot("compute-1", owner.project.id, owner.id)
        slow_s = 2 * listing.REST_MAX_S / listing.CALM
        lab.faults.add(rule(Do.SLOW, "*/servers/detail", seconds=slow_s, after=1, times=1))
        clock.rests_s.clear()
        calm = await adapter.all_servers(calm=True)
        first_s, second_s = clock.rests_s
        assert 0 < first_s < listing.REST_MAX_S
        assert second_s == pytest.approx(listing.REST_MAX_S, abs=0.05)
        assert await adapter.all_servers() == calm
        assert len(clock.rests_s) == 2


async def test_a_list_that_changes_is_read_until_two_agree() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        owner = lab.members["project-1"]
        lab.faults.add(rule(Do.SLOW, "*/servers/detail", seconds=0.3, times=2))
        listed = asyncio.create_task(adapter.servers(HOST))
        await applied(lab, 2)
        new = lab.world.boot("compute-1", owner.project.id, owner.id)
        assert new.id in {server.id for server in (await listed).servers}


async def test_a_list_that_never_settles_is_temporary() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        owner = lab.members["project-1"]
        lab.faults.add(rule(Do.SLOW, "*/servers/detail", seconds=0.05, times=None))
        listed = asyncio.create_task(adapter.servers(HOST))
        for count in range(1, listing.PASSES_MAX + 1):
            await applied(lab, count)
            lab.world.boot("compute-1", owner.project.id, owner.id)
        with pytest.raises(Temporary, match="changed between each two of 4 lists"):
            await listed


async def test_trap_2_a_cell_that_goes_down_during_the_list_is_no_empty_list() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        lab.faults.add(rule(Do.SLOW, "*/servers/detail", seconds=0.2, times=1))
        listed = asyncio.create_task(adapter.servers(HOST))
        await applied(lab, 1)
        lab.world.hosts["compute-1"].cell_down = True
        with pytest.raises(Temporary, match="its cell does not answer"):
            await listed


async def test_trap_1_a_member_gets_an_error_and_not_his_own_servers() -> None:
    async with Lab(SMALL) as lab, nova(lab, cloud="project-1") as adapter:
        with pytest.raises(Permanent, match="Nova answered 403 Policy doesn't allow"):
            await adapter.servers(HOST)
        with pytest.raises(Permanent, match="403"):
            await adapter.all_servers()


async def test_changes_name_where_servers_are_and_which_are_gone() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        started_s = time.time()
        for server in lab.world.servers.values():
            server.updated_at_s -= 3600
        first, second, *_ = (s for s in lab.world.servers.values() if s.host == "compute-1")
        lab.world.delete(first.id)
        second.host = "compute-2"
        second.updated_at_s = lab.world.clock.now()
        changed = await adapter.changed_servers(started_s - 2)
        assert {server.id: host for server, host in changed} == {
            first.id: "",
            second.id: "compute-2",
        }


async def test_a_marker_that_is_gone_breaks_the_list_and_not_more() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        owner = lab.members["project-1"]
        for _ in range(listing.PAGE):
            lab.world.boot("compute-1", owner.project.id, owner.id)
        await adapter.look(HOST)
        lab.faults.add(rule(Do.STATUS, "*/servers/detail", status=400, after=1))
        with pytest.raises(Temporary, match="broke between two pages"):
            await adapter.all_servers()
        assert len(await adapter.all_servers()) == 2


async def test_i13_a_clock_of_ours_that_is_wrong_hides_no_change() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        for wrong_s in (0.0, 7200.0, -7200.0):
            clock.wall_step_s = wrong_s
            await adapter.look(HOST)
            server = next(iter(lab.world.servers.values()))
            server.updated_at_s = lab.world.clock.now()
            changed = await adapter.changed_servers(clock.now().wall_s - 5)
            assert server.id in {one.id for one, _ in changed}


async def test_what_is_written_on_servers_is_read_for_one_host_only() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        one, other = (s for s in lab.world.servers.values() if s.host == "compute-1")
        one.metadata, one.volume, one.locked = {"HA_Enabled": "False"}, True, True
        other.specs = {"evacuable": "true"}
        found = {server.id: server for server in (await adapter.servers(HOST)).servers}
        first, second = found[ServerId(one.id)], found[ServerId(other.id)]
        assert (first.tags, first.volume) == ({"server:HA_Enabled": "False"}, True)
        assert (second.tags, second.volume) == ({"flavor:evacuable": "true"}, False)
        assert (first.locked, second.locked) == (True, False)
        every = [server for on in (await adapter.all_servers()).values() for server in on]
        changed = [server for server, _ in await adapter.changed_servers(0.0)]
        assert {len(server.tags) for server in every + changed} == {0}
