"""A daemon dies between a cut and its answer, and what comes after it needs the words anew."""

from __future__ import annotations

import asyncio

from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.operators import Operators
from tests.engine.rig import HOST, Rig, accuse, incident_of, until
from tests.engine.test_warm_up import value
from tests.simulation.virtual import run

SOON = Policy(grace_s=1.0, evidence_age_s=100.0)


async def dies_cutting(rig: Rig) -> None:
    """Let a daemon die while its order to cut is out, and its machine boot."""
    rig.device.call_s = 0.5
    engine = rig.engine()
    task = asyncio.create_task(engine.run())
    await engine.ready.wait()
    await accuse(rig, engine)
    await rig.device.began.wait()
    await rig.crash(task)
    rig.clock.reboot()


def test_a10_it_waits_is_explained_and_goes_on_once_the_source_has_spoken() -> None:
    rig = Rig(policy=SOON)

    async def main() -> None:
        await dies_cutting(rig)
        async with rig.running() as second:
            await asyncio.sleep(30)
            assert incident_of(second).phase is Phase.FENCING
            assert value(rig, "doctor_waiting", gate="repeated") == 1
            told = await Operators(second).explain(HOST)
            assert told["incident"]["waiting"]["gate"] == "repeated"
            assert "to say it again" in told["incident"]["waiting"]["why"]
            assert rig.device.cuts == 1
            await second.desk.submit([rig.evidence()])
            await until(second, Phase.DOWN)
            assert rig.device.cuts == 2
            assert value(rig, "doctor_waiting", gate="repeated") is None

    run(main())


def test_a10_it_is_held_when_the_age_of_evidence_has_passed_and_not_before() -> None:
    rig = Rig(policy=SOON)

    async def main() -> None:
        await dies_cutting(rig)
        async with rig.running() as second:
            began = rig.clock.now()
            await until(second, Phase.HELD)
            assert 100 <= rig.clock.now().since(began) < 103
            held = incident_of(second).held
            assert held is not None
            assert held.gate == "evidence"
            assert rig.device.cuts == 1

    run(main())


def test_a10_a_nova_compute_that_reports_in_meanwhile_asks_a_human() -> None:
    rig = Rig(policy=SOON)

    async def main() -> None:
        await dies_cutting(rig)
        async with rig.running() as second:
            await asyncio.sleep(20)
            rig.nova.beats += 10
            await second.desk.submit([rig.evidence()])
            await until(second, Phase.HELD)
            held = incident_of(second).held
            assert held is not None
            assert held.gate == "contradiction"
            assert rig.device.cuts == 1

    run(main())
