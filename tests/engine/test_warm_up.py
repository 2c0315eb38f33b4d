"""A daemon that has just started watches for a while before it cuts anything."""

from __future__ import annotations

import asyncio

from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.operators import Operators
from tests.engine.rig import HOST, Rig, accuse, incident_of, until
from tests.simulation.virtual import run


def value(rig: Rig, name: str, **labels: str) -> float | None:
    """Return what a metric is at."""
    for set_gauges in rig.metrics.before_scrape:
        set_gauges()
    return rig.metrics.registry.get_sample_value(name, labels)


def test_a10_the_first_cut_waits_for_the_end_of_the_warm_up() -> None:
    rig = Rig(policy=Policy(grace_s=1.0), warm_up_s=60.0)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await asyncio.sleep(50)
            assert rig.device.cuts == 0
            made = incident_of(engine)
            assert made.phase is Phase.FENCING
            assert made.waiting is not None
            assert value(rig, "doctor_waiting", gate="warm-up") == 1
            left_s = value(rig, "doctor_warm_up_seconds")
            assert left_s is not None
            assert 9 < left_s < 11
            operators = Operators(engine)
            told = (await operators.explain(HOST))["incident"]["waiting"]
            assert told["gate"] == "warm-up"
            assert told["frees"] == "it goes on by itself"
            assert 9 < operators.status()["warm_up_left_s"] < 11
            await until(engine, Phase.DOWN)
            assert rig.device.cuts == 1
            assert rig.clock.now().boot_s < 75
            assert operators.status()["warm_up_left_s"] == 0
            assert (await operators.explain(HOST))["incident"]["waiting"] is None
            assert value(rig, "doctor_gate_refusals_total", gate="warm-up") == 1

    run(main())


def test_a10_a_take_over_watches_anew_and_reads_go_on() -> None:
    rig = Rig(policy=Policy(grace_s=1.0), warm_up_s=60.0)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await asyncio.sleep(50)
        began = rig.clock.now()
        async with rig.running() as second:
            await asyncio.sleep(55)
            assert rig.device.cuts == 0
            assert incident_of(second).phase is Phase.FENCING
            await until(second, Phase.DOWN)
            assert 60 < rig.clock.now().since(began) < 75

    run(main())


def test_a10_what_was_begun_before_a_crash_does_not_wait() -> None:
    rig = Rig(policy=Policy(grace_s=1.0), warm_up_s=60.0)

    async def main() -> None:
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(rig, engine)
        await until(engine, Phase.FORCING_DOWN)
        await rig.crash(task)
        began = rig.clock.now()
        async with rig.running() as second:
            await until(second, Phase.DOWN)
            assert rig.clock.now().since(began) < 30

    run(main())
