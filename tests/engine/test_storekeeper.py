"""The storage of fenced hosts, beside the incident and after it, with the whole engine around."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.volume_policy import VolumePolicy
from doctor_daemon.core.volume_tasks import TaskStage
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Temporary
from tests.engine.instruments import HOST, OTHER
from tests.engine.rig import Rig, accuse, incident_of, until
from tests.engine.storage import NAME, POLICY, die, reach, story, task_of, told
from tests.engine.volumes import BenchCinder


def test_a_fenced_host_s_cinder_volume_is_disabled_and_held_and_nova_s_side_goes_on() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row, other = cinder.add(NAME), cinder.add("cmp-2@ceph")
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            die(cinder)
            task = await reach(engine, TaskStage.DOWN)
            assert (row.disabled, row.reason, other.disabled) == (True, task.reason, False)
            assert task.reason.startswith(incident_of(engine).mark)
            assert cinder.asked == [f"disable {NAME}"]
            assert incident_of(engine).phase is Phase.DOWN
            shown = await Operators(engine).explain(HOST)
            (found,) = shown["storage"]
            assert (found["stage"], found["why"]) == ("down", f"bring {NAME} up elsewhere")
            (needed,) = Operators(engine).status()["storage"]
            assert (needed["service"], needed["why"]) == (NAME, found["why"])
            metric = rig.metrics.registry.get_sample_value
            engine._gauges()  # noqa: SLF001 - what a scrape does
            assert metric("doctor_storage_tasks", {"stage": "down"}) == 1

    story(main)


def test_what_comes_up_elsewhere_is_enabled_and_ends_its_task() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME)
        cinder.older = True
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            await asyncio.sleep(100)
            assert task_of(engine) == await reach(engine, TaskStage.DOWN)
            cinder.volumes.start(NAME)
            task = await reach(engine, TaskStage.DONE)
            assert not row.disabled
            back = "cmp-1 is off as far as is known: taking our disabling back"
            assert f"{NAME} is up again, and {back}" in told(task)
            assert cinder.asked == [f"disable {NAME}", f"enable {NAME}"]
            lists = cinder.lists
            await asyncio.sleep(100)
            assert cinder.lists == lists  # nobody is asked without need
            assert (await Operators(engine).explain(HOST))["storage"][0]["stage"] == "done"

    story(main)


def test_trap_23_where_enable_does_nothing_a_human_is_asked_and_what_he_does_is_seen() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME)
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            cinder.volumes.start(NAME)
            task = await reach(engine, TaskStage.HELD)
            assert "`doctor-daemon cinder freeze` and then `thaw --and-enable`" in task.frees
            row.disabled = False
            assert told(await reach(engine, TaskStage.DONE))[-1] == f"{NAME} is enabled"

    story(main)


def test_trap_23_by_policy_it_is_frozen_and_thawed() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME)
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            cinder.volumes.start(NAME)
            await reach(engine, TaskStage.DONE)
            assert (row.disabled, row.frozen) == (False, False)

    story(main, replace(POLICY, by_thaw=True))


@pytest.mark.parametrize("service", ["cmp-1.example@ceph", "rbd:volumes@ceph"])
def test_a_service_may_have_the_host_s_other_name_or_one_that_is_configured(service: str) -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add("unknown@ceph")
        cinder.add(service)
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder, service)
            await reach(engine, TaskStage.DOWN, service)
            assert cinder.asked == [f"disable {service}"]

    story(main, replace(POLICY, hosts={"rbd:volumes@ceph": HOST.name}))


def test_foreign_hands_are_noticed_and_what_is_theirs_stays() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME)
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            await asyncio.sleep(15)
            row.reason = "rack move"
            await asyncio.sleep(15)
            task = task_of(engine)
            assert task is not None
            assert "for another reason: rack move: left as it is" in told(task)[-1]
            cinder.volumes.start(NAME)
            await reach(engine, TaskStage.DONE)
            assert (row.disabled, row.reason, cinder.asked) == (
                True,
                "rack move",
                [f"disable {NAME}"],
            )

    story(main)


def test_a_cinder_out_of_reach_is_asked_again_and_told() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME)
        cinder.errors = [Temporary("503")] * 3
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await asyncio.sleep(1)
            assert engine.ward.stock.trouble == "503"
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            await asyncio.sleep(11)
            assert engine.ward.stock.trouble == ""

    story(main)


def test_a_disarmed_daemon_waits_and_says_so() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME)
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            await Operators(engine).disarm("bob", "stop")
            cinder.volumes.start(NAME)
            await reach(engine, TaskStage.ENABLING)
            await asyncio.sleep(60)
            assert cinder.asked == [f"disable {NAME}"]
            (found,) = (await Operators(engine).explain(HOST))["storage"]
            assert found["shut"] == "the daemon is disarmed by bob: stop"

    story(main)


def test_without_leave_and_without_storage_there_are_no_tasks() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME)
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await asyncio.sleep(60)
            assert (engine.ward.stock.tasks, cinder.asked) == ({}, [])

    story(main, VolumePolicy())


def test_another_host_s_storage_is_left_alone() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(f"{OTHER.name}@ceph")
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await asyncio.sleep(60)
            assert (cinder.asked, cinder.lists) == ([], 1)

    story(main)


def test_a_host_that_is_closed_leaves_its_task_open() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME)
        cinder.older = True
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await until(engine, Phase.DOWN)
            await reach(engine, TaskStage.DOWN)
            rig.nova.down.clear()
            await Operators(engine).order(HOST, Order.CLOSE, "ann", "by hand")
            await asyncio.sleep(30)
            assert HOST not in engine.desk.cases
            cinder.volumes.start(NAME)
            task = await reach(engine, TaskStage.DONE)
            assert f"{NAME} is up again: taking our disabling back" in told(task)

    story(main)
