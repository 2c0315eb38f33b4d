"""What a restart and a reboot leave of what is known of other hosts: nothing is off on trust."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.fencing import SPAN
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.neighbours import Neighbours
from tests.core import make
from tests.core.make import Fields
from tests.engine.instruments import HOST, OTHER
from tests.engine.moving import SOON, bench, comes, posted
from tests.engine.rig import accuse, incident_of, until
from tests.engine.test_neighbours import DOWN, NOW, POLICY, incident
from tests.simulation.virtual import run

LONG_S = SPAN * POLICY.grace_s


def seen(neighbours: Neighbours, seconds: float, **changes: Fields) -> bool:
    """Show the other host; tell whether it is taken for off."""
    neighbours.noticed(OTHER, make.sighting(seconds, **{**DOWN, **changes}))
    return OTHER.name in neighbours.off(HOST, make.at(seconds), POLICY)


def test_after_a_restart_nobody_is_off_without_a_fresh_look_that_lasts() -> None:
    neighbours = Neighbours()
    neighbours.resumed(incident(host=OTHER, phase=Phase.DOWN, look=make.sighting(7, **DOWN)), NOW)
    assert neighbours.off(HOST, NOW, POLICY) == {}
    assert [seen(neighbours, 10), seen(neighbours, 10 + LONG_S - 1)] == [False, False]
    assert seen(neighbours, 10 + LONG_S)


def test_after_a_restart_a_host_that_reports_in_is_not_off() -> None:
    neighbours = Neighbours()
    neighbours.resumed(incident(host=OTHER, phase=Phase.DOWN), NOW)
    assert not seen(neighbours, 10)
    assert not seen(neighbours, 20, updated_s=1010.0)
    assert not seen(neighbours, 60, updated_s=1010.0)


def test_after_a_restart_a_proof_that_is_renewed_is_enough() -> None:
    neighbours = Neighbours()
    down = incident(host=OTHER)
    neighbours.resumed(down, NOW)
    assert not seen(neighbours, 10)
    neighbours.saw(replace(down, proof=make.power_proof(11), sighting=None), make.at(11))
    assert seen(neighbours, 12)


def test_after_a_reboot_nobody_is_off_by_a_proof_of_before() -> None:
    neighbours, now = Neighbours(), make.at(9, make.OTHER_BOOT)
    neighbours.resumed(incident(host=OTHER, phase=Phase.DOWN), now)
    for seconds in (10, 40):
        look = make.sighting(0, **DOWN, asked_at=make.at(seconds, make.OTHER_BOOT))
        neighbours.noticed(OTHER, look)
        assert neighbours.off(HOST, look.asked_at, POLICY) == {}


@pytest.mark.parametrize("phase", [Phase.HELD, Phase.RELEASING])
def test_a_sign_of_life_is_not_forgotten_because_the_incident_went_elsewhere(phase: Phase) -> None:
    neighbours, down = Neighbours(), incident(host=OTHER, phase=Phase.DOWN)
    neighbours.saw(down, NOW)
    assert not seen(neighbours, 9, updated_s=1010.0)
    neighbours.saw(replace(down, phase=phase), make.at(10))
    neighbours.saw(replace(down, sighting=None), make.at(11))
    assert not seen(neighbours, 12, updated_s=1010.0)
    neighbours.saw(replace(down, phase=Phase.RESOLVED), make.at(13))
    neighbours.saw(replace(down, proof=make.power_proof(14), sighting=None), make.at(14))
    assert seen(neighbours, 15, updated_s=1010.0)


@pytest.mark.parametrize("rebooted", [False, True])
def test_trap_14_a_destination_that_showed_life_before_a_restart_is_not_dead_after_it(
    *, rebooted: bool
) -> None:
    """It is silent again: but what it was given while it was in use may still go on there."""
    run(_shows_life(rebooted=rebooted))


async def _shows_life(*, rebooted: bool) -> None:
    rig = bench(1)
    rig.nova.rebuilds.takes_s = 500.0
    rig.nova.rebuilds.to = OTHER.name
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: any(row.to for row in rig.nova.rebuilds.rows))
        await engine.desk.submit([rig.evidence(host=OTHER)])
        await until(engine, Phase.DOWN, OTHER)
        rig.nova.running.add(OTHER.name)
        await asyncio.sleep(31)
        rig.nova.running.discard(OTHER.name)
        assert incident_of(engine, OTHER).reported_at is not None
        sent = posted(rig)
    if rebooted:
        rig.clock.reboot()
    async with rig.running() as engine:
        for _ in range(20):
            await asyncio.sleep(5)
            assert engine.ward.neighbours.off(HOST, rig.clock.now(), SOON) == {}
        assert posted(rig) == sent
