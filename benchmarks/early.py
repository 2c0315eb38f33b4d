"""The early notice: from evidence sent to the stamp of the last consumer that is told.

One incident at a time, all cells of a cloud in turn so that each sees the same moments, with a
pause of random length between two. Each incident is taken back as soon as all have heard of it, and
the next begins when all have heard that too: nothing that is measured waits for what was measured
before.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from benchmarks.configuration import Wishes
from benchmarks.plan import Cell, Delays, Json, cells
from benchmarks.scene import Layout, Scene, scene

PAUSE_MAX_S = 0.06
WARM_UP = 2
"""Incidents of each cell that are not counted: they open the connections."""


async def early(
    projects: int, delays: Delays, rounds: int, *, one_consumer: bool = False
) -> tuple[dict[str, list[float]], Json]:
    """Measure the cells of a cloud of so many projects: seconds by cell, and the configuration."""
    chosen = cells(projects)
    layout = Layout({n: cell.servers for n, cell in enumerate(chosen)}, len(chosen) + 1, projects)
    wishes = Wishes(one_consumer=one_consumer)
    async with scene(layout, delays, wishes) as place:
        hosts = place.cloud.hosts
        await _rounds(place, chosen, hosts, WARM_UP)
        found = await _rounds(place, chosen, hosts, rounds)
        return found, place.configuration.effective()


async def _rounds(
    place: Scene, chosen: Sequence[Cell], hosts: Sequence[str], rounds: int
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {cell.key: [] for cell in chosen}
    for _ in range(rounds):
        for cell, host in zip(chosen, hosts, strict=False):
            found[cell.key].append(await _one(place, cell, host))
            await asyncio.sleep(random.uniform(0, PAUSE_MAX_S))
    return found


async def _one(place: Scene, cell: Cell, host: str) -> float:
    """Have one incident begin and be taken back; return the seconds to the last early notice."""
    sent_s, receipt = await place.say(host, "down")
    incident = str(receipt["incident"])
    if receipt["outcome"] != "opened":
        msg = f"{host}: the evidence was {receipt['outcome']}"
        raise RuntimeError(msg)
    last_s = await place.hearing.last(incident, "suspected", cell.audiences)
    await place.say(host, "withdrawn")
    await place.hearing.last(incident, "withdrawn", cell.audiences)
    place.hearing.forget(incident)
    return last_s - sent_s
