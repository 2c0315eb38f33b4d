"""How servers and their hosts stand, by one page of Nova's list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from doctor_daemon.controllers.servers import HOST as HOST_KEY
from doctor_daemon.controllers.states import check_wanted, host_status, read_states
from doctor_daemon.core.host import HostId
from doctor_daemon.core.server_state import HostStatus, status_of
from doctor_daemon.errors import DoctorError, Permanent, Temporary
from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Do
from doctor_daemon.lab.nova import NovaOptions
from doctor_daemon.lab.rows import Server
from doctor_daemon.lab.world import Failure
from doctor_daemon.ports.states import StatesPage, StatesWanted
from tests.controllers.dialects import until
from tests.controllers.rigs import HOST, SMALL, FastClock, calls, nova, rule

ROW = {"id": "s1", "name": "vm", "status": "ACTIVE", "tenant_id": "p1", HOST_KEY: "compute-1"}
STUB = {"id": "s2", "status": "UNKNOWN", "tenant_id": "p1"}
ON_HOST = StatesWanted(host=HOST)
SILENT_S = 100.0
"""Longer than service_down_time."""


def body(*rows: Mapping[str, object]) -> bytes:
    return json.dumps({"servers": rows}).encode()


def seen(page: StatesPage) -> dict[str, HostStatus | None]:
    return {state.server.id: state.host_status for state in page.states}


def on(lab: Lab, host: str) -> list[Server]:
    return [server for server in lab.world.servers.values() if server.host == host]


@pytest.mark.parametrize("word", ["UP", "UNKNOWN", "DOWN", "MAINTENANCE", ""])
def test_each_word_is_told_apart(word: str) -> None:
    assert host_status({"host_status": word}) == HostStatus(word)
    (state,) = read_states(body({**ROW, "host_status": word})).states
    assert (state.host_status, state.host) == (HostStatus(word), "compute-1")


def test_trap_20_what_is_not_shown_is_not_unknown() -> None:
    (state,) = read_states(body(ROW)).states
    assert state.host_status is None


@pytest.mark.parametrize("word", ["up", "ASLEEP", None, 1, ["UP"]])
def test_a_word_that_nova_has_not_is_an_error(word: object) -> None:
    with pytest.raises(Permanent, match=r"host_status = .*, expected one of UP, UNKNOWN, DOWN, "):
        read_states(body({**ROW, "host_status": word}))


def test_trap_2_a_server_of_a_cell_that_is_down_is_shown_as_far_as_it_is_known() -> None:
    states = read_states(body({**ROW, "host_status": "UP"}, STUB)).states
    assert [(one.server.status, one.host, one.host_status) for one in states] == [
        ("ACTIVE", "compute-1", HostStatus.UP),
        ("UNKNOWN", "", None),
    ]


def test_trap_1_without_the_attribute_the_role_does_not_suffice() -> None:
    hidden = {key: value for key, value in ROW.items() if key != HOST_KEY}
    with pytest.raises(Permanent, match="the daemon's role does not suffice"):
        read_states(body(hidden))


async def test_trap_20_the_order_in_which_nova_asks() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        service = lab.world.hosts["compute-1"].service
        for disabled, forced, status in (
            (False, False, HostStatus.UP),
            (True, False, HostStatus.MAINTENANCE),
            (True, True, HostStatus.DOWN),
            (False, True, HostStatus.DOWN),
        ):
            service.disabled = disabled
            lab.world.force_down(service, forced_down=forced, by="operator")
            page = await adapter.states(ON_HOST)
            assert seen(page) == {server.id: status for server in on(lab, "compute-1")}
            assert page.service is not None
            assert page.service.forced_down is forced


async def test_trap_20_a_dead_host_is_unknown_only_while_it_is_enabled() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        lab.world.fail("compute-1", Failure.COMPUTE)
        lab.world.hosts["compute-1"].service.seen_at_s -= SILENT_S
        assert set(seen(await adapter.states(ON_HOST)).values()) == {HostStatus.UNKNOWN}
        lab.world.hosts["compute-1"].service.disabled = True
        assert set(seen(await adapter.states(ON_HOST)).values()) == {HostStatus.MAINTENANCE}


async def test_trap_20_a_host_without_servers_is_told_by_its_service() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        for server in on(lab, "compute-1"):
            lab.world.delete(server.id)
        service = lab.world.hosts["compute-1"].service
        service.disabled, service.disabled_reason = True, "new memory"
        page = await adapter.states(ON_HOST)
        assert (page.states, page.marker) == ((), "")
        assert page.service is not None
        assert (page.service.status, page.service.reason) == ("disabled", "new memory")


@pytest.mark.parametrize(
    ("highest", "shown"), [((2, 15), None), ((2, 16), HostStatus.UP), ((2, 52), HostStatus.UP)]
)
async def test_an_older_nova_shows_what_it_has(
    highest: tuple[int, int], shown: HostStatus | None
) -> None:
    options = replace(SMALL, nova=NovaOptions(highest=highest))
    async with Lab(options) as lab, nova(lab) as adapter:
        page = await adapter.states(ON_HOST)
        assert set(seen(page).values()) == {shown}
        assert page.service is not None
        assert status_of(page.service) is HostStatus.UP


async def test_one_page_is_asked_for_and_the_next_by_its_marker() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        before = clock.now().wall_s
        first = await adapter.states(StatesWanted(limit=3))
        last = await adapter.states(StatesWanted(limit=3, marker=first.marker))
        assert (len(first.states), len(last.states), last.marker) == (3, 1, "")
        assert first.asked_wall_s >= before
        assert sorted([*seen(first), *seen(last)]) == sorted(lab.world.servers)
        assert calls(adapter).seen.count(("states", "ok")) == 2


async def test_a_marker_that_nova_does_not_know() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        with pytest.raises(Permanent, match="does not know the server nobody to go on from"):
            await adapter.states(StatesWanted(marker="nobody"))
        lab.faults.add(rule(Do.STATUS, "*/servers/detail", status=400))
        with pytest.raises(Permanent, match="Nova answered 400"):
            await adapter.states(StatesWanted())


async def test_the_servers_of_a_project() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        project = lab.members["project-2"].project.id
        page = await adapter.states(StatesWanted(project=project))
        assert {state.server.project for state in page.states} == {project}
        assert len(page.states) == 2
        assert (page.service, page.silent) == (None, frozenset())


async def test_trap_1_a_filter_that_is_dropped_is_an_error() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        on(lab, "compute-1")[0].host = "COMPUTE-1"  # as MariaDB compares
        with pytest.raises(Permanent, match=r"also listed .* of 'COMPUTE-1': it ignores"):
            await adapter.states(ON_HOST)
    async with Lab(SMALL) as lab, nova(lab, cloud="project-1") as adapter:
        with pytest.raises(Permanent, match="403"):
            await adapter.states(StatesWanted())


def test_trap_1_a_strangers_server_is_not_passed_for_the_projects() -> None:
    page = read_states(body(ROW, {**ROW, "id": "s2", "tenant_id": "p2"}))
    check_wanted(StatesWanted(), page.states)
    with pytest.raises(
        Permanent, match=r"of project 'p1', Nova also listed s2 of 'p2': it ignores"
    ):
        check_wanted(StatesWanted(project="p1"), page.states)


async def test_trap_2_a_cell_that_is_down_is_an_error_or_said() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        lab.world.hosts["compute-1"].cell_down = True
        with pytest.raises(Temporary, match="its cell does not answer"):
            await adapter.states(ON_HOST)
        page = await adapter.states(StatesWanted())
        assert page.silent == {"compute-1"}
        assert len(page.states) == 2, "those of compute-2"


async def test_trap_2_before_2_69_it_is_said_that_servers_may_be_missing() -> None:
    async with Lab(until((2, 68))) as lab, nova(lab) as adapter:
        assert (await adapter.states(StatesWanted())).blind, "it is not known even now"
        lab.world.hosts["compute-1"].cell_down = True
        page = await adapter.states(StatesWanted())
        assert (len(page.states), page.silent, page.blind) == (2, frozenset(), True)
        with pytest.raises(Temporary, match="may mean that its cell does not answer"):
            await adapter.states(ON_HOST)
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        assert not (await adapter.states(StatesWanted())).blind


async def test_a_host_that_nova_has_not_is_an_error() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        for host, words in (
            (HostId("default", "compute-9"), "no compute service of a host named exactly"),
            (HostId("elsewhere", "compute-1"), "is not of the cloud 'default'"),
        ):
            with pytest.raises(Permanent, match=words):
                await adapter.states(StatesWanted(host=host))


FAULTS: dict[tuple[Do, int], type[DoctorError]] = {
    **dict.fromkeys([(Do.STATUS, code) for code in (400, 401, 403, 404, 406, 409, 413)], Permanent),
    **dict.fromkeys([(Do.STATUS, code) for code in (408, 425, 429, 500, 502, 503, 504)], Temporary),
    (Do.TIMEOUT_BEFORE, 0): Temporary,
    (Do.TIMEOUT_AFTER, 0): Temporary,
    (Do.HANG, 0): Temporary,
    (Do.LOST_REPLY, 0): Temporary,
    (Do.GARBAGE, 0): Temporary,
    (Do.SLOW, 0): Temporary,
}
"""What goes wrong with the list, for good -> what that means for who asks."""


@pytest.mark.parametrize(("do", "status"), FAULTS, ids=str)
async def test_each_fault_of_the_list_has_its_outcome(do: Do, status: int) -> None:
    async with Lab(SMALL) as lab, nova(lab, read_timeout_s=0.2, owner_cloud="project-1") as adapter:
        await adapter.look(HOST)
        lab.faults.add(rule(do, "*/servers/detail*", status=status or 503, times=None))
        with pytest.raises(FAULTS[do, status]):
            await adapter.states(StatesWanted())
        (only,) = await adapter.hidden_from_owners()
        assert only.startswith("whether servers' owners are shown host_status cannot be told: ")


@pytest.mark.parametrize("do", [Do.LOST_REPLY, Do.GARBAGE, Do.STATUS, Do.REVOKE])
async def test_a_fault_that_passes_is_outlived(do: Do) -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        lab.faults.add(rule(do, "*/servers/detail*", times=1))
        assert len((await adapter.states(StatesWanted())).states) == 4
