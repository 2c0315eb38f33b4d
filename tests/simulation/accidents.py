"""What befalls hosts, Nova and clocks, whatever anybody does."""

from __future__ import annotations

import asyncio

from tests.simulation.daemons import Daemons
from tests.simulation.monitors import Monitors
from tests.simulation.oracle import Oracle


class Accidents:
    """Lets hosts fail, and come back by themselves."""

    def __init__(self, daemons: Daemons, oracle: Oracle, monitors: Monitors) -> None:
        self._daemons, self._oracle, self._monitors = daemons, oracle, monitors
        self._world, self._swarm = oracle.world, oracle.world.swarm

    async def happen(self) -> None:
        """Let hosts die, hang and seem dead; step the wall clock."""
        draw = self._swarm.random
        while True:
            await asyncio.sleep(self._swarm.seconds(10, 90))
            if not self._swarm.on:
                continue
            machine = draw.choice(list(self._world.machines.values()))
            match draw.choice(("hang", "hang", "power", "false", "none")):
                case "hang":
                    machine.compute = False
                    self._swarm.tells(f"nova-compute of {machine.id} hangs")
                case "power":
                    self._world.switch(machine, on=False)
                case "false":
                    self._monitors.false_alarms.add(machine.id.name)
                    loop = asyncio.get_running_loop()
                    over = self._monitors.false_alarms.discard
                    loop.call_later(self._swarm.seconds(2, 60), over, machine.id.name)
                case "none":
                    pass
            if self._swarm.strikes("answers-pings-still", 2.0):
                self._monitors.seen_alive.add(machine.id.name)
                gone = self._monitors.seen_alive.discard
                loop = asyncio.get_running_loop()
                loop.call_later(self._swarm.seconds(20, 200), gone, machine.id.name)
            if self._swarm.strikes("nova-away"):
                self._world.nova_away_until = self._world.now() + self._swarm.seconds(20, 400)
            if self._swarm.strikes("wall-steps"):
                self._step(draw.choice((-7200.0, 7200.0, 1e6, -1e6)))

    def _step(self, seconds: float) -> None:
        """Step the wall clocks of all machines, or of one."""
        sites = self._daemons.sites
        alone = len(sites) == 1
        if not alone and self._daemons.leading is None:
            return  # whoever takes over reads it in two moments, and may see either
        self._oracle.clock.stepped = True
        one = alone or self._swarm.random.random() < 0.5
        for site in (self._swarm.random.choice(sites),) if one else sites:
            site.wall_offset_s += seconds

    async def power_returns(self) -> None:
        """Let somebody, or a restore policy, switch on what was switched off."""
        while True:
            await asyncio.sleep(self._swarm.seconds(5, 20))
            dark = [m for m in self._world.machines.values() if not m.power]
            if dark and self._swarm.strikes("power-returns"):
                self._world.switch(self._swarm.random.choice(dark), on=True)
