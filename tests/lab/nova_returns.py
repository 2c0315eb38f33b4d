"""The contract of a host's return: what its nova-compute cleans up, and when Nova lets it back."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tests.lab.nova_evacuations import HOST, shown, until
from tests.lab.nova_target import (
    PATIENCE_S,
    NovaTarget,
    booted,
    cleaned,
    ended,
    evacuate,
    fallen,
    migrations,
    only_destination,
    put,
    restored,
    row,
    server_row,
)

Json = dict[str, Any]
LIFT: Json = {"forced_down": False}
ENABLE: Json = {"status": "enabled"}
REFUSAL = (
    "Unable to force up host {} as `done` evacuation migration records remain associated with the "
    "host. Ensure the compute service has been restarted, allowing these records to move to "
    "`completed` before retrying this request."
)
SECOND_S = 1.1
"""Nova stores whole seconds."""


async def started(target: NovaTarget, host: str) -> None:
    """Start nova-compute, and wait until it reports: it does so when it has cleaned up."""
    seen = (await row(target, host))["updated_at"]
    await target.launch_compute(host)
    until_s = time.monotonic() + PATIENCE_S
    for _ in range(2):
        while (now := (await row(target, host))["updated_at"]) == seen:
            assert time.monotonic() < until_s
            await asyncio.sleep(0.05)
        seen = now


async def rows_of(target: NovaTarget, server: str) -> list[str]:
    """Name the statuses of a server's migrations, the newest first."""
    return [one["status"] for one in await migrations(target, f"instance_uuid={server}")]


class NovaReturns:
    async def test_trap_7_evacuations_under_way_do_not_keep_the_flag(
        self, target: NovaTarget
    ) -> None:
        source = target.hosts[0]
        async with booted(target, source) as (server,), fallen(target, source):
            async with target.nothing_scheduled():
                assert (await evacuate(target, server)).status == 200
                assert (await put(target, source, LIFT)).status == 200
                assert await rows_of(target, server) == ["accepted"]
                assert (await put(target, source, {"forced_down": True})).status == 200
            assert (await ended(target, server))[server]["status"] == "done"

    async def test_trap_8_a_refused_change_stores_nothing(self, target: NovaTarget) -> None:
        source = target.hosts[0]
        async with booted(target, source) as (server,), fallen(target, source):
            await evacuate(target, server)
            await ended(target, server)
            await put(target, source, {"status": "disabled", "disabled_reason": "ours"})
            before = await row(target, source)
            await asyncio.sleep(SECOND_S)
            for body in (LIFT, ENABLE | LIFT):
                refused = await put(target, source, body)
                assert (refused.status, refused.message) == (400, REFUSAL.format(source))
            assert await row(target, source) == before
            await cleaned(target, source)
            for body in (LIFT, ENABLE):
                assert (await put(target, source, body)).status == 200
            found = await row(target, source)
            assert (found["status"], found["disabled_reason"]) == ("enabled", None)
            assert not found["forced_down"]

    async def test_trap_21_a_put_of_the_status_moves_updated_at_unless_equal(
        self, target: NovaTarget
    ) -> None:
        host = target.hosts[0]
        disable = {"status": "disabled", "disabled_reason": "why"}
        async with restored(target, host):
            await target.kill_compute(host)
            await put(target, host, {"forced_down": True})
            seen = (await row(target, host))["updated_at"]
            for body, moves in ((disable, True), (disable, False), (ENABLE, True)):
                await asyncio.sleep(SECOND_S)
                assert (await put(target, host, body)).status == 200
                now = (await row(target, host))["updated_at"]
                assert (now > seen) == moves, body
                seen = now

    async def test_a_dead_host_whose_flag_is_lifted_may_show_up(self, target: NovaTarget) -> None:
        """The state is the age of the last report and no more, for `service_down_time`."""
        host = target.hosts[0]
        async with restored(target, host):
            await target.kill_compute(host)
            assert (await put(target, host, {"forced_down": True})).status == 200
            lifted = await put(target, host, LIFT)
            assert (lifted.status, lifted.body["service"]["state"]) == (200, "up")

    async def test_the_migrations_of_a_deleted_server_are_gone(self, target: NovaTarget) -> None:
        source = target.hosts[0]
        server = await target.boot(source)
        await target.set_state(server, "stopped")  # or its guest would run on at the source
        async with fallen(target, source):
            assert (await evacuate(target, server)).status == 200
            assert (await ended(target, server))[server]["status"] == "done"
            assert (await put(target, source, LIFT)).status == 400
            await target.delete(server)
            assert await rows_of(target, server) == []
            assert (await put(target, source, LIFT)).status == 200


