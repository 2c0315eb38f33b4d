"""Nova's server groups: the list of them, and what they let the scheduler choose.

Contract: tests/lab/nova_groups.py, whose tests are named at each behaviour. That Nova looks once
more at the destination, where the second of two that are on their way at once fails, is not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from doctor_daemon.lab.call import Call, Json
from doctor_daemon.lab.microversion import Version
from doctor_daemon.lab.rows import Host, Server, ServerGroup
from doctor_daemon.lab.schema import Refusal
from doctor_daemon.lab.world import World

MAX_LIMIT = 1000
_ALL = "os_compute_api:os-server-groups:index"


@dataclass(frozen=True, slots=True)
class Groups:
    """The server groups, as the API lists them."""

    world: World

    async def index(self, call: Call) -> Json:
        """List those of the caller's project, or of all; a member is not let see all, silently.

        Contract: NovaContract.test_server_groups, test_pages_of_server_groups and
        test_a_member_sees_the_groups_of_its_project_alone.
        """
        if call.token.project is None:
            raise Refusal(403, f"Policy doesn't allow {_ALL} to be performed.")
        everyone = call.token.admin and "all_projects" in call.request.query
        own = call.token.project.id
        found = [one for one in self.world.groups if everyone or one.project_id == own]
        offset, limit = _number(call, "offset", 0), _number(call, "limit", MAX_LIMIT)
        page = found[offset : offset + min(limit or MAX_LIMIT, MAX_LIMIT)]
        return {"server_groups": [self._shown(group, call.version) for group in page]}

    def _shown(self, group: ServerGroup, version: Version) -> Json:
        """Show one by its policy's name, or, before 2.64, by a list of it.

        Contract: NovaContract.test_server_groups.
        """
        alive = [one for one in group.members if self.world.servers[one].deleted_at_s is None]
        shown: Json = {"id": group.id, "name": group.name, "members": alive}
        if version >= (2, 13):
            shown |= {"project_id": group.project_id, "user_id": group.user_id}
        if version >= (2, 64):
            return shown | {"policy": group.policy, "rules": dict(group.rules)}
        return shown | {"policies": [group.policy], "metadata": {}}


def fit(world: World, server: Server, hosts: Iterator[Host]) -> Iterator[Host]:
    """Leave those out that a group of the server forbids: strict ones only.

    The host that it was on counts for the group until the server is elsewhere. Contract:
    NovaContract.test_an_affinity_group_whose_host_died_finds_no_other and
    test_members_that_are_kept_apart_go_to_different_hosts.
    """
    group = next((one for one in world.groups if server.id in one.members), None)
    if group is None:
        yield from hosts
        return
    others = _hosts_of(world, group, without=server.id)
    for host in hosts:
        if group.policy == "affinity" and host.name not in (others or {server.host: 1}):
            continue
        if group.policy == "anti-affinity" and others.get(host.name, 0) >= group.most:
            continue
        yield host


def _hosts_of(world: World, group: ServerGroup, without: str) -> Mapping[str, int]:
    """Count the group's servers by host."""
    counts: dict[str, int] = {}
    for id_ in group.members:
        server = world.servers[id_]
        if id_ != without and server.deleted_at_s is None:
            counts[server.host] = counts.get(server.host, 0) + 1
    return counts


def _number(call: Call, name: str, otherwise: int) -> int:
    word = call.request.query.get(name, "")
    return int(word) if word.isdecimal() else otherwise
