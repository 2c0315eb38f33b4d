"""The way back, whole: a host that was forced down is given back to Nova by a running daemon."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Permanent
from tests.engine.coming_back import (
    NAME,
    down,
    give_back,
    host_down,
    is_back,
    order,
    over,
)
from tests.engine.instruments import HOST
from tests.engine.moving import bench, comes, stages
from tests.engine.rig import incident_of, until
from tests.simulation.virtual import run


def test_a_host_comes_back() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            await give_back(rig, engine)
            await over(engine)
            assert is_back(rig)
            assert rig.nova.lifts == [f"s-{NAME}"]
            await comes(lambda: rig.consumer.kinds()[-1] == "recovered")
            await comes(lambda: rig.consumer.kinds("red")[-1] == "recovered")

    run(main())


def test_a_host_that_nobody_starts_stays_forced_down_and_is_held() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            rig.device.on = True
            await order(engine, Order.RELEASE)
            await until(engine, Phase.HELD, limit_s=1000)
            held = incident_of(engine).held
            assert held is not None
            assert held.gate == "release"
            assert "nova-compute of cmp-1 has reported in 0 times" in held.why
            assert rig.nova.lifts == []
            await give_back(rig, engine)
            await over(engine)
            assert is_back(rig)

    run(main())


def test_trap_8_done_rows_are_waited_for_until_nova_compute_is_restarted() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            rig.device.on = True
            rig.nova.running.add(NAME)  # it lives, and has cleaned up nothing
            await order(engine, Order.RELEASE)
            await asyncio.sleep(60)
            assert rig.nova.lifts == []
            found = await Operators(engine).explain(HOST)
            assert "restart nova-compute there" in found["gates"]["lift"]["cleaned"]
            assert found["incident"]["release"]["evacuations_done"] == [1, 2, 3]
            rig.nova.start(NAME)
            await over(engine)
            assert is_back(rig)

    run(main())


def test_trap_9_rows_that_are_done_once_more_after_the_lift_keep_it_from_being_enabled() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            await give_back(rig, engine)
            await comes(lambda: NAME not in rig.nova.down)
            rig.nova.rebuilds.turn(1, "done")
            await asyncio.sleep(120)
            assert not is_back(rig)
            said = [entry.text for entry in incident_of(engine).timeline]
            assert any(text.startswith("ALARM: evacuations 1 have ended after") for text in said)
            rig.nova.start(NAME)
            await over(engine)
            assert is_back(rig)

    run(main())


def test_a_host_that_dies_again_before_the_lift_is_down_as_it_was() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            await engine.desk.submit([rig.evidence(Verdict.UP)])
            await order(engine, Order.RELEASE)
            await engine.desk.submit([rig.evidence()])
            await until(engine, Phase.DOWN)
            await asyncio.sleep(60)
            assert rig.nova.lifts == []
            assert rig.device.cuts == 1
            await give_back(rig, engine)
            await over(engine)

    run(main())


def test_a_host_that_dies_again_after_the_lift_is_proven_off_anew() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            await give_back(rig, engine)
            await engine.desk.submit([rig.evidence(Verdict.UP)])
            await comes(lambda: NAME not in rig.nova.down)
            rig.nova.running.discard(NAME)
            await engine.desk.submit([rig.evidence()])
            await until(engine, Phase.FENCING)
            await until(engine, Phase.DOWN)
            assert rig.device.cuts == 2
            assert NAME in rig.nova.down
            assert len(incident_of(engine).charges) == 2
            assert set(stages(engine).values()) == {Stage.MOVED}
            await give_back(rig, engine)
            await over(engine)
            assert is_back(rig)

    run(main())


@pytest.mark.parametrize("outcome", Outcome)
def test_however_a_lift_and_an_enable_end_the_host_comes_back(outcome: Outcome) -> None:
    async def main() -> None:
        rig = bench()
        rig.nova.ends = [outcome, Outcome.ACCEPTED, outcome]
        if outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
            rig.nova.ends = [outcome, outcome]
        async with rig.running() as engine:
            await down(rig, engine)
            await give_back(rig, engine)
            await over(engine)
            assert is_back(rig)
            undone = outcome not in (Outcome.ACCEPTED, Outcome.UNKNOWN)
            assert len(rig.nova.lifts) == 1 + undone

    run(main())


@pytest.mark.parametrize("after_s", [0.05, 5, 15, 25, 32, 40, 70, 95, 96, 97, 98])
def test_a_daemon_that_dies_on_the_way_back_is_followed_by_one_that_ends_it(after_s: float) -> None:
    async def main() -> None:
        rig = bench()
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await down(rig, engine)
        await give_back(rig, engine)
        await asyncio.sleep(after_s)
        await rig.crash(task)
        async with rig.running() as second:
            await over(second)
            assert is_back(rig)
        assert rig.bugs == []

    run(main())


def test_somebody_else_clears_the_flag_first() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            await give_back(rig, engine)
            rig.nova.down.discard(NAME)
            await over(engine)
            assert rig.nova.lifts == []
            assert is_back(rig)

    run(main())


def test_somebody_forces_it_down_again_while_it_is_watched() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            await give_back(rig, engine)
            await comes(lambda: NAME not in rig.nova.down)
            await asyncio.sleep(5)
            rig.nova.down.add(NAME)
            await until(engine, Phase.HELD)
            assert len(rig.nova.lifts) == 1

    run(main())


def test_the_policy_may_leave_it_disabled() -> None:
    async def main() -> None:
        async with host_down(policy=Policy(grace_s=1.0, enable=False)) as (rig, engine):
            await give_back(rig, engine)
            await over(engine)
            assert NAME not in rig.nova.down
            assert NAME not in rig.nova.enabled

    run(main())


def test_an_operator_has_it_switched_on() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            await order(engine, Order.POWER_ON)
            await comes(lambda: rig.device.switches == 1)
            await asyncio.sleep(5)
            assert (rig.device.on, incident_of(engine).phase) == (True, Phase.DOWN)
            assert incident_of(engine).timeline[-1].text == "bmc: switch on accepted: 204"
            rig.nova.start(NAME)
            await order(engine, Order.RELEASE)
            await over(engine)
            assert is_back(rig)

    run(main())


def test_disarmed_nothing_is_switched_on_and_nothing_lifted() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            await Operators(engine).disarm("ann", "storage is being moved")
            await order(engine, Order.POWER_ON)
            await give_back(rig, engine)
            await asyncio.sleep(120)
            assert (rig.device.switches, rig.nova.lifts) == (0, [])
            await Operators(engine).arm("ann", "done")
            await over(engine)
            assert is_back(rig)

    run(main())


def test_a_release_is_called_off() -> None:
    async def main() -> None:
        async with host_down() as (_, engine):
            await order(engine, Order.RELEASE)
            await order(engine, Order.DISMISS)
            assert incident_of(engine).phase is Phase.DOWN
            with pytest.raises(Permanent, match="dismiss is for one that is suspected"):
                await order(engine, Order.DISMISS)

    run(main())
