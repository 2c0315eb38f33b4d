"""Stories about the storage of a fenced host, on the bench."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from doctor_daemon.core.incident import Incident
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.volume_policy import VolumePolicy
from doctor_daemon.core.volume_tasks import TaskStage, VolumeTask
from doctor_daemon.engine.engine import Engine
from tests.engine.rig import Rig
from tests.engine.volumes import BenchCinder
from tests.simulation.virtual import run

NAME = "cmp-1@ceph"
POLICY = VolumePolicy(acts=True)
QUICK = Policy(grace_s=1.0)


def bench(policy: VolumePolicy = POLICY) -> tuple[Rig, BenchCinder]:
    rig = Rig(policy=QUICK, volumes=policy)
    cinder = BenchCinder(rig.clock)
    rig.storage = cinder
    return rig, cinder


def task_of(engine: Engine, service: str = NAME) -> VolumeTask | None:
    found = [one for one in engine.ward.stock.tasks.values() if one.service == service]
    return found[-1] if found else None


async def reach(
    engine: Engine, stage: TaskStage, service: str = NAME, limit_s: float = 400.0
) -> VolumeTask:
    """Wait, in virtual time, for a task to come to a stage."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < limit_s:
        task = task_of(engine, service)
        if task is not None and task.stage is stage:
            return task
        await asyncio.sleep(0.05)
    raise AssertionError(task_of(engine, service))


async def started(rig: Rig) -> tuple[Engine, asyncio.Task[None]]:
    """Start a daemon that is to crash."""
    engine = rig.engine()
    task = asyncio.create_task(engine.run())
    await engine.ready.wait()
    return engine, task


def cut_again(incident: Incident) -> Incident:
    """Return an incident as it is once its host was cut once more."""
    return replace(incident, tries=incident.tries + 1)


def told(task: VolumeTask) -> list[str]:
    return [line.text for line in task.story]


def die(cinder: BenchCinder, name: str = NAME) -> None:
    cinder.volumes.kill(name)


def story(
    main: Callable[[Rig, BenchCinder], Awaitable[None]], policy: VolumePolicy = POLICY
) -> None:
    """Play a story in virtual time; no bug is met in it."""
    rig, cinder = bench(policy)

    async def play() -> None:
        await main(rig, cinder)
        assert rig.bugs == []

    run(play())
