"""What a Neutron does, as far as the daemon meets it: ports, and what is said of their data plane.

Written from Neutron's API reference and its source. The lab passes this; no real Neutron has been
held against it yet. To do so, write a test module with a subclass of `NeutronContract` and a
fixture `target` that returns a NeutronTarget.
"""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from tests.lab.caller import Caller, Reply
from tests.lab.nova_target import Who

Json = dict[str, Any]
NOBODY = "00000000-0000-0000-0000-000000000000"
STATUS = "data_plane_status"
HOST = "binding:host_id"


class NeutronTarget(Protocol):
    """A Neutron with the extension data-plane-status and some ports on two hosts."""

    @property
    def root(self) -> str:
        """The endpoint up to its `/v2.0`."""

    @property
    def caller(self) -> Caller: ...

    @property
    def hosts(self) -> tuple[str, str]:
        """Two hosts with at least two ports each; the first has ports of two projects."""

    async def token(self, who: Who) -> str: ...


async def ask(
    target: NeutronTarget, path: str, *, who: Who = Who.ADMIN, body: object = None
) -> Reply:
    """Make one request: a PUT of the body, or a GET."""
    headers = {"X-Auth-Token": await target.token(who)}
    method = "GET" if body is None else "PUT"
    return await target.caller.ask(method, f"{target.root}/{path}", headers=headers, body=body)


async def listed(target: NeutronTarget, query: str = "", who: Who = Who.ADMIN) -> list[Json]:
    reply = await ask(target, f"ports{query}", who=who)
    assert reply.status == 200, reply.text
    rows: list[Json] = reply.body["ports"]
    return rows


async def say(target: NeutronTarget, port: str, status: object, who: Who = Who.ADMIN) -> Reply:
    return await ask(target, f"ports/{port}", who=who, body={"port": {STATUS: status}})


def error(reply: Reply) -> str:
    found: str = reply.body["NeutronError"]["type"]
    return found


class NeutronContract:
    """All of it."""

    async def test_the_extension(self, target: NeutronTarget) -> None:
        reply = await ask(target, "extensions/data-plane-status")
        assert (reply.status, reply.body["extension"]["alias"]) == (200, "data-plane-status")
        assert (await ask(target, "extensions/no-such-thing")).status == 404

    async def test_who_may_ask(self, target: NeutronTarget) -> None:
        reply = await target.caller.ask("GET", f"{target.root}/ports")
        assert reply.status == 401

    async def test_ports_of_a_host(self, target: NeutronTarget) -> None:
        one, two = target.hosts
        rows = await listed(target, f"?{HOST}={one}")
        assert len(rows) >= 2
        assert {row[HOST] for row in rows} == {one}
        assert {row[STATUS] for row in rows} == {None}
        assert not {row["id"] for row in rows} & {
            row["id"] for row in await listed(target, f"?{HOST}={two}")
        }
        assert await listed(target, f"?{HOST}=nowhere") == []

    async def test_ports_by_their_ids(self, target: NeutronTarget) -> None:
        some = [row["id"] for row in await listed(target)][:2]
        query = "&".join(f"id={id_}" for id_ in [*some, NOBODY])
        assert {row["id"] for row in await listed(target, f"?{query}")} == set(some)

    async def test_fields(self, target: NeutronTarget) -> None:
        for row in await listed(target, f"?fields=id&fields={STATUS}"):
            assert row.keys() == {"id", STATUS}

    async def test_pages_of_ports(self, target: NeutronTarget) -> None:
        query = f"?{HOST}={target.hosts[0]}&sort_key=id&sort_dir=asc"
        whole = [row["id"] for row in await listed(target, query)]
        assert whole == sorted(whole)
        reply = await ask(target, f"ports{query}&limit=1")
        assert [row["id"] for row in reply.body["ports"]] == whole[:1]
        assert "next" in {link["rel"] for link in reply.body["ports_links"]}
        reply = await ask(target, f"ports{query}&limit=1000&marker={whole[0]}")
        assert [row["id"] for row in reply.body["ports"]] == whole[1:]
        assert "next" not in {link["rel"] for link in reply.body["ports_links"]}
        assert (await ask(target, f"ports{query}&limit=1&marker={NOBODY}")).status == 404

    async def test_a_member_sees_neither_hosts_nor_ports_of_others(
        self, target: NeutronTarget
    ) -> None:
        rows = await listed(target, f"?{HOST}={target.hosts[0]}", Who.MEMBER)
        everything = await listed(target)
        assert 0 < len(rows) < len(everything)
        assert all(HOST not in row for row in rows)
        assert all(STATUS in row for row in rows)

    async def test_what_is_said_stays_until_it_is_taken_back(self, target: NeutronTarget) -> None:
        (first, *_) = await listed(target, f"?{HOST}={target.hosts[0]}")
        for status in ("DOWN", "DOWN", "ACTIVE", None, None):
            reply = await say(target, first["id"], status)
            assert reply.status == 200
            assert (reply.body["port"]["id"], reply.body["port"][STATUS]) == (first["id"], status)
            (row,) = await listed(target, f"?id={first['id']}")
            assert row[STATUS] == status
            assert row["status"] == first["status"]

    @pytest.mark.parametrize("status", ["down", "", 1, "BROKEN"])
    async def test_what_cannot_be_said(self, target: NeutronTarget, status: object) -> None:
        (first, *_) = await listed(target)
        assert (await say(target, first["id"], status)).status == 400

    async def test_a_port_that_is_not_there(self, target: NeutronTarget) -> None:
        reply = await say(target, NOBODY, "DOWN")
        assert (reply.status, error(reply)) == (404, "PortNotFound")

    async def test_a_member_may_say_nothing(self, target: NeutronTarget) -> None:
        (first, *_) = await listed(target, "", Who.MEMBER)
        reply = await say(target, first["id"], "DOWN", Who.MEMBER)
        assert (reply.status, error(reply)) == (403, "PolicyNotAuthorized")
