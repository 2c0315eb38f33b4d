"""The contract of Nova's servers: lists, filters, pages, fields."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest

from tests.lab.nova_target import NEWEST, NovaTarget, Who, ask, booted

Json = dict[str, Any]
ATTRIBUTES = "OS-EXT-SRV-ATTR:"
EVERYWHERE = {
    *("id", "name", "status", "tenant_id", "user_id", "created", "updated", "hostId", "links"),
    *("addresses", "accessIPv4", "accessIPv6", "image", "flavor", "metadata", "config_drive"),
    *("key_name", "progress", "OS-DCF:diskConfig", "OS-EXT-AZ:availability_zone"),
    *("OS-EXT-STS:vm_state", "OS-EXT-STS:task_state", "OS-EXT-STS:power_state"),
    *("OS-SRV-USG:launched_at", "OS-SRV-USG:terminated_at"),
    "os-extended-volumes:volumes_attached",
}
FOR_ADMINS = {ATTRIBUTES + name for name in ("host", "hypervisor_hostname", "instance_name")}
SINCE = [
    ("2.9", {"locked"}),
    ("2.16", {"host_status"}),
    ("2.19", {"description"}),
    ("2.26", {"tags"}),
    ("2.63", {"trusted_image_certificates"}),
    ("2.73", {"locked_reason"}),
    ("2.96", {"pinned_availability_zone"}),
]


async def listed(target: NovaTarget, query: str, version: str = NEWEST) -> list[Json]:
    """List servers of all projects, with all fields."""
    reply = await ask(target, "GET", f"/servers/detail?all_tenants=1&{query}", version)
    assert reply.status == 200
    servers: list[Json] = reply.body["servers"]
    return servers


def before(version: str) -> str:
    return f"2.{int(version.split('.')[1]) - 1}"


class NovaServers:
    async def test_short_list(self, target: NovaTarget) -> None:
        async with booted(target, target.hosts[0]) as (server,):
            reply = await ask(target, "GET", "/servers?all_tenants=1")
            (mine,) = [found for found in reply.body["servers"] if found["id"] == server]
            assert mine.keys() == {"id", "name", "links"}
            assert {"rel": "self", "href": f"{target.url}/servers/{server}"} in mine["links"]

    async def test_server_fields_by_microversion(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        async with booted(target, host) as (server,):
            (oldest,) = await listed(target, f"uuid={server}", "2.1")
            assert oldest.keys() - {"security_groups"} == EVERYWHERE | FOR_ADMINS
            assert oldest["flavor"].keys() == {"id", "links"}
            for version, names in SINCE:
                (old,) = await listed(target, f"uuid={server}", before(version))
                (new,) = await listed(target, f"uuid={server}", version)
                assert new.keys() - old.keys() == names
            (newest,) = await listed(target, f"uuid={server}")
            assert newest["flavor"]["original_name"]
            assert newest[ATTRIBUTES + "host"] == newest[ATTRIBUTES + "hypervisor_hostname"] == host
            assert newest["status"] == "ACTIVE"
            assert newest["OS-EXT-STS:vm_state"] == "active"
            assert newest["OS-EXT-STS:power_state"] == 1
            assert newest["OS-EXT-STS:task_state"] is None
            assert (newest["locked"], newest["tags"]) == (False, [])
            for name in ("created", "updated"):
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", newest[name])

    async def test_show_one_server(self, target: NovaTarget) -> None:
        async with booted(target, target.hosts[0]) as (server,):
            (listed_,) = await listed(target, f"uuid={server}")
            shown = (await ask(target, "GET", f"/servers/{server}")).body["server"]
            assert shown.keys() == listed_.keys() | {"server_groups"}
            old = (await ask(target, "GET", f"/servers/{server}", "2.70")).body["server"]
            assert "server_groups" not in old
            own = await ask(target, "GET", f"/servers/{server}", who=Who.MEMBER)
            assert own.status == 200

    async def test_metadata_is_listed(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        async with booted(target, host, host) as (tagged, other):
            await target.write(tagged, {"HA_Enabled": "False", "a key": "und ein Wört"})
            for version in ("2.1", "2.73", NEWEST):
                found = {one["id"]: one for one in await listed(target, f"host={host}", version)}
                assert found[tagged]["metadata"] == {"HA_Enabled": "False", "a key": "und ein Wört"}
                assert found[other]["metadata"] == {}

    async def test_extra_specs_are_listed(self, target: NovaTarget) -> None:
        host, specs = target.hosts[0], {"evacuable": "true", "quota:cpu_shares": "512"}
        async with booted(target, host, specs=specs) as (server,):
            for version in ("2.47", "2.73", NEWEST):
                (shown,) = await listed(target, f"uuid={server}", version)
                assert shown["flavor"]["extra_specs"] == specs
            (old,) = await listed(target, f"uuid={server}", "2.46")
            assert "extra_specs" not in old["flavor"]

    async def test_a_locked_server_is_listed(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        async with booted(target, host, host) as (locked, other):
            await target.lock(locked)
            found = {one["id"]: one["locked"] for one in await listed(target, f"host={host}")}
            assert (found[locked], found[other]) == (True, False)

    async def test_the_metadata_of_aggregates(self, target: NovaTarget) -> None:
        one, other = target.hosts
        async with target.tagged(one, {"evacuable": "true", "rack": "7"}):
            reply = await ask(target, "GET", "/os-aggregates", "2.41")
            (mine,) = [row for row in reply.body["aggregates"] if "rack" in row["metadata"]]
            assert mine["metadata"] == {"evacuable": "true", "rack": "7"}
            assert (mine["hosts"], mine["availability_zone"]) == ([one], None)
            assert len([row for row in reply.body["aggregates"] if one in row["hosts"]]) == 2
            assert len([row for row in reply.body["aggregates"] if other in row["hosts"]]) == 1

    async def test_unknown_server(self, target: NovaTarget) -> None:
        unknown = "00000000-0000-4000-8000-000000000000"
        for named in (unknown, "nope"):
            reply = await ask(target, "GET", f"/servers/{named}")
            assert reply.status == 404
            assert reply.body["itemNotFound"]["message"] == f"Instance {named} could not be found."

    async def test_host_filter(self, target: NovaTarget) -> None:
        one, other = target.hosts
        async with booted(target, one, other) as (mine, others):
            for query, expected in (
                (f"host={one}", {mine}),
                (f"host={one.upper()}", {mine}),
                (f"host={other}", {others}),
                ("host=nobody", set()),
                (f"host={one[:-1]}", set()),
            ):
                found = {server["id"] for server in await listed(target, query)}
                assert found & {mine, others} == expected, query
            assert {s[ATTRIBUTES + "host"] for s in await listed(target, f"host={one}")} == {one}

    async def test_project_filter(self, target: NovaTarget) -> None:
        async with booted(target, target.hosts[0]) as (server,):
            (mine,) = await listed(target, f"uuid={server}")
            for query, expected in (
                (f"project_id={mine['tenant_id']}", True),
                (f"tenant_id={mine['tenant_id']}", True),
                ("project_id=00000000000000000000000000000000", False),
            ):
                found = [server["id"] for server in await listed(target, query)]
                assert (server in found) == expected, query

    async def test_status_filter(self, target: NovaTarget) -> None:
        async with booted(target, target.hosts[0]) as (server,):
            for status, expected in (("ACTIVE", True), ("active", True), ("ERROR", False)):
                found = [server["id"] for server in await listed(target, f"status={status}")]
                assert (server in found) == expected, status

    async def test_the_host_filter_without_all_tenants(self, target: NovaTarget) -> None:
        async with booted(target, target.hosts[0]):
            reply = await ask(target, "GET", f"/servers?host={target.hosts[0]}")
            assert (reply.status, reply.body) == (200, {"servers": []})

    async def test_a_members_host_filter_is_dropped(self, target: NovaTarget) -> None:
        one, other = target.hosts
        async with booted(target, one, other) as servers:
            reply = await ask(target, "GET", f"/servers?host={one}", who=Who.MEMBER)
            assert reply.status == 200
            assert set(servers) <= {server["id"] for server in reply.body["servers"]}

    async def test_owner_sees_no_host(self, target: NovaTarget) -> None:
        async with booted(target, target.hosts[0]) as (server,):
            reply = await ask(target, "GET", "/servers/detail", "2.89", who=Who.MEMBER)
            (mine,) = [found for found in reply.body["servers"] if found["id"] == server]
            assert [name for name in mine if name.startswith(ATTRIBUTES)] == []
            assert target.hosts[0] not in str(mine.values())

    async def test_pages(self, target: NovaTarget) -> None:
        one, other = target.hosts
        async with booted(target, one, other, one) as servers:
            found: list[str] = []
            path: str | None = "/servers?all_tenants=1&limit=2"
            while path is not None:
                reply = await ask(target, "GET", path)
                page = [server["id"] for server in reply.body["servers"]]
                links = reply.body.get("servers_links", [])
                assert bool(links) == (len(page) == 2)
                found += page
                assert [link["rel"] for link in links] == ["next"] * len(links)
                path = links[0]["href"].removeprefix(target.url) if links else None
                assert path is None or {"all_tenants=1", "limit=2", f"marker={page[-1]}"} == set(
                    path.partition("?")[2].split("&")
                )
            assert len(found) == len(set(found))
            assert set(servers) <= set(found)

    async def test_a_full_last_page_links_to_an_empty_one(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        async with booted(target, host):
            count = len(await listed(target, f"host={host}"))
            query = f"/servers?all_tenants=1&host={host}&limit={count}"
            full = await ask(target, "GET", query)
            href = full.body["servers_links"][0]["href"]
            last = await ask(target, "GET", href.removeprefix(target.url))
            assert last.body == {"servers": []}

    async def test_an_unknown_marker_is_refused(self, target: NovaTarget) -> None:
        marker = "00000000-0000-4000-8000-000000000000"
        reply = await ask(target, "GET", f"/servers?all_tenants=1&marker={marker}")
        assert (reply.status, reply.message) == (400, f"marker [{marker}] not found")

    async def test_a_deleted_marker_is_accepted(self, target: NovaTarget) -> None:
        one, other = target.hosts
        async with booted(target, one) as (older,):
            await asyncio.sleep(1.1)  # the order is by whole seconds, and then by id
            async with booted(target, other) as (newer,):
                pass
            reply = await ask(target, "GET", f"/servers?all_tenants=1&marker={newer}")
            assert reply.status == 200
            assert older in [server["id"] for server in reply.body["servers"]]

    async def test_changes_since_includes_deleted(self, target: NovaTarget) -> None:
        async with booted(target, target.hosts[0]) as (server,):
            await asyncio.sleep(1.1)
            since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            assert await listed(target, f"uuid={server}&changes-since={since}") == []
        (gone,) = await listed(target, f"uuid={server}&changes-since={since}")
        assert gone["status"] == "DELETED"
        assert gone["OS-EXT-STS:vm_state"] == "deleted"
        assert gone[ATTRIBUTES + "host"] == target.hosts[0]
        assert (gone["host_status"], "progress" in gone) == ("", False)
        assert gone["OS-SRV-USG:terminated_at"]
        assert await listed(target, f"uuid={server}&changes-since={since}&deleted=false") == []
        assert await listed(target, f"uuid={server}") == []
        assert (await ask(target, "GET", f"/servers/{server}")).status == 404

    @pytest.mark.parametrize(
        ("query", "version", "message"),
        [
            ("limit=x", NEWEST, "Value: x. 'x' does not match '^[0-9]*$'"),
            ("limit=-1", NEWEST, "Value: -1. '-1' does not match"),
            ("bogus=1", "2.75", "'bogus' does not match any of the regexes: '^_'"),
            ("all_tenants=maybe", NEWEST, "Unrecognized value 'maybe', acceptable values are"),
            ("status=bogus", "2.38", "Invalid status value"),
            ("changes-since=garbage", NEWEST, "'garbage' is not a 'date-time'"),
        ],
    )
    async def test_wrong_server_queries(
        self, target: NovaTarget, query: str, version: str, message: str
    ) -> None:
        for path in ("/servers", "/servers/detail"):
            reply = await ask(target, "GET", f"{path}?{query}", version)
            assert reply.status == 400
            assert message in reply.message

    async def test_older_versions_overlook_wrong_queries(self, target: NovaTarget) -> None:
        for query, version in (("bogus=1", "2.74"), ("status=bogus", "2.37"), ("limit=0", NEWEST)):
            reply = await ask(target, "GET", f"/servers?{query}", version)
            assert (reply.status, reply.body) == (200, {"servers": []})
