"""What befalls a daemon that leads, or those that stand by."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Temporary
from tests.simulation.daemons import Living
from tests.simulation.takeovers import PATIENCE_S, Takeover

AWAY_S = 60.0
"""Much longer than a lease lasts."""
LATE_S = 30.0
LIES_S = 3.0
"""So long one says off too early: longer than the hold lasts."""


async def dies(_: Takeover, first: Living) -> None:
    """Let the one that leads be killed."""
    assert first.process.crash is not None
    first.process.crash()


async def dies_unheard(scene: Takeover, first: Living) -> None:
    """The same, and nobody says any more what he has said of the host."""
    scene.silent = True
    await dies(scene, first)


async def dies_and_is_followed_late(scene: Takeover, first: Living) -> None:
    """The same, until half a minute later: who says so has to be told of the next one."""
    await dies_unheard(scene, first)
    await asyncio.sleep(LATE_S)
    scene.silent = False


async def dies_and_it_lives(scene: Takeover, first: Living) -> None:
    """Let the one that leads be killed, and the host come back: it had only hung."""
    await dies(scene, first)
    scene.machine.compute = True


async def dies_and_it_is_off(scene: Takeover, first: Living) -> None:
    """Let the one that leads be killed, and somebody pull the plug of the host."""
    await dies(scene, first)
    scene.world.switch(scene.machine, on=False)


async def dies_and_it_is_on(scene: Takeover, first: Living) -> None:
    """Let the one that leads be killed, and a restore policy switch the host on."""
    await dies(scene, first)
    scene.world.switch(scene.machine, on=True)


async def two_die_in_turn(scene: Takeover, first: Living) -> None:
    """Let the one that leads be killed, and the next one as soon as it has taken over."""
    await dies(scene, first)
    await scene.until(lambda: scene.daemons.leading is not None)
    await dies(scene, scene.leading)


async def lies(scene: Takeover, _: Living) -> None:
    """Let the first device say Off, and cut nothing."""
    scene.machine.liar = "bmc"
    await scene.until(lambda: bool(scene.disk.saved))


def _is_cut(scene: Takeover) -> bool:
    """Tell whether it is saved that the first device has answered a cut."""
    fencing = scene.incident.fencing
    return fencing is not None and fencing.device("bmc").cut is not None


async def lies_for_a_while(scene: Takeover, first: Living) -> None:
    """Let it say Off for a while before that is true."""
    await lies(scene, first)
    await scene.until(lambda: _is_cut(scene))
    await asyncio.sleep(LIES_S)
    scene.machine.liar = ""
    scene.world.supply(scene.machine, "bmc", on=False)


async def lies_and_the_leader_dies(scene: Takeover, first: Living) -> None:
    """Let it lie, and who leads be killed over that."""
    await lies(scene, first)
    await scene.until(lambda: _is_cut(scene))
    await asyncio.sleep(LIES_S)
    await dies(scene, first)


async def all_die(scene: Takeover, _: Living) -> None:
    """Let all be killed."""
    for one in tuple(scene.daemons.living.values()):
        await dies(scene, one)


async def two_die(scene: Takeover, first: Living) -> None:
    """Let the one that leads be killed, and one of those that stand by."""
    second, _ = scene.daemons.aside
    await dies(scene, first)
    await dies(scene, second)


async def stands_still(scene: Takeover, first: Living) -> None:
    """Let the one that leads stand still for much longer than its lease lasts."""
    scene.boundaries.pauses.begin(first.process, AWAY_S)
    await asyncio.sleep(AWAY_S)


async def is_frozen(scene: Takeover, first: Living) -> None:
    """Let its machine be frozen, with all clocks."""
    await scene.until(lambda: not first.process.confirming)
    scene.boundaries.pauses.freeze(first.process, AWAY_S)
    assert first.process.still
    await asyncio.sleep(AWAY_S)


async def is_frozen_in_silence(scene: Takeover, first: Living) -> None:
    """The same, and nobody says anything that it would have to save when it goes on."""
    scene.silent = True
    await is_frozen(scene, first)


async def is_cut_off(scene: Takeover, first: Living) -> None:
    """Let no way lead from it to the store."""
    first.site.cut_off_until_s = scene.world.now() + AWAY_S
    await asyncio.sleep(AWAY_S)


async def store_is_away(scene: Takeover, _: Living) -> None:
    """Let nobody reach the store for a while; without a majority no lease runs out."""
    scene.daemons.lease.away_until_s = scene.world.now() + AWAY_S
    scene.daemons.lease.prolong(AWAY_S)
    await asyncio.sleep(AWAY_S)


async def steps_down(scene: Takeover, first: Living) -> None:
    """Let an operator have the other one lead."""

    async def order() -> str:
        return Operators(first.engine).step_down()

    (aside,) = scene.daemons.aside
    assert await first.ask(order(), PATIENCE_S) == aside.site.name


async def is_disarmed_aside(scene: Takeover, _: Living) -> None:
    """Let an operator disarm at the one that stands by."""
    (aside,) = scene.daemons.aside
    await aside.ask(Operators(aside.engine).disarm("ann", "stop"), PATIENCE_S)
    scene.oracle.disarmed_since = scene.world.now()


async def is_disarmed_aside_and_dies(scene: Takeover, first: Living) -> None:
    """The same, and who leads dies before it has read the word."""
    await is_disarmed_aside(scene, first)
    await dies(scene, first)


async def is_told_aside(scene: Takeover, _: Living) -> None:
    """Let a monitor tell the one that stands by, which takes nothing in."""
    (aside,) = scene.daemons.aside
    with pytest.raises(Temporary, match="stands by"):
        await aside.ask(scene.say(aside, Verdict.DOWN), PATIENCE_S)
