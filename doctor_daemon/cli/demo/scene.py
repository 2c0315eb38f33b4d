"""A story while it is played: what its script can do, and what it can wait for.

A script waits for what truly happens in the lab, and for nothing that the daemon says, but where
the daemon asks for a human: a human would read that too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from doctor_daemon.cli.demo.alerts import Alertmanager
from doctor_daemon.cli.demo.daemon import Broken, Daemon
from doctor_daemon.cli.demo.facts import Facts
from doctor_daemon.cli.demo.stage import DEAD, Stage
from doctor_daemon.cli.demo.timeline import Timeline
from doctor_daemon.lab.world import World

LOOK_S = 0.02
WAIT_S = 60.0
PERSON = "operator"


@dataclass(slots=True)
class Scene:
    """The lab, the daemon, the monitoring, and the timeline that they make."""

    stage: Stage
    daemon: Daemon
    alerts: Alertmanager
    timeline: Timeline

    @property
    def world(self) -> World:
        return self.stage.lab.world

    @property
    def facts(self) -> Facts:
        return self.stage.facts(self.timeline.detected_s)

    def say(self, text: str, who: str = PERSON) -> None:
        self.timeline.say(who, text)

    async def when(self, test: Callable[[Facts], object], what: str) -> None:
        """Wait for something to happen in the lab. Raise Broken."""
        await self._wait(lambda: bool(test(self.facts)), what)

    async def until(self, phase: str) -> None:
        """Wait for what the daemon says of the incident. Raise Broken."""
        await self._wait(lambda: self.timeline.phase == phase, f"the incident to be {phase}")

    async def command(self, verb: str, *words: str) -> None:
        """Give the daemon an order about the host, and say why. Raise Broken."""
        self.say(f"types: doctor-daemon {verb} {DEAD}")
        await self.daemon.command(verb, DEAD, "--why", "the demonstration", *words)

    async def _wait(self, test: Callable[[], bool], what: str) -> None:
        until_s = monotonic() + WAIT_S
        while not test():
            if monotonic() >= until_s:
                raise Broken(f"waited {WAIT_S:g} s in vain for {what}")
            await asyncio.sleep(LOOK_S)
