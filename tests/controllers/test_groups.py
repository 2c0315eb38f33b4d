"""Server groups: all of them, of all projects, or an error."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from doctor_daemon.controllers.groups import PAGE, read_groups
from doctor_daemon.core.around import ServerGroup
from doctor_daemon.core.host import ServerId
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule
from doctor_daemon.lab.nova import NovaOptions
from tests.controllers.rigs import HOST, SMALL, calls, nova, rule
from tests.fakes.peer import Peer, answering, in_turn, telling

PATH = "*/os-server-groups"
ROW: Mapping[str, object] = {"id": "g-1", "name": "pair", "policy": "affinity", "members": ["a"]}


OLD: Mapping[str, object] = {key: value for key, value in ROW.items() if key != "policy"}
"""As it is before 2.64, but for its policies."""


def body(*rows: object) -> bytes:
    return json.dumps({"server_groups": rows}).encode()


async def test_the_groups_of_every_project_with_their_members() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        ids = [server.id for server in lab.world.servers.values()]
        made = lab.world.group("anti-affinity", ids[:2], max_server_per_host=2)
        lab.world.group("soft-affinity", ids[2:3])
        lab.world.delete(ids[1])
        one, two = await adapter.server_groups()
        members = frozenset({ServerId(ids[0])})
        assert one == ServerGroup(made.id, "group-1", "anti-affinity", members)
        assert (two.policy, set(two.members)) == ("soft-affinity", {ServerId(ids[2])})
        assert calls(adapter).seen[-1] == ("server_groups", "ok")


async def test_a_cloud_without_groups_is_asked_once() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        lab.faults.add(rule(Do.SLOW, PATH, seconds=0.0, times=None))
        assert await adapter.server_groups() == ()
        assert len(lab.faults.applied) == 1


async def test_pages_are_read_to_their_end() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        server = next(iter(lab.world.servers))
        for _ in range(PAGE + 1):
            lab.world.group("affinity", [server])
        found = await adapter.server_groups()
        assert [group.name for group in found] == [f"group-{n}" for n in range(1, PAGE + 2)]


async def test_a_list_without_an_end_is_given_up() -> None:
    offer = {"version": {"version": "2.90", "min_version": "2.1"}}
    answer = in_turn(telling(offer), answering(200, body(ROW)))
    async with Lab(SMALL) as lab, nova(lab) as adapter, Peer(answer) as peer:
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        with pytest.raises(Permanent, match="no end after 200 pages"):
            await adapter.server_groups()


async def test_trap_1_a_role_that_is_no_admin_is_shown_its_own_groups_alone() -> None:
    async with Lab(SMALL) as lab, nova(lab, cloud="project-1") as adapter:
        for server in list(lab.world.servers.values())[:2]:
            lab.world.group("affinity", [server.id])
        own = lab.members["project-1"].project
        mine = [one.id for one in lab.world.groups if one.project_id == own.id]
        assert len(mine) == 1
        assert [group.id for group in await adapter.server_groups()] == mine


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (rule(Do.STATUS, PATH, times=None), Temporary),
        (rule(Do.STATUS, PATH, status=500, times=None), Temporary),
        (rule(Do.STATUS, PATH, status=429, times=None), Temporary),
        (rule(Do.STATUS, PATH, status=400, times=None), Permanent),
        (rule(Do.STATUS, PATH, status=403, times=None), Permanent),
        (rule(Do.STATUS, PATH, status=404, times=None), Permanent),
        (rule(Do.STATUS, PATH, status=406, times=None), Permanent),
        (rule(Do.GARBAGE, PATH, times=None), Temporary),
        (rule(Do.TIMEOUT_BEFORE, PATH, times=None), Temporary),
    ],
    ids=lambda value: f"{value.do}-{value.status}" if isinstance(value, Rule) else "",
)
async def test_what_is_not_told_is_an_error(fault: Rule, error: type[Exception]) -> None:
    async with Lab(SMALL) as lab, nova(lab, read_timeout_s=0.3) as adapter:
        await adapter.look(HOST)
        lab.faults.add(fault)
        with pytest.raises(error):
            await adapter.server_groups()


def test_the_one_policy_of_an_older_nova_stands_in_a_list() -> None:
    [group] = read_groups(body({**OLD, "policies": ["anti-affinity"]}))
    assert group.policy == "anti-affinity"


async def test_an_older_nova_is_asked_in_its_own_version() -> None:
    options = LabOptions(hosts=2, nova=NovaOptions(highest=(2, 53)))
    async with Lab(options) as lab, nova(lab) as adapter:
        made = lab.world.group("affinity", [next(iter(lab.world.servers))])
        [group] = await adapter.server_groups()
        assert (group.id, group.policy) == (made.id, "affinity")


@pytest.mark.parametrize(
    "row",
    [
        {**ROW, "members": None},
        {**ROW, "members": [1]},
        {key: value for key, value in ROW.items() if key != "members"},
        {**ROW, "policy": None},
        {**ROW, "policy": ""},
        {**ROW, "id": 7},
        {**OLD, "policies": []},
        {**OLD, "policies": [""]},
        {**OLD, "policies": ["affinity", "anti-affinity"]},
        OLD,
    ],
)
def test_a_group_that_does_not_say_who_is_in_it_and_why_is_an_error(row: object) -> None:
    assert len(read_groups(body(ROW))) == 1
    with pytest.raises(Permanent):
        read_groups(body(ROW, row))
