"""The contract of Nova's evacuations: what is accepted, what becomes of it, what is left behind."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.lab.nova_target import (
    IN_FLIGHT,
    PATIENCE_S,
    NovaTarget,
    Who,
    ask,
    booted,
    cleaned,
    computes,
    ended,
    evacuate,
    fallen,
    migrations,
    only_destination,
    put,
    restored,
    server_row,
)

HOST = "OS-EXT-SRV-ATTR:host"
STATE = "OS-EXT-STS:"
NOWHERE = "00000000-0000-4000-8000-000000000000"


def states(row: dict[str, Any]) -> tuple[object, ...]:
    """Name the status, vm_state and task_state of a server."""
    return row["status"], row[STATE + "vm_state"], row[STATE + "task_state"]


async def until(target: NovaTarget, server: str, *statuses: str, nth: int = 0) -> dict[str, Any]:
    """Wait for a status of the newest migration of a server, or of one before."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        row = (await migrations(target, f"instance_uuid={server}"))[nth]
        if row["status"] in statuses:
            return row
        assert time.monotonic() < until_s, row
        await asyncio.sleep(0.01)


async def shown(target: NovaTarget, server: str, *wanted: str | None) -> dict[str, Any]:
    """Wait until a server shows a vm_state, and a task_state if one is named."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        row = await server_row(target, server)
        if states(row)[1 : 1 + len(wanted)] == wanted:
            return row
        assert time.monotonic() < until_s, row
        await asyncio.sleep(0.01)


class NovaEvacuations:
    async def test_an_evacuation(self, target: NovaTarget) -> None:
        source = target.hosts[0]
        async with booted(target, source) as (server,), fallen(target, source):
            reply = await evacuate(target, server)
            assert (reply.status, reply.text) == (200, "")
            assert reply.headers["x-openstack-request-id"].startswith("req-")
            seen = []
            while (row := (await migrations(target, f"instance_uuid={server}"))[0])["status"] in (
                IN_FLIGHT
            ):
                shown = await server_row(target, server)
                seen.append((states(shown), shown[HOST]))
            assert (("REBUILD", "active", "rebuilding"), source) in seen
            assert row["status"] == "done"
            moved = await server_row(target, server)
            assert states(moved) == ("ACTIVE", "active", None)
            assert moved[HOST] == row["dest_compute"] != source

    async def test_the_source_after_an_evacuation(self, target: NovaTarget) -> None:
        """Nova does not ask whether the source is off, and destroys what is left there late."""
        source = target.hosts[0]
        async with booted(target, source) as (server,), fallen(target, source):
            await evacuate(target, server)
            row = (await ended(target, server))[server]
            assert await target.runs_on(server) == {source, row["dest_compute"]}
            refused = await put(target, source, {"forced_down": False})
            assert refused.status == 400
            assert refused.message.startswith(
                f"Unable to force up host {source} as `done` evacuation migration records remain"
            )
            older = {"host": source, "binary": "nova-compute", "forced_down": False}
            by_word = await ask(target, "PUT", "/os-services/force-down", "2.11", body=older)
            assert (by_word.status, by_word.message) == (400, refused.message)
            await cleaned(target, source)
            assert await target.runs_on(server) == {row["dest_compute"]}
            (row,) = await migrations(target, f"instance_uuid={server}")
            assert row["status"] == "completed"
            assert (await put(target, source, {"forced_down": False})).status == 200

    async def test_a_stopped_server_stays_stopped(self, target: NovaTarget) -> None:
        source = target.hosts[0]
        async with booted(target, source) as (server,):
            await target.set_state(server, "stopped")
            async with fallen(target, source):
                assert (await evacuate(target, server)).status == 200
                row = (await ended(target, server))[server]
                moved = await server_row(target, server)
                assert states(moved) == ("SHUTOFF", "stopped", None)
                assert (row["status"], moved[HOST]) == ("done", row["dest_compute"])
                assert moved[STATE + "power_state"] == 4
                assert await target.runs_on(server) == set()

    async def test_evacuations_that_are_refused(self, target: NovaTarget) -> None:
        source = target.hosts[0]
        async with booted(target, source) as (server,):
            up = await evacuate(target, server)
            in_use = f"Compute service of {source} is still in use."
            assert (up.status, up.message) == (400, in_use)
            gone = await evacuate(target, NOWHERE)
            assert (gone.status, gone.message) == (404, f"Instance {NOWHERE} could not be found.")
            async with restored(target, source):
                await target.kill_compute(source)
                unnoticed = await evacuate(target, server)
                assert (unnoticed.status, unnoticed.message) == (400, in_use)
            await target.set_state(server, "paused")
            paused = await evacuate(target, server)
            assert (paused.status, paused.message) == (
                409,
                f"Cannot 'evacuate' instance {server} while it is in vm_state paused",
            )
            assert await migrations(target, f"instance_uuid={server}") == []

    async def test_a_member_may_not_evacuate(self, target: NovaTarget) -> None:
        async with booted(target, target.hosts[0]) as (server,):
            path, body = f"/servers/{server}/action", {"evacuate": dict[str, str]()}
            reply = await ask(target, "POST", path, "2.68", who=Who.MEMBER, body=body)
            assert reply.status == 403
            assert reply.message == (
                "Policy doesn't allow os_compute_api:os-evacuate to be performed."
            )

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"evacuate": {"force": True}}, "('force' was unexpected)"),
            ({"evacuate": {"onSharedStorage": True}}, "('onSharedStorage' was unexpected)"),
            ({"evacuate": None}, "None is not of type 'object'"),
            ({"fly": {}}, "There is no such action: fly"),
            ("evacuate", "Malformed request body"),
        ],
    )
    async def test_wrong_evacuate_bodies(
        self, target: NovaTarget, body: object, message: str
    ) -> None:
        reply = await ask(target, "POST", f"/servers/{NOWHERE}/action", "2.68", body=body)
        assert reply.status == 400
        assert message in reply.message

    async def test_failures_are_told_later(self, target: NovaTarget) -> None:
        """No host is left, then one that cannot start a guest, then one that can."""
        source, to = target.hosts
        third = min(await computes(target) - {source, to})
        async with booted(target, source) as (server,), fallen(target, source):
            async with only_destination(target, source):
                assert (await evacuate(target, server)).status == 200
                row = (await ended(target, server))[server]
                assert (row["status"], row["dest_compute"]) == ("error", None)
                failed = await shown(target, server, "error", None)
                assert (failed["status"], failed[HOST]) == ("ERROR", source)
                assert failed["fault"]["message"].startswith("No valid host was found.")
                assert failed["fault"]["code"] == 500
                assert "progress" not in failed
            async with only_destination(target, source, to), target.failing_spawns(to):
                assert (await evacuate(target, server)).status == 200
                row = (await ended(target, server))[server]
                assert (row["status"], row["dest_compute"]) == ("failed", to)
                failed = await shown(target, server, "error", None)
                assert (failed["status"], failed[HOST]) == ("ERROR", source)
                assert failed["fault"]["message"]
            async with only_destination(target, source, third):
                assert (await evacuate(target, server)).status == 200
                row = (await ended(target, server))[server]
                assert (row["status"], row["dest_compute"]) == ("done", third)
                well = await server_row(target, server)
                assert (states(well), well[HOST]) == (("ACTIVE", "active", None), third)
                assert "fault" not in well

    async def test_a_second_post_is_accepted_and_both_are_lost(self, target: NovaTarget) -> None:
        """Whether one of them has left a guest behind is a race of Nova's own, won now and then."""
        source = target.hosts[0]
        async with booted(target, source) as (server,), fallen(target, source):
            async with target.nothing_scheduled():
                for _ in range(2):
                    assert (await evacuate(target, server)).status == 200
                rows = await migrations(target, f"instance_uuid={server}")
                assert [row["status"] for row in rows] == ["accepted", "accepted"]
            await until(target, server, "failed", nth=1)
            rows = await migrations(target, f"instance_uuid={server}")
            assert [row["status"] for row in rows] == ["accepted", "failed"]
            assert rows[0]["dest_compute"] is None
            await shown(target, server, "error")


