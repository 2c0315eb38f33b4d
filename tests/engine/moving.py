"""A bench whose host may be evacuated, and what a test asks of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.host import Mode
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.engine import Engine
from tests.engine.instruments import HOST
from tests.engine.rig import Rig, incident_of, server
from tests.simulation.virtual import run

SOON = Policy(grace_s=1.0)


def virtually(story: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    """Make a test of a story that is told in virtual time: in real time it would take minutes."""

    def test() -> None:
        run(story())

    return test


def bench(count: int = 3, policy: Policy = SOON) -> Rig:
    """Make a bench whose host has so many servers, and may be evacuated."""
    rig = Rig(policy=policy, mode=Mode.EVACUATE)
    rig.nova.there[HOST.name] = tuple(server(number, "red") for number in range(count))
    return rig


def stages(engine: Engine) -> dict[str, Stage]:
    return {id_: one.stage for id_, one in incident_of(engine).evacuations.items()}


def posted(rig: Rig) -> list[str]:
    """Return the servers of which a request came, in order."""
    return [server for _, server in rig.nova.rebuilds.posts]


async def comes(true: Callable[[], bool]) -> None:
    """Wait, in virtual time, for something to come true."""
    for _ in range(30_000):
        if true():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it has not come true in 300 s")


async def first_post(rig: Rig) -> None:
    await comes(lambda: bool(rig.nova.rebuilds.posts))


async def standing(engine: Engine, stage: Stage) -> None:
    """Wait until a server's record stands at a stage."""
    await comes(lambda: stage in stages(engine).values())
