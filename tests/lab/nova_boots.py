"""The contract of servers that are made and deleted: on a host that is named, and what comes of it.

An operator names the host in one of two ways: by `host`, from 2.74 on, or behind a colon in the
availability zone, in every microversion. Neither goes past what Nova thinks of the host.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.lab.caller import Reply
from tests.lab.nova_target import NEWEST, PATIENCE_S, NovaTarget, Who, ask, fallen, put, restored

Json = dict[str, Any]
HOST = "OS-EXT-SRV-ATTR:host"
NO_HOST = "No valid host was found."
NOWHERE = "00000000-0000-4000-8000-000000000000"


def wanted(target: NovaTarget, **more: object) -> Json:
    """Return what to ask for; None takes a field away."""
    server: Json = {
        "name": "a-canary",
        "imageRef": target.image,
        "flavorRef": target.flavor,
        "networks": "none",
        **more,
    }
    return {"server": {name: value for name, value in server.items() if value is not None}}


async def boot(target: NovaTarget, version: str = NEWEST, **more: object) -> Reply:
    return await ask(target, "POST", "/servers", version, body=wanted(target, **more))


async def settled(target: NovaTarget, server: str) -> Json:
    """Wait until a server is no longer being built; how it is shown."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        reply = await ask(target, "GET", f"/servers/{server}")
        shown: Json = reply.body["server"]
        if shown["status"] != "BUILD":
            return shown
        assert time.monotonic() < until_s, shown
        await asyncio.sleep(0.05)


async def gone(target: NovaTarget, server: str) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while (await ask(target, "GET", f"/servers/{server}")).status != 404:
        assert time.monotonic() < until_s
        await asyncio.sleep(0.05)


@asynccontextmanager
async def made(
    target: NovaTarget, version: str = NEWEST, **more: object
) -> AsyncIterator[tuple[str, Reply]]:
    """Ask for a server, and delete it afterwards; its id, and what was answered."""
    reply = await boot(target, version, **more)
    assert reply.status == 202, reply.text
    server: str = reply.body["server"]["id"]
    try:
        yield server, reply
    finally:
        await ask(target, "DELETE", f"/servers/{server}")
        await gone(target, server)


class NovaBoots:
    @pytest.mark.parametrize("version", ["2.74", NEWEST])
    async def test_a_server_is_booted_on_the_host_that_is_named(
        self, target: NovaTarget, version: str
    ) -> None:
        for host in target.hosts:
            metadata = {"doctor-daemon:drill": host}
            async with made(target, version, host=host, metadata=metadata) as (server, reply):
                assert reply.body["server"].keys() == {
                    *("id", "links", "OS-DCF:diskConfig", "security_groups", "adminPass")
                }
                assert reply.headers["Location"] == f"{target.url}/servers/{server}"
                shown = await settled(target, server)
                assert (shown["status"], shown[HOST]) == ("ACTIVE", host)
                assert (shown["name"], shown["metadata"]) == ("a-canary", metadata)
                assert await target.runs_on(server) == {host}
            assert await target.runs_on(server) == set()

    @pytest.mark.parametrize("version", ["2.37", "2.52", "2.73"])
    async def test_before_2_74_the_host_stands_behind_the_zone(
        self, target: NovaTarget, version: str
    ) -> None:
        """Without a zone before the colon the server is of none, and may go anywhere later."""
        host = target.hosts[1]
        async with made(target, version, availability_zone=f":{host}") as (server, _):
            shown = await settled(target, server)
            assert (shown["status"], shown[HOST]) == ("ACTIVE", host)
            newest = (await ask(target, "GET", f"/servers/{server}", "2.96")).body["server"]
            assert newest["pinned_availability_zone"] is None

    @pytest.mark.parametrize(
        ("version", "change", "words"),
        [
            ("2.73", {"host": "compute-1"}, "Additional properties are not allowed"),
            (NEWEST, {"networks": None}, "'networks' is a required property"),
            (NEWEST, {"networks": "some"}, "some"),
            (NEWEST, {"flavorRef": "nothing"}, "Flavor nothing could not be found."),
            (NEWEST, {"imageRef": NOWHERE}, "Can not find requested image"),
            (NEWEST, {"host": "nobody"}, "Compute host nobody could not be found."),
            (NEWEST, {"name": ""}, "name"),
            (NEWEST, {"bogus": 1}, "Additional properties are not allowed"),
        ],
    )
    async def test_boots_that_are_refused(
        self, target: NovaTarget, version: str, change: Json, words: str
    ) -> None:
        reply = await boot(target, version, **change)
        assert reply.status == 400, reply.text
        assert words in reply.message
        listed = await ask(target, "GET", "/servers?all_tenants=1")
        assert "a-canary" not in [row["name"] for row in listed.body["servers"]]

    @pytest.mark.parametrize(
        ("version", "field"), [("2.73", "availability_zone"), (NEWEST, "host")]
    )
    async def test_a_host_that_is_disabled_takes_no_server(
        self, target: NovaTarget, version: str, field: str
    ) -> None:
        """The request is taken on all the same; the server is in error, and on no host."""
        host = target.hosts[0]
        async with restored(target, host):
            assert (await put(target, host, {"status": "disabled"})).status == 200
            named = host if field == "host" else f":{host}"
            async with made(target, version, **{field: named}) as (server, _):
                shown = await settled(target, server)
                assert (shown["status"], shown[HOST]) == ("ERROR", None)
                assert NO_HOST in shown["fault"]["message"]

    async def test_a_guest_that_cannot_start_leaves_a_server_in_error(
        self, target: NovaTarget
    ) -> None:
        host = target.hosts[0]
        async with target.failing_spawns(host), made(target, host=host) as (server, _):
            shown = await settled(target, server)
            assert shown["status"] == "ERROR"
            assert shown["fault"]["message"]
            assert await target.runs_on(server) == set()

    async def test_a_server_is_deleted_and_then_it_is_not_there(self, target: NovaTarget) -> None:
        server = await target.boot(target.hosts[0])
        reply = await ask(target, "DELETE", f"/servers/{server}", "2.1", who=Who.MEMBER)
        assert (reply.status, reply.text) == (204, "")
        await gone(target, server)
        assert await target.runs_on(server) == set()
        for version in ("2.1", NEWEST):
            reply = await ask(target, "DELETE", f"/servers/{server}", version)
            message = f"Instance {server} could not be found."
            assert (reply.status, reply.message) == (404, message)

    async def test_a_server_of_a_dead_host_is_deleted_at_once(self, target: NovaTarget) -> None:
        """Its guest is not stopped: nova-compute does that when it is back."""
        host = target.hosts[0]
        async with made(target, host=host) as (server, _):
            await settled(target, server)
            async with fallen(target, host):
                assert (await ask(target, "DELETE", f"/servers/{server}")).status == 204
                await gone(target, server)

    async def test_a_member_may_not_delete_what_is_anothers(self, target: NovaTarget) -> None:
        async with made(target, host=target.hosts[0]) as (server, _):
            await settled(target, server)
            reply = await ask(target, "DELETE", f"/servers/{server}", who=Who.MEMBER)
            assert reply.status == 404
            assert (await ask(target, "GET", f"/servers/{server}")).status == 200
