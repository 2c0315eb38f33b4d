"""The contract of what Nova did before 2.53 and 2.59, and does still for who asks so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.nova_migrations import NOWHERE, ROW
from tests.lab.nova_target import (
    NovaTarget,
    Who,
    ask,
    booted,
    ended,
    evacuate,
    fallen,
    restored,
    row,
)

Json = dict[str, Any]
PROMPT_S = 0.5
"""What no answer of a Nova that waits for nobody takes, in share of the RPC time-out."""
UNTYPED = ROW - {"uuid", "migration_type"}
BODIES: list[tuple[str, Json, int, str]] = [
    ("2.13", {}, 400, "'onSharedStorage' is a required property"),
    ("2.13", {"force": False, "onSharedStorage": True}, 400, "('force' was unexpected)"),
    ("2.14", {}, 404, "could not be found"),
    ("2.14", {"onSharedStorage": False}, 400, "('onSharedStorage' was unexpected)"),
    ("2.28", {"force": False}, 400, "('force' was unexpected)"),
    ("2.29", {}, 404, "could not be found"),
    ("2.29", {"force": False}, 404, "could not be found"),
    ("2.67", {"force": "maybe"}, 400, "'maybe' is not one of"),
    ("2.68", {"force": False}, 400, "('force' was unexpected)"),
    ("2.94", {}, 404, "could not be found"),
]


async def put_by_name(target: NovaTarget, word: str, version: str, **more: object) -> float:
    """Change a host's service by its name; the seconds that it took."""
    body = {"host": target.hosts[0], "binary": "nova-compute", **more}
    reply = await ask(target, "PUT", f"/os-services/{word}", version, body=body)
    assert reply.status == 200, reply.text
    return reply.seconds


class NovaDialects:
    async def test_a_number_is_as_stable_as_a_uuid(self, target: NovaTarget) -> None:
        first, second = [await row(target, host, "2.52") for host in target.hosts]
        assert first["id"] != second["id"]
        async with restored(target, target.hosts[0]):
            await put_by_name(target, "force-down", "2.11", forced_down=True)
            await put_by_name(target, "disable-log-reason", "2.1", disabled_reason="why")
            assert (await row(target, target.hosts[0], "2.11"))["id"] == first["id"]

    async def test_by_name_forced_down_first_does_not_block(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        async with restored(target, host):
            await target.kill_compute(host)
            flag_s = await put_by_name(target, "force-down", "2.11", forced_down=True)
            why_s = await put_by_name(target, "disable-log-reason", "2.1", disabled_reason="why")
            assert max(flag_s, why_s) < target.rpc_timeout_s * PROMPT_S
            found = await row(target, host, "2.52")
            assert (found["forced_down"], found["state"]) == (True, "down")
            assert (found["status"], found["disabled_reason"]) == ("disabled", "why")

    async def test_by_name_disabled_first_blocks(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        async with restored(target, host):
            await target.kill_compute(host)
            took_s = await put_by_name(target, "disable-log-reason", "2.1", disabled_reason="why")
            assert took_s >= target.rpc_timeout_s * 0.95

    async def test_by_name_a_member_may_change_nothing(self, target: NovaTarget) -> None:
        for named in (target.hosts[0], "nobody.example"):
            body = {"host": named, "binary": "nova-compute", "forced_down": True}
            path = "/os-services/force-down"
            reply = await ask(target, "PUT", path, "2.11", who=Who.MEMBER, body=body)
            assert reply.status == 403
            assert "os_compute_api:os-services:update" in reply.message

    async def test_migrations_before_2_59(self, target: NovaTarget) -> None:
        source = target.hosts[0]
        overlooked = f"limit=1&marker={NOWHERE}&changes-since=2999-01-01T00:00:00Z&bogus=1"
        async with booted(target, source, source) as servers, fallen(target, source):
            async with target.nothing_scheduled():
                for server, version in zip(servers, ("2.29", "2.52"), strict=True):
                    reply = await evacuate(target, server, version)
                    assert (reply.status, reply.text) == (200, "")
                for version, keys in (
                    ("2.1", UNTYPED),
                    ("2.22", UNTYPED),
                    ("2.23", ROW - {"uuid"}),
                    ("2.58", ROW - {"uuid"}),
                ):
                    for query in (overlooked, f"source_compute={source}"):
                        path = f"/os-migrations?migration_type=evacuation&{query}"
                        reply = await ask(target, "GET", path, version)
                        assert reply.body.keys() == {"migrations"}
                        found = {one["instance_uuid"]: one for one in reply.body["migrations"]}
                        assert found.keys() >= set(servers)
                        assert {tuple(sorted(one)) for one in found.values()} == {
                            tuple(sorted(keys))
                        }
                        assert {found[server]["status"] for server in servers} == {"accepted"}
                path = "/os-migrations?migration_type=resize"
                reply = await ask(target, "GET", path, "2.1")
                assert not {one["instance_uuid"] for one in reply.body["migrations"]} & {*servers}
            done = await ended(target, *servers)
            assert {one["status"] for one in done.values()} == {"done"}

    @pytest.mark.parametrize(("version", "body", "status", "message"), BODIES, ids=str)
    async def test_evacuate_bodies_by_microversion(
        self, target: NovaTarget, version: str, body: Json, status: int, message: str
    ) -> None:
        path = f"/servers/{NOWHERE}/action"
        reply = await ask(target, "POST", path, version, body={"evacuate": body})
        assert reply.status == status
        assert message in reply.message

    async def test_nobody_is_forced_to_no_host(self, target: NovaTarget) -> None:
        source = target.hosts[0]
        async with booted(target, source) as (server,), fallen(target, source):
            body = {"evacuate": {"force": True}}
            reply = await ask(target, "POST", f"/servers/{server}/action", "2.52", body=body)
            assert (reply.status, reply.message) == (
                400,
                "Can't force to a non-provided destination",
            )