class NovaStarts:
    """What one start of nova-compute cleans up, and what it leaves to the next."""

    async def test_trap_9_a_source_that_returns_early_needs_two_starts(
        self, target: NovaTarget
    ) -> None:
        """The server runs nowhere for a while; were the destination to fail, it would for good."""
        source, to = target.hosts
        async with booted(target, source) as (server,), fallen(target, source):
            async with only_destination(target, source, to), target.slow_spawns(to):
                assert (await evacuate(target, server)).status == 200
                await until(target, server, "pre-migrating")
                await target.launch_compute(source)
                await until(target, server, "completed")
                assert (await server_row(target, server))[HOST] == source
                assert await target.runs_on(server) == set()
                await until(target, server, "done")
            assert await target.runs_on(server) == {to}
            refused = await put(target, source, LIFT)
            assert (refused.status, refused.message) == (400, REFUSAL.format(source))
            await target.kill_compute(source)
            await started(target, source)
            assert await rows_of(target, server) == ["completed"]
            assert (await put(target, source, LIFT)).status == 200
            assert await target.runs_on(server) == {to}

    async def test_a_server_with_two_migrations_needs_two_starts(self, target: NovaTarget) -> None:
        source, to = target.hosts
        async with booted(target, source) as (server,), fallen(target, source):
            async with only_destination(target, source, to), restored(target, to):
                assert (await evacuate(target, server)).status == 200
                await until(target, server, "pre-migrating")
                await target.kill_compute(to)
                await asyncio.sleep(1)
            assert (await evacuate(target, server)).status == 200
            await until(target, server, "done")
            assert await rows_of(target, server) == ["done", "pre-migrating"]
            for rows in (["completed", "pre-migrating"], ["completed", "completed"]):
                await target.kill_compute(source)
                await started(target, source)
                assert await rows_of(target, server) == rows
                assert (await put(target, source, LIFT)).status == 200

    async def test_an_old_migration_destroys_a_guest_that_has_come_back(
        self, target: NovaTarget
    ) -> None:
        """What was left under way for ever is acted on by a start long after the host's return."""
        source, to = target.hosts
        async with booted(target, source) as (server,), fallen(target, source):
            async with only_destination(target, source, to):
                async with restored(target, to):
                    assert (await evacuate(target, server)).status == 200
                    await until(target, server, "pre-migrating")
                    await target.kill_compute(to)
                    await asyncio.sleep(1)
                assert (await evacuate(target, server)).status == 200
                await until(target, server, "done")
            await started(target, source)
            assert (await put(target, source, LIFT)).status == 200
            await target.start_compute(source)
            async with fallen(target, to), only_destination(target, to, source):
                assert (await evacuate(target, server)).status == 200
                await until(target, server, "done")
            assert await rows_of(target, server) == ["completed", "completed", "pre-migrating"]
            assert await target.runs_on(server) == {source}
            await target.kill_compute(source)
            await started(target, source)
            assert await rows_of(target, server) == ["completed"] * 3
            assert await target.runs_on(server) == set()
            assert (await server_row(target, server))[HOST] == source

    async def test_a_failed_evacuation_leaves_its_guest_at_the_source(
        self, target: NovaTarget
    ) -> None:
        source = target.hosts[0]
        async with booted(target, source) as (server,), fallen(target, source):
            async with only_destination(target, source):
                assert (await evacuate(target, server)).status == 200
                assert (await ended(target, server))[server]["status"] == "error"
            await shown(target, server, "error", None)
            await started(target, source)
            assert await rows_of(target, server) == ["error"]
            assert await target.runs_on(server) == {source}
            assert (await put(target, source, LIFT)).status == 200
