"""The contract of server groups: the list of them, and what they let an evacuation come to."""

from __future__ import annotations

from tests.lab.nova_evacuations import shown
from tests.lab.nova_target import (
    NovaTarget,
    Who,
    ask,
    ended,
    evacuate,
    fallen,
    only_destination,
)

PATH = "/os-server-groups"
ALL = f"{PATH}?all_projects=true"
NO_HOST = "No valid host was found"


class NovaGroups:
    """Groups whose members are kept together, or apart."""

    async def test_server_groups(self, target: NovaTarget) -> None:
        async with target.grouped("anti-affinity", *target.hosts) as (group, servers):
            for version in ("2.64", "2.63", "2.13", "2.12"):
                reply = await ask(target, "GET", ALL, version)
                (row,) = [one for one in reply.body["server_groups"] if one["id"] == group]
                assert sorted(row.pop("members")) == sorted(servers), version
                assert row.pop("id") == group
                assert isinstance(row.pop("name"), str)
                if version != "2.12":
                    assert all(isinstance(row.pop(key), str) for key in ("project_id", "user_id"))
                newer = {"policy": "anti-affinity", "rules": {}}
                older = {"policies": ["anti-affinity"], "metadata": {}}
                assert row == (newer if version == "2.64" else older), version

    async def test_pages_of_server_groups(self, target: NovaTarget) -> None:
        """There is no link, and beyond the end there is an empty page."""
        async with target.grouped("affinity", target.hosts[0]) as (group, _):
            whole = (await ask(target, "GET", ALL, "2.64")).body["server_groups"]
            assert whole[-1]["id"] == group
            for offset, expected in (
                (0, whole[:1]),
                (len(whole) - 1, whole[-1:]),
                (len(whole), []),
            ):
                reply = await ask(target, "GET", f"{ALL}&limit=1&offset={offset}", "2.64")
                assert reply.body == {"server_groups": expected}

    async def test_a_member_sees_the_groups_of_its_project_alone(self, target: NovaTarget) -> None:
        """Who is no admin asks for all projects in vain, and is not told so."""
        async with target.grouped("affinity", target.hosts[0]) as (group, _):
            for path, who, seen in (
                (ALL, Who.MEMBER, True),
                (PATH, Who.MEMBER, True),
                (PATH, Who.ADMIN, False),
            ):
                reply = await ask(target, "GET", path, "2.64", who=who)
                found = [one["id"] for one in reply.body["server_groups"]]
                assert (group in found) is seen, (path, who)


class NovaGroupMoves:
    """Where the members of a group may be evacuated to."""

    async def test_an_affinity_group_whose_host_died_finds_no_other(
        self, target: NovaTarget
    ) -> None:
        one, _ = target.hosts
        async with target.grouped("affinity", one, one) as (_, servers), fallen(target, one):
            assert (await evacuate(target, servers[0])).status == 200
            row = (await ended(target, servers[0]))[servers[0]]
            assert (row["status"], row["dest_compute"]) == ("error", None)
            failed = await shown(target, servers[0], "error", None)
            assert (failed["status"], failed["OS-EXT-SRV-ATTR:host"]) == ("ERROR", one)
            assert failed["fault"]["message"].startswith(NO_HOST)

    async def test_members_that_are_kept_apart_go_to_different_hosts(
        self, target: NovaTarget
    ) -> None:
        """The only host that is left has one of the group already."""
        one, other = target.hosts
        grouped = target.grouped("anti-affinity", one, other)
        async with grouped as (_, servers), fallen(target, one):
            async with only_destination(target, one, other):
                assert (await evacuate(target, servers[0])).status == 200
                row = (await ended(target, servers[0]))[servers[0]]
                assert row["status"] == "error"
                failed = await shown(target, servers[0], "error", None)
                assert failed["fault"]["message"].startswith(NO_HOST)
            assert (await evacuate(target, servers[0])).status == 200
            row = (await ended(target, servers[0]))[servers[0]]
            assert row["status"] == "done"
            assert row["dest_compute"] not in (one, other)


def rules(policy: str, hosts: tuple[str, ...]) -> dict[str, int]:
    """Say how many of a group may be on a host, where it is to be more than one."""
    most = max(hosts.count(host) for host in hosts)
    return {"max_server_per_host": most} if policy == "anti-affinity" and most > 1 else {}
