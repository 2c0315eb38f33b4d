"""From evidence to forced_down, beside the floor, in one run against one lab.

One size after the other: its incidents and floors take turns, some time apart, each on a host of
its own. Most of every one is waiting, so that a few are under way at any moment, and both kinds
share the same moments of the machine. The daemon's end is the stamp of the operators' consumer on
`confirmed`, which is told once forced_down was read back; the floor's end is its own read-back.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.configuration import OPERATORS, Wishes
from benchmarks.floor import Floor
from benchmarks.plan import FORCED_PROJECTS, FORCED_TIMING, SERVERS, Counts, Delays, Json
from benchmarks.scene import Layout, Scene, scene
from doctor_daemon.config import load

FLOOR = "floor"
AGAIN_S = 0.2
MENDS_MAX = 300
Work = Callable[[Scene, str], Awaitable[float]]


@dataclass(slots=True)
class Pool:
    """Hosts that take turns, and what was measured on them."""

    hosts: asyncio.Queue[str]
    work: Work
    took_s: list[float] = field(default_factory=list)

    async def one(self, place: Scene, host: str) -> None:
        """Measure once, and give the host back when it is as before."""
        self.took_s.append(await self.work(place, host))
        self.hosts.put_nowait(host)


@dataclass(frozen=True, slots=True)
class Forced:
    """What was found: seconds by number of servers, those of the floor, and the configuration."""

    by_servers: dict[str, list[float]]
    floor: list[float]
    effective: Json


async def forced(delays: Delays, counts: Counts) -> Forced:
    """Measure every size and the floor."""
    kinds = [*SERVERS, 0]
    servers = [size for size in kinds for _ in range(counts.pool)]
    numbered = dict(enumerate(servers))
    layout = Layout(numbered, len(servers) + 1, FORCED_PROJECTS)
    wishes = Wishes(timing=FORCED_TIMING)
    async with scene(layout, delays, wishes) as place:
        floor = await Floor.of(place.cloud, load(place.configuration.path).policy)
        pools = _pools(place.cloud.hosts, kinds, counts.pool, floor)
        for rounds in (1, counts.forced):  # the first is to warm up
            for pool in pools.values():
                pool.took_s.clear()
            for size in SERVERS:
                turns = (pools[str(size)], pools[FLOOR])
                await _run(place, turns, rounds, counts.gap_s)
        found = {name: pool.took_s for name, pool in pools.items()}
        least = found.pop(FLOOR)
        return Forced(found, least, place.configuration.effective())


def _pools(hosts: list[str], kinds: list[int], pool: int, floor: Floor) -> dict[str, Pool]:
    """Share the hosts out; those without servers are the floor's."""
    names = iter(hosts)

    async def floored(place: Scene, host: str) -> float:
        return await _floored(floor, place, host)

    return {
        str(size) if size else FLOOR: Pool(_queue(names, pool), _incident if size else floored)
        for size in kinds
    }


def _queue(names: Iterator[str], count: int) -> asyncio.Queue[str]:
    made: asyncio.Queue[str] = asyncio.Queue()
    for _ in range(count):
        made.put_nowait(next(names))
    return made


async def _run(place: Scene, pools: Sequence[Pool], rounds: int, gap_s: float) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(rounds):
            for pool in pools:
                host = await pool.hosts.get()
                tasks.create_task(pool.one(place, host))
                # Of random length, or the same phases of two incidents would always meet.
                await asyncio.sleep(random.uniform(0, 2 * gap_s))


async def _incident(place: Scene, host: str) -> float:
    """Let a host die and be forced down; bring it back; return the seconds to `confirmed`."""
    await place.cloud.fail(host)
    sent_s, receipt = await place.say(host, "down")
    incident = str(receipt["incident"])
    if receipt["outcome"] != "opened":
        msg = f"{host}: the evidence was {receipt['outcome']}"
        raise RuntimeError(msg)
    told_s = await place.hearing.at(incident, "confirmed", OPERATORS)
    await place.cloud.mend([host])
    await place.close(host)
    place.hearing.forget(incident)
    return told_s - sent_s


async def _floored(floor: Floor, place: Scene, host: str) -> float:
    await place.cloud.fail(host)
    began_s = time.monotonic()
    await floor.force_down(host)
    took_s = time.monotonic() - began_s
    await place.cloud.mend([host])
    return took_s
