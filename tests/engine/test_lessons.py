"""What was found by trying to break it, each as the sequence of events that did."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Permanent, Temporary
from tests.engine.instruments import HOST
from tests.engine.rig import Rig, accuse, incident_of, until
from tests.simulation.virtual import run

SOON = Policy(grace_s=1.0)


def test_i15_an_earlier_arm_does_not_overtake_a_disarm() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            rig.disk.commit_s = 2.0
            arm = asyncio.create_task(operators.arm("ann", "go"))
            await asyncio.sleep(0.5)
            await operators.disarm("bob", "stop")
            with pytest.raises(Permanent, match="bob has disarmed"):
                await arm
            assert engine.ward.armed.on is False
            assert (await rig.disk.load()).armed.by == "bob"

    run(main())


def test_d2_a_disarm_that_could_not_be_saved_is_saved_later() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            await operators.arm("ann", "go")
            rig.disk.failures = 2
            with pytest.raises(Temporary):
                await operators.disarm("bob", "stop")
            assert (await rig.disk.load()).armed.on
            await asyncio.sleep(20)
            assert (await rig.disk.load()).armed.on is False

    run(main())


def test_a_maintenance_set_while_another_is_ended_stands() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            await operators.maintain(HOST, "ann", "disk", 600.0)
            rig.disk.commit_s = 1.0
            end = asyncio.create_task(operators.end_maintenance(HOST))
            await asyncio.sleep(0.5)
            await operators.maintain(HOST, "bob", "board", 600.0)
            assert await end is False
            assert engine.ward.maintenance[HOST].by == "bob"
            assert [w.by for w in (await rig.disk.load()).maintenance] == ["bob"]

    run(main())


def test_a9_a_host_that_reports_in_is_not_cut_because_nova_was_away_in_the_grace() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await Operators(engine).arm("ann", "test")
            rig.nova.errors = [Temporary("503")] * 8
            await engine.desk.submit([rig.evidence()])
            for _ in range(40):
                await asyncio.sleep(1)
                rig.nova.beats += 0.1  # a report every ten seconds, in tenths
            assert rig.device.cuts == 0

    run(main())


def test_close_can_be_asked_again_after_nova_was_away() -> None:
    rig = Rig(policy=SOON)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await asyncio.sleep(5)
            operators = Operators(engine)
            rig.nova.errors = [Temporary("503")] * 40
            await operators.order(HOST, Order.CLOSE, "ann", "mended")
            await asyncio.sleep(300)
            assert "Nova cannot be asked" in incident_of(engine).timeline[-1].text
            rig.nova.errors = []
            rig.nova.down.clear()
            await operators.order(HOST, Order.CLOSE, "ann", "mended")
            await asyncio.sleep(5)
            assert HOST not in engine.desk.cases

    run(main())


def test_fence_after_nova_was_away_forces_down() -> None:
    rig = Rig(policy=Policy(grace_s=1.0, force_down_tries=3, backoff_max_s=2.0))

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.FORCING_DOWN)
            rig.nova.errors = [Temporary("503")] * 30
            await until(engine, Phase.HELD)
            rig.nova.errors = []
            await Operators(engine).order(HOST, Order.FENCE, "ann", "Nova is back")
            await until(engine, Phase.DOWN)
            assert rig.nova.puts

    run(main())


def test_b18_after_a_restart_a_device_is_not_hammered_for_its_identity() -> None:
    rig = Rig(policy=SOON)

    async def main() -> None:
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(rig, engine)
        await until(engine, Phase.FORCING_DOWN)
        await rig.crash(task)
        rig.device.locked_out = True
        before = rig.device.identities
        async with rig.running():
            await asyncio.sleep(25)
            assert rig.device.identities - before < 30

    run(main())


def test_i8_after_a_reboot_a_charge_is_still_its_incidents_own() -> None:
    rig = Rig(policy=Policy(grace_s=1.0, budget_per_domain=1, budget_total=1))

    async def main() -> None:
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(rig, engine)
        await rig.device.began.wait()
        await rig.crash(task)
        rig.clock.reboot()
        async with rig.running() as second:
            await second.desk.submit([rig.evidence()])
            await until(second, Phase.DOWN)

    run(main())


def test_after_a_reboot_a_notice_is_tried_again_and_not_given_up() -> None:
    rig = Rig()

    async def main() -> None:
        rig.consumer.call_s = 1000.0
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await engine.desk.submit([rig.evidence()])
        await rig.crash(task)
        rig.clock.reboot()
        rig.consumer.call_s, rig.consumer.errors = 0.01, [Temporary("503")]
        async with rig.running():
            await asyncio.sleep(10)
            assert rig.consumer.kinds()[:1] == ["suspected"]

    run(main())


def test_stopping_ends_even_while_evidence_opens_and_closes() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await engine.desk.submit([rig.evidence()])
            rig.disk.commit_s = 1.0
            batch = [rig.evidence(Verdict.UP), rig.evidence()]
            sent = asyncio.create_task(engine.desk.submit(batch))
            await asyncio.sleep(0.2)
            engine.stop()
            await asyncio.wait((sent,))
        assert isinstance(sent.exception(), Temporary)

    assert run(main()) < 100


def test_i12_an_event_that_was_saved_late_is_known_when_it_is_repeated() -> None:
    rig = Rig(policy=Policy(grace_s=60.0))

    async def main() -> None:
        async with rig.running() as engine:
            rig.disk.commit_s = 6.0
            event = rig.evidence()
            with pytest.raises(Temporary):
                await engine.desk.submit([event])
            rig.disk.commit_s = 0.0
            await asyncio.sleep(10)
            await engine.desk.submit([rig.evidence(Verdict.UP)])
            (again,) = await engine.desk.submit([event])
            assert again.outcome == "repeated"
            assert HOST not in engine.desk.cases

    run(main())
