"""A Nova of before 2.53, or of before 2.59: evacuations, lists, what is known beforehand."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from doctor_daemon.controllers.nova import Nova
from doctor_daemon.core.host import UNSHOWN, ServerId
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent
from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Do
from doctor_daemon.lab.world import Timing
from tests.controllers.dialects import until
from tests.controllers.releasing import REASON
from tests.controllers.rigs import HOST, OLD, OTHER, SMALL, FastClock, nova, offering, rule
from tests.controllers.test_evacuating import dead, posted
from tests.fakes.peer import Peer, Request, telling

# evacuating


@pytest.mark.parametrize("highest", [(2, 29), (2, 52), (2, 67)])
async def test_trap_17_from_2_29_on_a_server_is_evacuated_without_a_host_or_force(
    highest: tuple[int, int],
) -> None:
    clock = FastClock()
    async with Lab(until(highest)) as lab, nova(lab, clock) as adapter:
        server = dead(lab)
        await adapter.look(HOST)
        outcome, text = await adapter.evacuate(server, clock.permit())
        assert (outcome, posted(lab)) == (Outcome.ACCEPTED, 1), text
        (one,) = await adapter.evacuations(HOST)
        assert (one.server, one.source) == (server, "compute-1")


@pytest.mark.parametrize("highest", [(2, 11), (2, 28)])
async def test_trap_17_before_2_29_nothing_is_evacuated_and_it_is_said_why(
    highest: tuple[int, int],
) -> None:
    clock = FastClock()
    async with Lab(until(highest)) as lab, nova(lab, clock) as adapter:
        server = dead(lab)
        await adapter.look(HOST)
        lab.faults.add(rule(Do.SLOW, "*", "POST", seconds=0.0, times=None))
        outcome, text = await adapter.evacuate(server, clock.permit())
        assert outcome is Outcome.FORBIDDEN
        assert "it was not asked for: this Nova offers microversions 2.1 to" in text
        assert "2.29 to 2.68 is needed" in text
        assert not lab.faults.applied
        (told,) = await adapter.check()
        assert "2.29 to 2.68 is needed to have servers evacuated by the scheduler" in told


async def test_an_evacuation_of_which_nothing_was_read_before_waits_for_no_discovery() -> None:
    clock = FastClock()
    async with Lab(OLD) as lab, nova(lab, clock) as adapter:
        server = dead(lab)
        first, text = await adapter.evacuate(server, clock.permit())
        assert (first, text[:17]) == (Outcome.REFUSED, "Nova answered 406")
        await adapter.look(HOST)
        second, _ = await adapter.evacuate(server, clock.permit())
        assert (second, posted(lab)) == (Outcome.ACCEPTED, 1)


# lists


def query_of(request: Request) -> Mapping[str, str]:
    return dict(parse_qsl(request.path.partition("?")[2]))


def migration(number: int, **more: object) -> dict[str, object]:
    row: dict[str, object] = {
        "id": number,
        "instance_uuid": f"s{number}",
        "migration_type": "evacuation",
        "status": "done",
        "source_compute": "compute-1",
        "dest_compute": "compute-2",
    }
    return row | more


@pytest.mark.parametrize("highest", ["2.23", "2.52", "2.58"])
async def test_before_2_59_all_migrations_come_at_once(highest: str) -> None:
    rows = [migration(number) for number in range(1, 1501)]
    answers = offering(telling({"migrations": rows}), highest)
    async with Lab(SMALL) as lab, nova(lab) as adapter, Peer(answers) as peer:
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        assert len(await adapter.changed_evacuations(1.0)) == 1500
        (asked,) = [one for one in peer.requests if "os-migrations" in one.path]
        assert query_of(asked) == {"migration_type": "evacuation"}
        assert asked.headers["openstack-api-version"] == f"compute {highest}"


async def test_before_2_59_the_evacuations_of_a_host_are_still_only_of_that_host() -> None:
    options = replace(OLD, servers_per_host=1, timing=Timing(evacuate_s=600))
    async with Lab(options) as lab, nova(lab) as adapter:
        server = dead(lab)
        row = lab.evacuations.accept(lab.world.servers[server], "doctor")
        (one,) = await adapter.evacuations(HOST)
        assert (one.id, one.server, one.status) == (row.id, server, "accepted")
        assert await adapter.evacuations(OTHER) == ()
        (same,) = await adapter.changed_evacuations(FastClock().now().wall_s + 60)
        assert same == one, "what has only been accepted is shown, too"


@pytest.mark.parametrize(
    ("highest", "row", "words"),
    [
        ("2.52", migration(1, migration_type="live-migration"), "also listed a 'live-migration'"),
        ("2.23", {k: v for k, v in migration(1).items() if k != "migration_type"}, "= None"),
        ("2.22", migration(1, migration_type="resize"), "also listed a 'resize'"),
    ],
)
async def test_a_migration_of_another_type_is_an_error_in_any_dialect(
    highest: str, row: object, words: str
) -> None:
    answers = offering(telling({"migrations": [row]}), highest)
    async with Lab(SMALL) as lab, nova(lab) as adapter, Peer(answers) as peer:
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        with pytest.raises(Permanent, match=words):
            await adapter.changed_evacuations(1.0)


async def test_before_2_23_a_migration_does_not_say_its_type() -> None:
    row = {key: value for key, value in migration(1).items() if key != "migration_type"}
    answers = offering(telling({"migrations": [row]}), "2.22")
    async with Lab(SMALL) as lab, nova(lab) as adapter, Peer(answers) as peer:
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        (one,) = await adapter.changed_evacuations(1.0)
        assert (one.id, one.status) == (1, "done")


@pytest.mark.parametrize("highest", [(2, 11), (2, 46), (2, 47), (2, 52)])
async def test_servers_are_listed_by_an_older_nova_too(highest: tuple[int, int]) -> None:
    async with Lab(until(highest)) as lab, nova(lab) as adapter:
        there = {one.id for one in lab.world.servers.values() if one.host == "compute-1"}
        found = (await adapter.servers(HOST)).servers
        assert {one.id for one in found} == there
        assert {one.unread for one in found} == {UNSHOWN if highest < (2, 47) else ""}
        assert {(one.status, one.vm_state, one.task_state) for one in found} == {
            ("ACTIVE", "active", "")
        }
        assert set(await adapter.all_servers()) == {"compute-1", "compute-2"}
        assert len(await adapter.changed_servers(0.0)) == 4


# beforehand


@pytest.mark.parametrize("highest", [(2, 29), (2, 52), (2, 53), (2, 68), (2, 96)])
async def test_a_nova_that_will_do_is_nothing_to_tell_of(highest: tuple[int, int]) -> None:
    async with Lab(until(highest)) as lab, nova(lab) as adapter:
        before = len(lab.record.entries)
        assert await adapter.check() == []
        assert len(lab.record.entries) == before
        assert not any(host.service.forced_down for host in lab.world.hosts.values())


async def test_trap_25_a_member_is_told_that_he_may_not_force_down_in_the_older_dialect() -> None:
    async with Lab(OLD) as lab, nova(lab, cloud="project-1") as adapter:
        assert "may not force hosts down" in "\n".join(await adapter.check())


async def test_a_whole_way_there_and_back_by_name() -> None:
    clock = FastClock()
    options = replace(OLD, hosts=3, timing=Timing(evacuate_s=0.02, compute_start_s=0.0))
    async with Lab(options) as lab, nova(lab, clock) as adapter:
        uuid = (await adapter.look(HOST)).uuid
        lab.world.power_off("compute-1")
        outcome, _ = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        assert outcome is Outcome.ACCEPTED
        for server in (await adapter.servers(HOST)).servers:
            outcome, _ = await adapter.evacuate(ServerId(server.id), clock.permit())
            assert outcome is Outcome.ACCEPTED
        await _all_are(adapter, "done")
        assert (await adapter.servers(HOST)).servers == ()
        assert (await adapter.lift(uuid, clock.permit()))[0] is Outcome.REFUSED
        lab.world.power_on("compute-1")
        await _all_are(adapter, "completed")
        assert (await adapter.lift(uuid, clock.permit()))[0] is Outcome.ACCEPTED
        assert (await adapter.enable(uuid, clock.permit()))[0] is Outcome.ACCEPTED
        look = await adapter.look(HOST)
        assert (look.uuid, look.forced_down, look.status) == (uuid, False, "enabled")
        assert lab.violations() == []


async def _all_are(adapter: Nova, status: str) -> None:
    """Ask until every evacuation from the host has come to a status."""
    async with asyncio.timeout(5):
        while {one.status for one in await adapter.evacuations(HOST)} != {status}:  # noqa: ASYNC110 - it is asked
            await asyncio.sleep(0.01)
