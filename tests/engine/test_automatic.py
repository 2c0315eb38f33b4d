"""A host that comes back by itself: released and switched on by policy, and not for ever."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Migration, Stuck
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import WayBack
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Permanent
from tests.engine.coming_back import NAME, host_down, is_back, order, over, repair
from tests.engine.instruments import HOST
from tests.engine.moving import comes
from tests.engine.rig import Rig, incident_of, until
from tests.simulation.virtual import run

BY_ITSELF = WayBack(automatic=True)
QUICK = Policy(grace_s=1.0, quarantine_s=60.0, budget_per_domain=9, budget_total=9)


async def back_by_itself(rig: Rig, engine: Engine) -> None:
    repair(rig)
    await over(engine)
    assert is_back(rig)


async def fails_again(rig: Rig, engine: Engine) -> None:
    """Let the host die once more, as a new incident."""
    rig.nova.running.discard(NAME)
    await engine.desk.submit([rig.evidence()])
    await until(engine, Phase.DOWN)


def test_a_host_comes_back_by_itself() -> None:
    async def main() -> None:
        async with host_down(QUICK, BY_ITSELF) as (rig, engine):
            await asyncio.sleep(200)
            assert incident_of(engine).phase is Phase.DOWN
            began = rig.clock.now()
            await back_by_itself(rig, engine)
            assert rig.clock.now().since(began) > QUICK.quarantine_s + QUICK.watch_s
            assert rig.nova.lifts == [f"s-{NAME}"]
            await comes(lambda: rig.consumer.kinds()[-1] == "recovered")

    run(main())


def test_a_host_is_switched_on_and_comes_back_by_itself() -> None:
    async def main() -> None:
        both = WayBack(automatic=True, power_on=True)
        async with host_down(QUICK, both) as (rig, engine):
            await comes(lambda: rig.device.switches == 1)
            await back_by_itself(rig, engine)

    run(main())


def test_a_daemon_that_dies_in_the_quarantine_is_followed_by_one_that_begins_it_anew() -> None:
    async def main() -> None:
        async with host_down(QUICK, BY_ITSELF) as (rig, engine):
            repair(rig)
            await until(engine, Phase.RELEASING)
            await asyncio.sleep(40)
        assert rig.nova.lifts == []
        began = rig.clock.now()
        async with rig.running() as second:
            await over(second)
            assert rig.clock.now().since(began) > QUICK.quarantine_s
            assert is_back(rig)

    run(main())


def test_a_host_that_fails_again_and_again_waits_for_a_human() -> None:
    async def main() -> None:
        async with host_down(QUICK, BY_ITSELF) as (rig, engine):
            await back_by_itself(rig, engine)
            await engine.desk.submit([rig.evidence(Verdict.UP)])
            await fails_again(rig, engine)
            await back_by_itself(rig, engine)
        async with rig.running() as second:  # what was before is known to the next daemon too
            await fails_again(rig, second)
            repair(rig)
            await until(second, Phase.HELD)
            held = incident_of(second).held
            assert held is not None
            assert (held.gate, len(rig.nova.lifts)) == ("flaps", 2)
            await order(second, Order.RELEASE)
            await over(second)
            assert is_back(rig)

    run(main())


def test_returns_of_long_ago_do_not_count() -> None:
    async def main() -> None:
        policy = replace(QUICK, flaps_max=1, flap_window_s=600.0)
        async with host_down(policy, BY_ITSELF) as (rig, engine):
            await back_by_itself(rig, engine)
            assert engine.ward.context(HOST).returns == 1
            await asyncio.sleep(601)
            assert engine.ward.context(HOST).returns == 0
            await fails_again(rig, engine)
            await back_by_itself(rig, engine)

    run(main())


def test_explain_says_what_is_waited_for() -> None:
    async def main() -> None:
        async with host_down(QUICK, BY_ITSELF) as (rig, engine):
            repair(rig)
            await until(engine, Phase.RELEASING)
            await asyncio.sleep(30)
            found = await Operators(engine).explain(HOST)
            told = found["gates"]["lift"]["quarantine"]
            assert told.startswith("cmp-1 has been seen alive, and not called down, for ")
            assert found["incident"]["release"]["ordered"] is False

    run(main())


def test_a_host_in_use_that_is_wrongly_called_down_is_not_cut_again() -> None:
    async def main() -> None:
        async with host_down(Policy(grace_s=15.0)) as (rig, engine):
            repair(rig)
            await order(engine, Order.RELEASE)
            await engine.desk.submit([rig.evidence(Verdict.UP)])
            await comes(lambda: NAME not in rig.nova.down)
            await asyncio.sleep(5)
            await engine.desk.submit([rig.evidence()])
            await asyncio.sleep(60)
            await engine.desk.submit([rig.evidence(Verdict.UP)])
            await over(engine)
            assert rig.device.cuts == 1
            assert is_back(rig)

    run(main())


def test_an_operator_vouches_for_an_evacuation_that_never_ends() -> None:
    async def main() -> None:
        async with host_down() as (rig, engine):
            rebuilds, operators = rig.nova.rebuilds, Operators(engine)
            for row in tuple(rebuilds.rows):
                rebuilds.turn(row.id, "completed")
            rebuilds.rows.append(Migration(4, "vm-9", NAME, "cmp-8", "pre-migrating"))
            rig.device.on = True
            rig.nova.running.add(NAME)
            await order(engine, Order.RELEASE)
            await until(engine, Phase.HELD, limit_s=1000)
            found = (await operators.explain(HOST))["incident"]["release"]
            assert found["evacuations_stuck"] == ["4@cmp-8"]
            words = (HOST, Order.RELEASE, "ann", "virsh says so")
            with pytest.raises(Permanent, match="4@cmp-7 is not an evacuation that does not end"):
                await operators.order(*words, accept=(Stuck(4, "cmp-7"),))
            await operators.order(*words, accept=(Stuck(4, "cmp-8"),))
            await over(engine)
            assert is_back(rig)

    run(main())
