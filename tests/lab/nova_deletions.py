"""The contract of a service that is deleted: what Nova refuses, and what is left of the host."""

from __future__ import annotations

import pytest

from tests.lab.nova_evacuations import until
from tests.lab.nova_migrations import NOWHERE
from tests.lab.nova_target import (
    NovaTarget,
    Who,
    ask,
    booted,
    computes,
    ended,
    evacuate,
    fallen,
    only_destination,
    put,
    row,
)

HOSTING = (
    "Unable to delete compute service that is hosting instances. Migrate or delete the instances "
    "first."
)
MOVING = (
    "Unable to delete compute service that has in-progress migrations. Complete the migrations or "
    "delete the instances first."
)
SERVICES = "/os-services"


class NovaDeletions:
    @pytest.mark.parametrize(
        ("version", "id_", "status"),
        [
            ("2.53", "compute-1", 400),
            ("2.53", "1", 400),
            ("2.53", NOWHERE, 404),
            ("2.52", "compute-1", 400),
            ("2.52", "987654321", 404),
        ],
    )
    async def test_a_wrong_id_deletes_nothing(
        self, target: NovaTarget, version: str, id_: str, status: int
    ) -> None:
        before = await computes(target)
        reply = await ask(target, "DELETE", f"{SERVICES}/{id_}", version)
        assert reply.status == status
        assert await computes(target) == before

    async def test_a_member_may_delete_nothing(self, target: NovaTarget) -> None:
        id_ = (await row(target, target.hosts[0]))["id"]
        for named in (id_, NOWHERE):
            reply = await ask(target, "DELETE", f"{SERVICES}/{named}", "2.53", who=Who.MEMBER)
            assert reply.status == 403
            assert "os_compute_api:os-services:delete" in reply.message

    async def test_a_host_with_servers_is_not_deleted(self, target: NovaTarget) -> None:
        """Alive or not, forced down or not."""
        host = target.hosts[0]
        async with booted(target, host):
            for version in ("2.53", "2.52"):
                id_ = (await row(target, host, version))["id"]
                reply = await ask(target, "DELETE", f"{SERVICES}/{id_}", version)
                assert (reply.status, reply.message) == (409, HOSTING)
            async with fallen(target, host):
                id_ = (await row(target, host))["id"]
                reply = await ask(target, "DELETE", f"{SERVICES}/{id_}", "2.53")
                assert (reply.status, reply.message) == (409, HOSTING)
            assert host in await computes(target)

    async def test_a_host_with_migrations_under_way_is_not_deleted(
        self, target: NovaTarget
    ) -> None:
        source, to = target.hosts
        async with (
            booted(target, source) as (server,),
            fallen(target, source),
            only_destination(target, source, to),
            target.slow_spawns(to),
        ):
            assert (await evacuate(target, server)).status == 200
            await until(target, server, "pre-migrating")
            id_ = (await row(target, to))["id"]
            reply = await ask(target, "DELETE", f"{SERVICES}/{id_}", "2.53")
            assert (reply.status, reply.message) == (409, MOVING)
            await ended(target, server)

    async def test_migrations_at_either_end(self, target: NovaTarget) -> None:
        source, to = target.hosts
        async with booted(target, source) as (server,), fallen(target, source):
            async with only_destination(target, source, to):
                assert (await evacuate(target, server)).status == 200
                await ended(target, server)
            for version in ("2.59", "2.58", "2.23"):
                for query, there in (
                    (f"host={source}", True),
                    (f"host={to}", True),
                    (f"host={to}&source_compute={source}", True),
                    (f"host={source}&source_compute={to}", True),
                    ("host=nobody.example", False),
                ):
                    reply = await ask(target, "GET", f"/os-migrations?{query}", version)
                    found = {one["instance_uuid"] for one in reply.body["migrations"]}
                    assert (server in found) == there, (version, query)

    async def test_a_deleted_service_is_gone_until_it_starts_anew(self, target: NovaTarget) -> None:
        """With it go its flag and its reason; what comes back is another service."""
        host = target.hosts[0]
        for version in ("2.53", "2.52"):
            before = await row(target, host, version)
            await target.kill_compute(host)
            body = {"forced_down": True, "status": "disabled", "disabled_reason": "why"}
            assert (await put(target, host, body)).status == 200
            try:
                path = f"{SERVICES}/{before['id']}"
                reply = await ask(target, "DELETE", path, version)
                assert (reply.status, reply.text) == (204, "")
                assert host not in await computes(target)
                reply = await ask(target, "DELETE", path, version)
                message = f"Service {before['id']} not found."
                assert (reply.status, reply.message) == (404, message)
            finally:
                await target.register(host)
            after = await row(target, host, version)
            assert after["id"] != before["id"]
            assert (after["state"], after["status"]) == ("up", "enabled")
            assert not after["forced_down"]
