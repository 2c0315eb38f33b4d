"""A Cinder that says nothing for long: nothing is forgotten, and nothing waits unseen."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.volume_tasks import TaskStage, round_of
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Temporary
from tests.engine.instruments import HOST, OTHER
from tests.engine.rig import Rig, accuse, incident_of, until
from tests.engine.storage import NAME, cut_again, die, reach, started, story, task_of, told
from tests.engine.volumes import BenchCinder
from tests.stores.values import volume_task


def test_a_cinder_that_says_nothing_for_long_is_told_and_what_waits_for_it_goes_on() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME)
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.WATCHING)
            cinder.errors = [Temporary("503")] * 1000
            await asyncio.sleep(800)
            assert task_of(engine) == await reach(engine, TaskStage.WATCHING)
            task = await reach(engine, TaskStage.HELD)
            assert task.why == f"Cinder has not told how {NAME} stands: 503"
            (needed,) = Operators(engine).status()["storage"]
            assert needed["why"] == task.why
            cinder.errors = []
            done = await reach(engine, TaskStage.DOWN)
            assert "it goes on: what barred it is over" in told(done)
            assert cinder.asked == [f"disable {NAME}"]

    story(main)


def test_only_silence_without_a_break_is_told() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME, cluster="ceph")
        cinder.add("cmp-2@ceph", cluster="ceph")
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.RESTING)
            for _ in range(3):
                cinder.errors = [Temporary("503")] * 60
                await asyncio.sleep(700)
            task = await reach(engine, TaskStage.RESTING)
            assert not [text for text in told(task) if "has not told" in text]

    story(main)


def test_an_incident_that_is_closed_while_cinder_is_asked_is_looked_up_all_the_same() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME)
        cinder.answers.clear()
        async with rig.running() as engine:
            elsewhere = replace(volume_task(2), host=OTHER, stage=TaskStage.WATCHING)
            engine.ward.stock.tasks[2] = elsewhere
            await asyncio.sleep(20)
            assert cinder.lists == 1
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            rig.nova.down.clear()
            await Operators(engine).order(HOST, Order.CLOSE, "ann", "by hand")
            await asyncio.sleep(5)
            assert HOST not in engine.desk.cases
            cinder.answers.set()
            die(cinder)
            await reach(engine, TaskStage.DOWN)

    story(main)


@pytest.mark.parametrize("failures", [0, 3])
def test_a_fencing_that_nobody_has_looked_up_outlives_its_incident_and_the_daemon(
    failures: int,
) -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME)
        cinder.answers.clear()
        engine, life = await started(rig)
        elsewhere = replace(volume_task(2), host=OTHER, stage=TaskStage.WATCHING)
        engine.ward.stock.tasks[2] = elsewhere
        await asyncio.sleep(20)
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        rig.nova.down.clear()
        await Operators(engine).order(HOST, Order.CLOSE, "ann", "by hand")
        rig.disk.failures = failures
        await asyncio.sleep(30)
        assert HOST not in engine.desk.cases
        (needed,) = [one for one in Operators(engine).status()["storage"] if not one["service"]]
        assert needed["why"].startswith(f"see whether a cinder-volume ran on {HOST}")
        await rig.crash(life)
        cinder.answers.set()
        die(cinder)
        async with rig.running() as second:
            assert (await reach(second, TaskStage.DOWN)).number == 4
            assert row.disabled
            assert (await reach(second, TaskStage.DONE, "")).number == 3

    story(main)


def test_what_was_looked_up_is_not_looked_up_again_at_the_end_of_its_incident() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await asyncio.sleep(20)
            assert cinder.lists == 1
            rig.nova.down.clear()
            await Operators(engine).order(HOST, Order.CLOSE, "ann", "by hand")
            await asyncio.sleep(20)
            assert HOST not in engine.desk.cases
            assert engine.ward.stock.tasks == {}

    story(main)


def test_of_two_fencings_that_could_not_be_looked_up_the_later_one_counts() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME)
        cinder.errors = [Temporary("503")] * 1000
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await reach(engine, TaskStage.LOOKING, "")
            before = incident_of(engine)
            again = cut_again(before)
            engine.desk.cases[HOST].incident = again
            engine.storekeeper.heed(None, again)
            await asyncio.sleep(15)
            rounds = [task.round for task in engine.ward.stock.tasks.values()]
            assert rounds == [round_of(before), round_of(again)]
            die(cinder)
            cinder.errors = []
            assert (await reach(engine, TaskStage.DOWN)).round == round_of(again)
            assert row.disabled
            looked = [task for task in engine.ward.stock.tasks.values() if not task.service]
            assert [task.over for task in looked] == [True, True]

    story(main)
