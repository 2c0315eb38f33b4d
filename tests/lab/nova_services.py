"""The contract of Nova's os-services: rows, filters, PUTs, heartbeats."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from typing import Any

import pytest

from tests.lab.nova_target import NovaTarget, Who, ask, put, restored, row

Json = dict[str, Any]
BASIC = {"binary", "host", "id", "zone", "status", "state", "updated_at", "disabled_reason"}
PROMPT_S = 0.5
"""What no answer of a Nova that waits for nobody takes, in share of the RPC time-out."""

COMBINATIONS: list[tuple[Json, Json]] = [
    ({"disabled_reason": "ignored", "forced_down": True}, {"forced_down": True}),
    ({"status": "disabled"}, {"status": "disabled", "disabled_reason": None}),
    (
        {"status": "disabled", "disabled_reason": "why"},
        {"status": "disabled", "disabled_reason": "why"},
    ),
    ({"status": "enabled"}, {"status": "enabled", "disabled_reason": None}),
    (
        {"status": "enabled", "forced_down": False},
        {"status": "enabled", "forced_down": False, "disabled_reason": None},
    ),
    ({"forced_down": "on"}, {"forced_down": True}),
    ({"forced_down": "No"}, {"forced_down": False}),
]
REFUSED: list[tuple[Json | list[int], str]] = [
    ({}, "No updates were requested"),
    ({"disabled_reason": "alone"}, "No updates were requested"),
    ({"status": "enabled", "disabled_reason": "x"}, "with status 'enabled' is invalid"),
    ({"status": "maybe"}, "'maybe' is not one of ['enabled', 'disabled']"),
    ({"status": "disabled", "disabled_reason": None}, "None is not of type 'string'"),
    ({"status": "disabled", "disabled_reason": ""}, "'' should be non-empty"),
    ({"status": "disabled", "disabled_reason": "x" * 256}, "is too long"),
    ({"bogus": 1}, "('bogus' was unexpected)"),
    ({"host": "a", "binary": "b"}, "('binary', 'host' were unexpected)"),
    ({"forced_down": None}, "None is not of type 'boolean', 'string'"),
    ({"forced_down": 1}, "1 is not of type 'boolean', 'string'"),
    ({"forced_down": "yes please"}, "'yes please' is not one of [True, 'True'"),
    ([1], "[1] is not of type 'object'"),
]


class NovaServices:
    async def test_service_rows_by_microversion(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        oldest, old, new = [await row(target, host, v) for v in ("2.10", "2.52", "2.53")]
        assert oldest.keys() == BASIC
        assert old.keys() == new.keys() == BASIC | {"forced_down"}
        assert type(oldest["id"]) is type(old["id"]) is int
        assert str(uuid.UUID(new["id"])) == new["id"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000", new["updated_at"])
        assert (new["status"], new["state"], new["forced_down"]) == ("enabled", "up", False)
        assert new["disabled_reason"] is None

    async def test_other_services_are_listed_too(self, target: NovaTarget) -> None:
        rows = (await ask(target, "GET", "/os-services")).body["services"]
        assert {"nova-compute", "nova-scheduler", "nova-conductor"} <= {r["binary"] for r in rows}
        assert {r["zone"] for r in rows if r["binary"] == "nova-scheduler"} == {"internal"}

    async def test_service_filters_are_exact(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        for query, count in (
            (f"host={host}", 1),
            (f"host={host}&binary=nova-compute", 1),
            (f"host={host}&binary=nova-scheduler", 0),
            (f"host={host.upper()}", 0),
            (f"host={host[:-1]}", 0),
            ("host=nobody", 0),
        ):
            reply = await ask(target, "GET", f"/os-services?{query}")
            assert (reply.status, len(reply.body["services"])) == (200, count), query

    async def test_unknown_service_filters(self, target: NovaTarget) -> None:
        assert (await ask(target, "GET", "/os-services?bogus=1", "2.74")).status == 200
        refused = await ask(target, "GET", "/os-services?bogus=1", "2.75")
        assert refused.status == 400
        assert refused.message == "Additional properties are not allowed ('bogus' was unexpected)"

    async def test_one_put_forces_down_and_disables(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        wanted = {"status": "disabled", "disabled_reason": "fenced", "forced_down": True}
        async with restored(target, host):
            reply = await put(target, host, wanted)
            assert reply.status == 200
            assert wanted.items() <= reply.body["service"].items()
            found = await row(target, host)
            assert wanted.items() <= found.items()
            assert found["state"] == reply.body["service"]["state"] == "down"

    @pytest.mark.parametrize(("body", "shows"), COMBINATIONS, ids=str)
    async def test_put_combinations(self, target: NovaTarget, body: Json, shows: Json) -> None:
        host = target.hosts[0]
        before = {"status": "disabled", "disabled_reason": "before"}
        async with restored(target, host):
            await put(target, host, before)
            reply = await put(target, host, body)
            assert reply.status == 200
            assert (before | shows).items() <= reply.body["service"].items()
            assert (before | shows).items() <= (await row(target, host)).items()

    @pytest.mark.parametrize(("body", "message"), REFUSED, ids=str)
    async def test_wrong_bodies_are_refused(
        self, target: NovaTarget, body: Json | list[int], message: str
    ) -> None:
        host = target.hosts[0]
        reply = await put(target, host, body)
        assert reply.status == reply.body["badRequest"]["code"] == 400
        assert message in reply.message
        found = await row(target, host)
        assert (found["status"], found["forced_down"]) == ("enabled", False)

    async def test_malformed_bodies(self, target: NovaTarget) -> None:
        service = (await row(target, target.hosts[0]))["id"]
        headers = {"X-Auth-Token": await target.token(Who.ADMIN)}
        headers["OpenStack-API-Version"] = "compute 2.53"
        for raw, message in (
            (b"{nope", "Malformed request body"),
            (b"", "None is not of type 'object'"),
        ):
            url = f"{target.url}/os-services/{service}"
            reply = await target.caller.ask("PUT", url, headers=headers, raw=raw)
            assert (reply.status, reply.message) == (400, message)

    async def test_wrong_service_names(self, target: NovaTarget) -> None:
        named = (await row(target, target.hosts[0]))["id"]
        unknown = "00000000-0000-4000-8000-000000000000"
        body = {"status": "enabled"}
        for service, status, message in (
            (unknown, 404, f"Service {unknown} could not be found."),
            (named.replace("-", ""), 404, "could not be found"),
            ("disable", 400, "Invalid uuid disable"),
            ("1", 400, "Invalid uuid 1"),
        ):
            reply = await ask(target, "PUT", f"/os-services/{service}", "2.53", body=body)
            assert reply.status == status
            assert message in reply.message
        upper = await ask(target, "PUT", f"/os-services/{named.upper()}", "2.53", body=body)
        assert upper.status == 200

    async def test_only_nova_compute_can_be_changed(self, target: NovaTarget) -> None:
        rows = (await ask(target, "GET", "/os-services")).body["services"]
        other = next(r for r in rows if r["binary"] == "nova-scheduler")
        path = f"/os-services/{other['id']}"
        reply = await ask(target, "PUT", path, "2.53", body={"forced_down": True})
        assert reply.status == 400
        assert "Only nova-compute services can be updated." in reply.message

    async def test_a_member_may_change_nothing(self, target: NovaTarget) -> None:
        path = f"/os-services/{(await row(target, target.hosts[0]))['id']}"
        body = {"forced_down": True}
        reply = await ask(target, "PUT", path, "2.53", who=Who.MEMBER, body=body)
        assert reply.status == 403
        assert reply.message.startswith("Policy doesn't allow os_compute_api:os-services:update")

    async def test_the_older_dialect(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        named: Json = {"host": host, "binary": "nova-compute"}
        async with restored(target, host):
            for word, more, version, told in (
                ("disable", {}, "2.1", {"status": "disabled"}),
                (
                    "disable-log-reason",
                    {"disabled_reason": "why"},
                    "2.1",
                    {"status": "disabled", "disabled_reason": "why"},
                ),
                ("enable", {}, "2.1", {"status": "enabled"}),
                ("force-down", {"forced_down": "yes"}, "2.11", {"forced_down": True}),
                ("force-down", {"forced_down": True}, "2.52", {"forced_down": True}),
                ("force-down", {"forced_down": False}, "2.52", {"forced_down": False}),
            ):
                path, body = f"/os-services/{word}", named | more
                reply = await ask(target, "PUT", path, version, body=body)
                assert (reply.status, reply.body) == (200, {"service": named | told})
                assert told.items() <= (await row(target, host)).items()

    async def test_the_older_dialect_refuses(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        named: Json = {"host": host, "binary": "nova-compute"}
        down = named | {"forced_down": True}
        for word, body, version, status, message in (
            ("force-down", down, "2.53", 400, "('binary', 'host' were unexpected)"),
            ("force-down", down, "2.10", 400, "('forced_down' was unexpected)"),
            ("force-down", named, "2.10", 404, "Unknown action"),
            ("force-down", named, "2.11", 400, "Missing forced_down field"),
            ("force-down", down | {"host": "nobody"}, "2.11", 404, "Host 'nobody' is not mapped"),
            ("force-down", {"binary": "x"}, "2.11", 400, "'host' is a required property"),
            ("disable-log-reason", named, "2.1", 400, "Missing disabled reason field"),
            ("disable", named | {"binary": "x"}, "2.1", 400, "Updating a x service is not"),
            ("disable", named | {"host": "a b"}, "2.1", 400, "'a b' does not match"),
            ((await row(target, host))["id"], down, "2.52", 404, "Unknown action"),
        ):
            reply = await ask(target, "PUT", f"/os-services/{word}", version, body=body)
            assert reply.status == status
            assert message in reply.message

    # -- heartbeats --------------------------------------------------------------------------

    async def test_forced_down_is_down_at_once(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        async with restored(target, host):
            assert (await put(target, host, {"forced_down": True})).status == 200
            assert (await row(target, host))["state"] == "down"
            assert (await put(target, host, {"forced_down": False})).status == 200
            assert (await row(target, host))["state"] == "up"

    async def test_heartbeats_go_on_while_forced_down(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        async with restored(target, host):
            await put(target, host, {"forced_down": True})
            seen: set[str] = set()
            until_s = time.monotonic() + 10
            while len(seen) < 3:
                assert time.monotonic() < until_s
                seen.add((await row(target, host))["updated_at"])
                await asyncio.sleep(0.2)

    async def test_a_dead_service_is_down_after_service_down_time(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        async with restored(target, host):
            await target.kill_compute(host)
            assert (await row(target, host))["state"] == "up"
            until_s = time.monotonic() + target.service_down_s
            while (found := await row(target, host))["state"] == "up":
                assert time.monotonic() < until_s
                await asyncio.sleep(0.05)
            assert (found["status"], found["forced_down"]) == ("enabled", False)

    @pytest.mark.parametrize(
        "body", [{"status": "disabled", "disabled_reason": "why"}, {"status": "enabled"}], ids=str
    )
    async def test_a_status_put_blocks_on_a_just_died_host(
        self, target: NovaTarget, body: Json
    ) -> None:
        host = target.hosts[0]
        async with restored(target, host):
            await target.kill_compute(host)
            reply = await put(target, host, body)
            assert reply.status == 200
            assert body.items() <= reply.body["service"].items()
            assert reply.seconds >= target.rpc_timeout_s * 0.95

    @pytest.mark.parametrize(
        "body", [{"forced_down": True}, {"status": "disabled", "forced_down": True}], ids=str
    )
    async def test_a_put_that_forces_down_does_not_block(
        self, target: NovaTarget, body: Json
    ) -> None:
        host = target.hosts[0]
        async with restored(target, host):
            await target.kill_compute(host)
            reply = await put(target, host, body)
            assert reply.status == 200
            assert reply.seconds < target.rpc_timeout_s * PROMPT_S

    async def test_an_equal_put_does_not_move_updated_at(self, target: NovaTarget) -> None:
        host = target.hosts[0]
        async with restored(target, host):
            await target.kill_compute(host)
            await put(target, host, {"forced_down": True})
            first = (await row(target, host))["updated_at"]
            await asyncio.sleep(1.1)
            assert (await put(target, host, {"forced_down": True})).status == 200
            assert (await row(target, host))["updated_at"] == first
            await put(target, host, {"forced_down": False})
            assert (await row(target, host))["updated_at"] > first
