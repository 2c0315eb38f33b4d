"""A host in reserve stands in for one that died, across a kill of the daemon, and is given back."""

from __future__ import annotations

import asyncio
from pathlib import Path

from doctor_daemon.lab.rows import Service
from doctor_daemon.lab.world import Failure, World
from tests.cli.terminal import Terminal
from tests.slice.process import RUN, daemon, kill, ready, started
from tests.slice.site import LAB, LIMIT_S, LOOK_S, Json, Site, site

HOST, ELSEWHERE, SPARE = "compute-1", "compute-2", "compute-3"


async def task(place: Site, stage: str) -> Json:
    """Wait until the task about the host's reserve has come to a stage."""
    found: Json | None = None
    for _ in range(int(LIMIT_S / LOOK_S)):
        found = (await place.ask("GET", f"/v1/hosts/{HOST}"))["reserve"]
        if found is not None and found["stage"] == stage:
            return found
        await asyncio.sleep(LOOK_S)
    raise AssertionError(found)


def in_reserve(world: World) -> Service:
    """Empty a host, and disable it by the operator's word for hosts in reserve."""
    for server in [one for one in world.servers.values() if one.host == SPARE]:
        world.delete(server.id)
    service = world.hosts[SPARE].service
    service.disabled, service.disabled_reason = True, "reserved"
    return service


def emptied(world: World) -> None:
    """Have somebody move all servers off the host that was in reserve."""
    for server in [one for one in world.servers.values() if one.host == SPARE]:
        world.stop_guest(server.id, SPARE)
        world.start_guest(server.id, ELSEWHERE)
        server.host = ELSEWHERE


async def test_a_host_in_reserve_stands_in_and_is_given_back_across_a_kill(tmp_path: Path) -> None:
    hosts = {HOST: {"reserved_hosts": [SPARE], "shared_storage": True}}
    async with site(tmp_path, LAB, mode="evacuate", hosts=hosts) as place:
        world = place.lab.world
        service = in_reserve(world)
        async with started(place, RUN) as process:
            await ready(place, process)
            await place.arm()
            world.fail(HOST, Failure.HOST)
            await place.monitor.send(HOST)
            await place.until(HOST, "down")
            assert (await task(place, "lent"))["host"] == SPARE
            assert not service.disabled
            said = await Terminal(place).well("explain", HOST)
            assert f"lent: {SPARE} is enabled, for the servers of {HOST}" in said
            assert f"{SPARE} for {HOST}, lent" in await Terminal(place).well("status")
            await kill(process)
        async with daemon(place):
            await task(place, "lent")
            emptied(world)
            world.force_down(world.hosts[HOST].service, forced_down=False, by="ann")
            await place.order(HOST, "close")
            found = await task(place, "done")
        assert found["story"][-1]["text"] == f"{SPARE} is in reserve again"
        assert (service.disabled, service.disabled_reason) == (True, "reserved")
