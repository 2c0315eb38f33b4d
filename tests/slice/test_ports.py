"""A host dies: its ports are DOWN in Neutron until their servers are elsewhere or it is back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from doctor_daemon.lab.world import Failure
from tests.cli.terminal import Terminal
from tests.slice.process import RUN, daemon, kill, ready, started
from tests.slice.site import LAB, LIMIT_S, LOOK_S, Json, Site, site

HOST = "compute-1"


def with_neutron(place: Site, **more: object) -> None:
    """Name the lab's Neutron in the configuration, as the cloud itself is named there."""
    found = place.lab.describe()
    options = {"type": "neutron", "clouds_file": found["clouds"], "cloud": found["cloud"], **more}
    place.changes = {**place.changes, "network": options}


async def task(place: Site, stage: str) -> Json:
    """Wait until the task about the host's ports has come to a stage."""
    found: Json | None = None
    for _ in range(int(LIMIT_S / LOOK_S)):
        found = (await place.ask("GET", f"/v1/hosts/{HOST}"))["ports"]
        if found is not None and found["stage"] == stage:
            return found
        await asyncio.sleep(LOOK_S)
    raise AssertionError(found)


def there(place: Site) -> set[str]:
    """Return the ports that are bound to the host."""
    neutron = place.lab.neutron
    return {port.id for port in neutron.ports.values() if neutron.host_of(port) == HOST}


async def test_the_ports_of_a_fenced_host_are_seen_to_across_a_kill_of_the_daemon(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, replace(LAB, servers_per_host=4)) as place:
        with_neutron(place, data_plane_status=True, every_s=1)
        dhcp = place.lab.neutron.add(HOST)
        theirs = place.lab.neutron.add(HOST)
        theirs.status = "DOWN"
        async with started(place, RUN) as process:
            await ready(place, process)
            await place.arm()
            place.lab.world.fail(HOST, Failure.HOST)
            await place.monitor.send(HOST)
            await place.until(HOST, "down")
            found = await task(place, "marked")
            assert found["marked"] == len(there(place)) - 1
            assert place.lab.neutron.said_down() == there(place)
            said = await Terminal(place).well("explain", HOST)
            assert "marked: 5 ports of compute-1 have data_plane_status DOWN" in said
            assert await place.metric('doctor_port_tasks{stage="marked"}') == 1
            await kill(process)
        async with daemon(place):
            await task(place, "marked")
            for server in place.lab.world.servers.values():
                server.host = "compute-2" if server.host == HOST else server.host
            place.lab.neutron.ports.pop(dhcp.id)
            await task(place, "done")
        assert place.lab.neutron.said_down() == {theirs.id}


async def test_a_neutron_that_is_named_and_not_to_be_told_is_told_nothing(tmp_path: Path) -> None:
    async with site(tmp_path, LAB) as place:
        with_neutron(place)
        async with daemon(place):
            await place.arm()
            place.lab.world.fail(HOST, Failure.HOST)
            await place.monitor.send(HOST)
            await place.until(HOST, "down")
            assert (await place.ask("GET", f"/v1/hosts/{HOST}"))["ports"] is None
        assert place.lab.neutron.said_down() == set()
