"""Cuts that wait for their device's turn: hosts on one line of slow agents are all fenced (B13)."""

from __future__ import annotations

import asyncio

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import Device, HostId, Level
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from tests.engine.instruments import CALL_S, HOST, OTHER, UUID
from tests.engine.rig import Rig, incident_of, until
from tests.simulation.virtual import run

SLOW_S = 6.0
"""How long a call of a slow agent takes: longer than a look is fresh."""
RACK = (Level((Device("bmc", "fence_agent", UUID, line="rack"),)),)


def bench() -> Rig:
    rig = Rig(levels=RACK)
    rig.device.call_s = SLOW_S
    return rig


def told(rig: Rig) -> None:
    assert rig.bugs == []


def test_b13_dead_hosts_on_one_slow_line_are_each_cut_at_the_first_try() -> None:
    rig = bench()

    async def main() -> None:
        async with rig.running() as engine:
            await Operators(engine).arm("ann", "test")
            for host in (HOST, OTHER):
                await engine.desk.submit([rig.evidence(host=host)])
            for host in (HOST, OTHER):
                await until(engine, Phase.DOWN, host, limit_s=600)
                assert incident_of(engine, host).tries == 1
                assert len(incident_of(engine, host).charges) == 1
        told(rig)

    run(main())
    assert rig.device.cuts == 2


def _waits(engine: Engine, host: HostId) -> bool:
    fencing = incident_of(engine, host).fencing
    return fencing is not None and fencing.device("bmc").lined


def test_i14_a_host_that_shows_life_while_its_cut_waits_its_turn_is_not_cut() -> None:
    rig = bench()

    async def main() -> None:
        async with rig.running() as engine:
            await Operators(engine).arm("ann", "test")
            for host in (HOST, OTHER):
                await engine.desk.submit([rig.evidence(host=host)])
            await asyncio.wait_for(rig.device.began.wait(), 300)
            await asyncio.sleep(SLOW_S / 2)  # the other one is prepared meanwhile
            alive = next(host for host in (HOST, OTHER) if _waits(engine, host))
            await engine.desk.submit([rig.evidence(Verdict.UP, alive)])
            await until(engine, Phase.DISMISSED, alive)
            await until(engine, Phase.DOWN, OTHER if alive is HOST else HOST, limit_s=600)
        told(rig)

    run(main())
    assert rig.device.cuts == 1


def test_a_device_that_is_gone_when_it_is_to_cut_is_told_once_and_not_asked_for_ever() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await Operators(engine).arm("ann", "test")
            await engine.desk.submit([rig.evidence()])
            await until(engine, Phase.FENCING)
            await asyncio.sleep(CALL_S / 2)
            assert rig.device.identities == 1
            devices = engine.ward.tools.devices
            assert isinstance(devices, dict)
            devices.clear()
            await until(engine, Phase.HELD)
        told(rig)

    run(main())
    assert rig.device.cuts == 0
