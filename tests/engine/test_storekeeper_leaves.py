"""What the daemon leaves to humans, and to whoever runs a fenced host's storage already."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from doctor_daemon.core.phases import Phase
from doctor_daemon.core.volume_policy import VolumePolicy
from doctor_daemon.core.volume_tasks import TaskStage
from doctor_daemon.core.volumes import Target, VolumeAct, Wish
from doctor_daemon.engine.volumes import VolumeOrders
from tests.engine.rig import Rig, accuse, until
from tests.engine.storage import NAME, POLICY, die, reach, story, told
from tests.engine.volumes import BenchCinder


def test_no_failover_is_sent_but_asked_of_a_human_and_seen() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME, "spare")
        async with rig.running() as engine:
            orders = VolumeOrders(engine, cinder)
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            cinder.volumes.start(NAME)
            task = await reach(engine, TaskStage.HELD)
            assert f"order `doctor-daemon cinder failover {NAME} --to spare`" in task.frees
            await asyncio.sleep(600)
            assert cinder.asked == [f"disable {NAME}"]
            await orders.give(Wish(VolumeAct.FAILOVER, Target(NAME), to="spare"), "ann", "CHG-1")
            done = await reach(engine, TaskStage.DONE)
            assert told(done)[-1] == f"{NAME} is failed over to spare"
            assert (row.replication, row.backend) == ("failed-over", "spare")
            await orders.close()

    story(main, replace(POLICY, failovers={NAME: "spare"}))


def test_two_writers_a_host_that_got_power_unseen_is_not_failed_away_from() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME, "spare")
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            await asyncio.sleep(3600)
            rig.device.on = True
            cinder.volumes.start(NAME)
            await asyncio.sleep(300)
            assert cinder.asked == [f"disable {NAME}"]

    story(main, replace(POLICY, failovers={NAME: "spare"}))


def test_a_service_that_runs_elsewhere_and_never_stopped_is_left() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME, "spare")
        async with rig.running() as engine:
            await accuse(rig, engine)
            task = await reach(engine, TaskStage.DONE)
            assert "runs elsewhere" in told(task)[-1]
            assert (cinder.asked, row.disabled) == ([], False)

    story(main, replace(POLICY, failovers={NAME: "spare"}))


def test_a_policy_that_is_new_disables_nothing_that_was_brought_up_long_ago() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME)
        rig.volumes = VolumePolicy()
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            die(cinder)
            await asyncio.sleep(300)
            cinder.volumes.start(NAME)
            await asyncio.sleep(3 * 86400)
        rig.volumes = POLICY
        async with rig.running() as engine:
            await reach(engine, TaskStage.DONE)
            assert (row.disabled, cinder.asked) == (False, [])

    story(main)


def test_an_operator_s_disable_over_ours_is_sent_and_stays() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME)
        cinder.older = True
        async with rig.running() as engine:
            orders = VolumeOrders(engine, cinder)
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            wish = Wish(VolumeAct.DISABLE, Target(NAME), reason="doctor-daemon: ann: rack move")
            given = await orders.give(wish, "ann", "rack move")
            assert (await orders.look(given.number, 30))["end"] == "achieved"
            cinder.volumes.start(NAME)
            await reach(engine, TaskStage.DONE)
            assert (row.disabled, row.reason) == (True, "doctor-daemon: ann: rack move")
            await orders.close()

    story(main)
