"""One run, from its plan to its judgement."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from collections.abc import Set as AbstractSet
from pathlib import Path

from doctor_daemon.lab.rows import Host
from tests.false_positives import story
from tests.false_positives.estate import Estate, estate
from tests.false_positives.judgement import Outcome, judged
from tests.false_positives.plan import RACKS, Fault, Plan, Without
from tests.false_positives.trouble import trouble
from tools.netns import Fleet, fleet, unused

CALM_S = 2.0
"""Before anything happens."""
AFTER_S = 10.0
"""So long after the fault nobody who lives may be cut either."""
LATE_S = 5.0
LOOK_S = 0.2


def run(plan: Plan, without: AbstractSet[Without] = frozenset()) -> tuple[Outcome, str]:
    """Play a run in namespaces of its own; return what came of it, and its story."""
    with (
        fleet(unused("fp"), RACKS) as net,
        tempfile.TemporaryDirectory(prefix="doctor-living-") as made,
    ):
        return asyncio.run(_run(plan, net, Path(made), without))


async def _run(
    plan: Plan, net: Fleet, folder: Path, without: AbstractSet[Without]
) -> tuple[Outcome, str]:
    _ends_by_signal()
    async with estate(net, folder, without, stepped=plan.fault is Fault.CLOCK) as place:
        began_s = time.monotonic() + CALM_S + max(-plan.dies_s, 0)
        stage = Stage(place, plan, began_s)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stage.fault())
            tasks.create_task(stage.death())
            tasks.create_task(stage.end())
        log = (folder / "daemon.log").read_text()
        dead = {f"compute-{number}": at_s for number, at_s in place.dead.items()}
        outcome = judged(plan, place.lab.record.entries, stage.faulty_s, dead, log)
        told = await story.told(place, plan, stage.faulty_s, stage.done)
    return outcome, told + story.tail(log)


class Stage:
    """What is done in a run, and when that was (CLOCK_MONOTONIC)."""

    def __init__(self, place: Estate, plan: Plan, began_s: float) -> None:
        self._place, self._plan = place, plan
        self._began_s = began_s
        self.faulty_s = began_s
        """When the fault truly began."""
        self.done: list[tuple[float, str]] = []

    async def fault(self) -> None:
        plan = self._plan
        await self._until(0)
        async with trouble(self._place, plan):
            self._note(f"the fault has begun: {plan.fault} ({plan.way})")
            await self._until(plan.length_s)
        self._note("the fault is over")

    async def death(self) -> None:
        await self._until(self._plan.dies_s)
        self._place.die(self._plan.dies)
        self._note(f"compute-{self._plan.dies} is dead")

    async def end(self) -> None:
        """Wait until the dead host is forced down or should be; and for a while after the fault."""
        plan = self._plan
        until_s = self._began_s + plan.from_s + plan.bound_s + LATE_S
        while time.monotonic() < until_s and not _fenced(self._host):  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(LOOK_S)
        await self._until(plan.length_s + AFTER_S)

    @property
    def _host(self) -> Host:
        return self._place.lab.world.hosts[f"compute-{self._plan.dies}"]

    def _note(self, text: str) -> None:
        self.done.append((time.monotonic(), text))

    async def _until(self, at_s: float) -> None:
        """Wait until so many seconds after the fault's beginning."""
        await asyncio.sleep(max(self._began_s + at_s - time.monotonic(), 0))


def _fenced(host: Host) -> bool:
    return host.service.forced_down and not host.power


def _ends_by_signal() -> None:
    """Have SIGTERM end the run as an exception does: everything that it made is unmade."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
