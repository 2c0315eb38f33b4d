"""Words and orders among several daemons: disarmed by either, handed over, and what waits."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.phases import Phase
from doctor_daemon.core.volumes import Target, VolumeAct, Wish
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.outbox import Delivering
from doctor_daemon.engine.volumes import VolumeOrders
from doctor_daemon.errors import Permanent, Temporary
from tests.engine.rig import Rig, accuse, incident_of, until
from tests.engine.sharing import two
from tests.engine.test_leading import SOON, shared
from tests.engine.volumes import BenchCinder
from tests.simulation.virtual import run


def test_orders_about_cinder_wait_until_those_of_before_are_known() -> None:
    async def main() -> None:
        _, first, second = two(Rig(policy=SOON))
        async with first.running():
            aside = second.engine()
            task = asyncio.create_task(aside.run())
            await asyncio.sleep(1)
            orders = VolumeOrders(aside, BenchCinder(first.clock))
            wish = Wish(VolumeAct.DISABLE, Target("a@b"), reason="x")
            with pytest.raises(Temporary, match="not known yet"):
                await orders.give(wish, "ann", "x")
            aside.stop()
            await task

    run(main())


def test_d2_a_disarm_that_is_said_to_one_that_stands_by_is_in_force_at_once() -> None:
    async def main() -> None:
        _, first, second = two(Rig(policy=SOON))
        async with first.running() as leader:
            await accuse(first, leader)
            aside = second.engine()
            task = asyncio.create_task(aside.run())
            await asyncio.sleep(0.5)
            first.disk.failures = 3  # it cannot be saved at once, and holds all the same
            await Operators(aside).disarm("ann", "core switch work")
            await asyncio.sleep(30)
            assert first.device.cuts == 0
            assert (leader.ward.armed.on, leader.ward.armed.by) == (False, "ann")
            assert incident_of(leader).held is not None
            assert shared(first).cluster.word is None, "it is saved, and needs no word any more"
            assert not (await first.disk.load()).armed.on
            await Operators(leader).arm("bob", "done")
            assert leader.ward.armed.on
            aside.stop()
            await task

    run(main())


def test_d2_a_disarm_that_is_answered_while_an_arming_is_on_its_way_stands() -> None:
    async def main() -> None:
        _, first, _ = two(Rig(policy=SOON))
        async with first.running() as engine:
            arming = asyncio.create_task(Operators(engine).arm("bob", "x"))
            await asyncio.sleep(0)  # its question who leads is on its way
            await Operators(engine).disarm("eve", "stop")
            with pytest.raises(Permanent, match="eve has disarmed"):
                await arming
            assert (engine.ward.armed.on, engine.ward.armed.by) == (False, "eve")

    run(main())


def test_l4_a_long_time_without_a_lease_gives_no_notice_up() -> None:
    async def main() -> None:
        _, first, _ = two(Rig(policy=SOON, delivering=Delivering(give_up_s=100.0)))
        async with first.running() as engine:
            await Operators(engine).arm("ann", "test")
            shared(first).lasts_s = 0.0
            await engine.desk.submit([first.evidence()])
            await asyncio.sleep(150)
            first.consumer.errors = [Temporary("connection refused")]
            shared(first).lasts_s = 10.0
            await until(engine, Phase.DOWN)
            await asyncio.sleep(5)
            assert first.consumer.heard != []
            assert engine.outbox.given_up.get("vnfm", 0) == 0

    run(main())


def test_a_take_over_that_cannot_save_hears_that_it_is_to_stop() -> None:
    async def main() -> None:
        cluster, first, second = two(Rig(policy=SOON))
        engine = first.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(first, engine)
        await until(engine, Phase.FORCING_DOWN)
        await first.crash(task)
        first.clock.reboot()
        shared(second).unwilling = True
        cluster.lead(None)
        successor = second.engine()
        following = asyncio.create_task(successor.run())
        await asyncio.wait((following,), timeout=60)
        assert following.done(), "it ends, and is begun anew"
        assert isinstance(following.exception(), Temporary)

    run(main())


def test_d2_a_disarm_that_cannot_be_said_is_an_error() -> None:
    async def main() -> None:
        _, first, second = two(Rig(policy=SOON))
        async with first.running():
            aside = second.engine()
            task = asyncio.create_task(aside.run())
            await asyncio.sleep(0.5)
            shared(second).unheard = True
            with pytest.raises(Temporary, match="etcd does not answer"):
                await Operators(aside).disarm("ann", "x")
            aside.stop()
            await task

    run(main())


def test_a_planned_hand_over_wants_one_that_is_ready() -> None:
    async def main() -> None:
        _, first, _ = two(Rig(policy=SOON))
        async with first.running() as engine:
            with pytest.raises(Permanent, match="no other daemon stands by"):
                Operators(engine).step_down()
            shared(first).ready = ("ctl-2",)
            assert Operators(engine).step_down() == "ctl-2"
            assert engine.stepping_down.is_set()

    run(main())


def test_a_single_daemon_has_nobody_to_step_down_for() -> None:
    async def main() -> None:
        rig = Rig()
        async with rig.running() as engine:
            assert Operators(engine).status()["leadership"] is None
            with pytest.raises(Permanent):
                Operators(engine).step_down()

    run(main())
