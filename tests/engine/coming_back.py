"""A bench whose host is down, and what brings it back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from doctor_daemon.core.host import WayBack
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from tests.engine.instruments import HOST
from tests.engine.moving import SOON, bench, comes
from tests.engine.rig import Rig, accuse, until

NAME = HOST.name
BY_ORDER = WayBack()


@asynccontextmanager
async def host_down(
    policy: Policy = SOON, way_back: WayBack = BY_ORDER
) -> AsyncIterator[tuple[Rig, Engine]]:
    """Run a daemon whose host has been fenced, and its servers moved; see that it met no bug."""
    rig = bench(policy=policy)
    rig.way_back = way_back
    async with rig.running() as engine:
        await down(rig, engine)
        yield rig, engine
    assert rig.bugs == []


async def down(rig: Rig, engine: Engine) -> None:
    """Fence the host, and move its servers."""
    await accuse(rig, engine)
    await until(engine, Phase.DOWN)


async def order(engine: Engine, what: Order) -> None:
    await Operators(engine).order(HOST, what, "ann", "new mainboard")


def repair(rig: Rig) -> None:
    """Repair the host, and start it."""
    rig.device.on = True
    rig.nova.start(NAME)


async def give_back(rig: Rig, engine: Engine) -> None:
    """Repair the host, start it, and order its release."""
    repair(rig)
    await order(engine, Order.RELEASE)


async def over(engine: Engine) -> None:
    """Wait for the end of the incident."""
    await comes(lambda: HOST not in engine.desk.cases)


def is_back(rig: Rig) -> bool:
    nova = rig.nova
    return NAME not in nova.down and NAME in nova.enabled
