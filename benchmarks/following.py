"""How many requests it costs to follow evacuations for a round, however many are under way.

Nothing is timed here, so nothing else runs: the daemon's own reader of Nova, and what shares its
answers among all hosts, ask a lab in this very process, which counts. Another page of a list that
is too long for one is counted apart: how many there are is Nova's doing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import cycle, islice

from doctor_daemon.controllers.nova import Nova, NovaConfig
from doctor_daemon.engine.clock import SystemClock
from doctor_daemon.engine.rounds import Rounds
from doctor_daemon.lab.cloud import ADMIN, Lab, LabOptions
from doctor_daemon.lab.credentials import CLOUDS
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.world import Timing
from doctor_daemon.ports.secrets import SecretFile

UNDER_WAY = (1, 50, 500)
HOSTS = 10
"""Hosts whose servers are on their way, as far as there are enough of them."""
LIST = "/os-migrations"
LASTING = Timing(evacuate_s=3600.0)


@dataclass(frozen=True, slots=True)
class Following:
    """What one round costs: requests, and pages of the list beyond the first of them."""

    evacuations: int
    hosts: int
    requests: int
    more_pages: int


async def following() -> list[Following]:
    """Count for each number of evacuations."""
    return [await followed(count) for count in UNDER_WAY]


async def followed(count: int) -> Following:
    """Count one round in which every host asks."""
    hosts = min(count, HOSTS)
    async with Lab(LabOptions(hosts=hosts, servers_per_host=0, timing=LASTING)) as lab:
        config = NovaConfig(clouds_file=SecretFile(lab.folder / CLOUDS), cloud=ADMIN)
        clock = SystemClock()
        nova = Nova(config, "default", clock)
        rounds = Rounds(nova, clock, lambda: 0.0)
        try:
            await nova.fleet()  # a token, and what Nova offers: asked for once, and not each round
            _evacuate(lab, count)
            lab.faults.add(Rule(service=Service.NOVA, do=Do.SLOW, seconds=0.0, times=None))
            found = await asyncio.gather(*(rounds.fresh() for _ in range(hosts)))
        finally:
            rounds.close()
            await nova.close()
        if any(len(rows) != count for rows in found):
            msg = f"{count} evacuations are under way, and {[len(rows) for rows in found]} are seen"
            raise RuntimeError(msg)
        lists = sum(one.path.endswith(LIST) for one in lab.faults.applied)
        return Following(count, hosts, len(lab.faults.applied) - lists + 1, lists - 1)


def _evacuate(lab: Lab, count: int) -> None:
    """Have so many servers on their way, from all hosts alike."""
    world, (owner, *_) = lab.world, lab.members.values()
    for host in islice(cycle(list(world.hosts)), count):
        server = world.boot(host, owner.project.id, owner.id)
        row = lab.evacuations.accept(server, "doctor")
        row.status, row.updated_at_s = "pre-migrating", world.clock.now()