class NovaDestinations:
    """Evacuations whose destination has died."""

    async def test_a_destination_that_dies_leaves_it_for_ever(self, target: NovaTarget) -> None:
        source, to = target.hosts
        async with booted(target, source) as (server,), fallen(target, source):
            async with only_destination(target, source, to), restored(target, to):
                assert (await evacuate(target, server)).status == 200
                await until(target, server, "pre-migrating")
                await target.kill_compute(to)
                await asyncio.sleep(1)
                stuck = await server_row(target, server)
                assert (states(stuck)[0], stuck[HOST]) == ("REBUILD", source)
                await target.start_compute(to)
                (row,) = await migrations(target, f"instance_uuid={server}")
                assert (row["status"], row["dest_compute"]) == ("pre-migrating", to)
            assert (await evacuate(target, server)).status == 200
            row = await until(target, server, "done")
            moved = await server_row(target, server)
            assert (states(moved), moved[HOST]) == (
                ("ACTIVE", "active", None),
                row["dest_compute"],
            )
            first = (await migrations(target, f"instance_uuid={server}"))[1]
            assert (first["status"], first["dest_compute"]) == ("pre-migrating", to)

    async def test_a_dead_destination_reads_its_messages_when_it_returns(
        self, target: NovaTarget
    ) -> None:
        """Nova sends it to a host that died unnoticed, which goes on with it much later.

        Meanwhile another evacuation takes its migration and leaves its own untouched.
        """
        source, to = target.hosts
        async with (
            booted(target, source, source) as (waits, moves),
            fallen(target, source),
            restored(target, to),
        ):
            async with only_destination(target, source, to):
                await target.kill_compute(to)
                for server in (waits, moves):
                    assert (await evacuate(target, server)).status == 200
                await asyncio.sleep(2)
                for server in (waits, moves):
                    (row,) = await migrations(target, f"instance_uuid={server}")
                    assert (row["status"], row["dest_compute"]) == ("accepted", None)
            await put(target, to, {"forced_down": True})
            assert (await evacuate(target, moves)).status == 200
            there = (await until(target, moves, "done", nth=1))["dest_compute"]
            assert there != to
            first = (await migrations(target, f"instance_uuid={moves}"))[0]
            assert (first["status"], first["dest_compute"]) == ("accepted", None)
            await target.launch_compute(to)
            late = await until(target, waits, "done")
            assert late["dest_compute"] == to
            assert (await server_row(target, waits))[HOST] == to
            row = await until(target, moves, "failed", nth=1)
            assert row["dest_compute"] == to
            assert (await shown(target, moves, "error"))[HOST] == there
            assert await target.runs_on(moves) - {source} == {there}
