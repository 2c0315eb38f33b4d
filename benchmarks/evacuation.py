"""The last evacuation's POST, when many hosts die at once, beside the floor.

First the floor, then the daemon, each with a lab of its own: in one they would share a Nova, and
the daemon would have what the floor has moved to its hosts to move as well. Both ends are read from
the lab's record, which stamps every POST that Nova has taken on; both begin when the first word is
sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.configuration import Wishes
from benchmarks.floor import Floor
from benchmarks.plan import FORCED_PROJECTS, FORCED_TIMING, Counts, Delays, Json
from benchmarks.scene import Layout, Scene, scene
from doctor_daemon.config import load

SPARE = 4
"""Hosts that the servers are moved to."""
LIMIT_S = 180.0
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Evacuated:
    """Seconds to the last POST: the daemon's and the floor's, run by run."""

    daemon: list[float]
    floor: list[float]
    effective: Json


async def evacuated(delays: Delays, counts: Counts) -> Evacuated:
    """Evacuate as often as asked for, each time in a new cloud."""
    size = counts.evacuated_hosts
    layout = Layout(
        dict.fromkeys(range(size), counts.evacuated_servers), size + SPARE, FORCED_PROJECTS
    )
    wishes = Wishes(mode="evacuate", timing=FORCED_TIMING)
    found = Evacuated([], [], {})
    for _ in range(counts.evacuations):
        async with scene(layout, delays, wishes) as place:
            found.floor.append(await _floored(place, place.cloud.hosts[:size]))
        async with scene(layout, delays, wishes) as place:
            found.daemon.append(await _told(place, place.cloud.hosts[:size]))
            found.effective.update(place.configuration.effective())
    return found


async def _floored(place: Scene, hosts: Sequence[str]) -> float:
    """Have the floor go the whole way, all hosts at once."""
    policy = load(place.configuration.path).policy
    floor = await Floor.of(place.cloud, policy)
    everyone = asyncio.Semaphore(policy.posts_total)

    async def one(host: str) -> None:
        await floor.force_down(host)
        limits = (asyncio.Semaphore(policy.posts_per_host), everyone)
        await floor.evacuate(place.servers[host], limits)

    await asyncio.gather(*(place.cloud.fail(host) for host in hosts))
    began_s = time.monotonic()
    await asyncio.gather(*(one(host) for host in hosts))
    return await _last_post(place, hosts) - began_s


async def _told(place: Scene, hosts: Sequence[str]) -> float:
    """Have the daemon hear of all hosts, and leave the rest to it."""
    await asyncio.gather(*(place.cloud.fail(host) for host in hosts))
    began_s = time.monotonic()
    await asyncio.gather(*(place.say(host, "down") for host in hosts))
    return await _last_post(place, hosts) - began_s


async def _last_post(place: Scene, hosts: Sequence[str]) -> float:
    """Wait until each server of the hosts was asked for; return the moment of the last POST."""
    wanted = {server for host in hosts for server in place.servers[host]}
    last_s, seen = 0.0, 0
    async with asyncio.timeout(LIMIT_S):
        while True:
            entries = await place.cloud.control("GET", f"record?since={seen}")
            seen += len(entries)
            for entry in entries:
                if entry["kind"] == "evacuate" and entry["server"] in wanted:
                    wanted.discard(entry["server"])
                    last_s = entry["at_s"]
            if not wanted:
                return last_s
            await asyncio.sleep(LOOK_S)
