"""Probes that somebody waits for, and that something comes in the way of: not lost, and no bug."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from doctor_daemon.core.readiness import Fenceable, Probing
from tests.engine.test_readiness import Fleet
from tests.simulation.virtual import run


def test_a_probe_that_somebody_waits_for_comes_again_though_the_schedule_is_off() -> None:
    fleet = Fleet(1)
    fleet.ward.rules = replace(fleet.ward.rules, probing=Probing())
    host = fleet.hosts[0]
    fleet.devices[host].call_s = 20.0
    fleet.open.add(host)

    async def main() -> None:
        task = asyncio.create_task(fleet.readiness.run())
        await asyncio.sleep(20)
        fleet.readiness.ask([host])
        await asyncio.sleep(5)
        async with fleet.ward.tools.device_turns.turn(f"{host}/bmc"):
            await asyncio.sleep(1)
        await asyncio.sleep(120)
        assert fleet.readiness.fenceable(host) is Fenceable.YES
        assert fleet.devices[host].identities == 2
        await asyncio.sleep(5000)
        assert fleet.devices[host].identities == 2
        task.cancel()
        await asyncio.wait((task,))

    run(main())
    assert fleet.rig.bugs == []


def test_a_device_that_a_reload_takes_away_before_its_probe_is_no_bug() -> None:
    fleet = Fleet(1)
    gone = replace(fleet.ward.tools, devices={})

    async def main() -> None:
        task = asyncio.create_task(fleet.readiness.run())
        await asyncio.sleep(5)
        fleet.readiness.ask(fleet.hosts)
        fleet.ward.tools = gone
        await asyncio.sleep(300)
        task.cancel()
        await asyncio.wait((task,))

    run(main())
    assert fleet.rig.bugs == []
    assert fleet.devices[fleet.hosts[0]].identities == 0
