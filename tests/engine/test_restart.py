"""What a restart, a crash, a reboot and a stop do to a case that is under way."""

from __future__ import annotations

import asyncio

from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Temporary
from tests.engine.instruments import HOST
from tests.engine.rig import Rig, accuse, incident_of, until
from tests.simulation.virtual import run


def test_c2_a_daemon_that_dies_between_proof_and_put_carries_on() -> None:
    rig = Rig(policy=Policy(grace_s=1.0))

    async def main() -> None:
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(rig, engine)
        rig.nova.errors = []
        await until(engine, Phase.FORCING_DOWN)
        await rig.crash(task)
        assert rig.nova.puts == []
        async with rig.running() as second:
            await until(second, Phase.DOWN)
            assert rig.device.cuts == 1
            assert len(rig.nova.puts) == 1

    run(main())


def test_a_reboot_between_proof_and_put_has_the_power_read_again() -> None:
    rig = Rig(policy=Policy(grace_s=1.0))

    async def main() -> None:
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(rig, engine)
        await until(engine, Phase.FORCING_DOWN)
        await rig.crash(task)
        rig.clock.reboot()
        reads = rig.device.reads
        async with rig.running() as second:
            await until(second, Phase.DOWN)
            assert rig.device.reads >= reads + 3
            assert rig.device.cuts == 1

    run(main())


def test_nova_out_of_reach_delays_and_is_asked_again() -> None:
    rig = Rig(policy=Policy(grace_s=1.0))

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.FORCING_DOWN)
            rig.nova.errors = [Temporary("503")] * 4
            await until(engine, Phase.DOWN)

    run(main())


def test_close_waits_until_nova_shows_the_flag_gone() -> None:
    rig = Rig(policy=Policy(grace_s=1.0))

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            operators = Operators(engine)
            await operators.order(HOST, Order.CLOSE, "ann", "mended")
            await asyncio.sleep(5)
            assert incident_of(engine).phase is Phase.DOWN
            assert "clear the flag first" in incident_of(engine).timeline[-1].text
            rig.nova.down.clear()
            await operators.order(HOST, Order.CLOSE, "ann", "mended, and cleared")
            await asyncio.sleep(5)
            assert HOST not in engine.desk.cases

    run(main())


def test_stopping_lets_a_cut_come_to_its_end_and_begins_nothing() -> None:
    rig = Rig(policy=Policy(grace_s=1.0))

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            rig.device.call_s = 5.0
            await rig.device.began.wait()
        reads = rig.device.reads
        assert rig.device.on is False
        saved = (await rig.disk.load()).incidents[0]
        assert saved.fencing is not None
        assert saved.fencing.device("bmc").cut is Outcome.ACCEPTED
        rig.device.call_s = 0.1
        async with rig.running() as second:
            await until(second, Phase.DOWN)
            assert rig.device.cuts == 1
            assert rig.device.reads > reads

    run(main())
