"""The storage of fenced hosts, with a daemon that dies and a disk, a Cinder or code that fails."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.phases import Phase
from doctor_daemon.core.volume_tasks import TaskStage, round_of
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Change
from tests.engine.instruments import HOST
from tests.engine.rig import Rig, SlowDisk, accuse, until
from tests.engine.storage import (
    NAME,
    POLICY,
    bench,
    cut_again,
    die,
    reach,
    started,
    story,
    task_of,
    told,
)
from tests.engine.volumes import BenchCinder
from tests.simulation.virtual import run


async def asked(cinder: BenchCinder, word: str) -> None:
    """Wait until a request has begun."""
    for _ in range(10_000):
        if cinder.asked and cinder.asked[-1] == f"{word} {NAME}":
            return
        await asyncio.sleep(0.01)
    raise AssertionError(cinder.asked)


@pytest.mark.parametrize("word", ["disable", "freeze", "thaw"])
def test_a_daemon_that_dies_in_mid_request_is_followed_by_one_that_ends_it(word: str) -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME)
        engine, life = await started(rig)
        await accuse(rig, engine)
        die(cinder)
        if word != "disable":
            await reach(engine, TaskStage.DOWN)
            cinder.volumes.start(NAME)
        await asked(cinder, word)
        await rig.crash(life)
        async with rig.running() as second:
            if word == "disable":
                assert (await reach(second, TaskStage.DOWN)).number == 1
                assert row.disabled
                return
            assert (await reach(second, TaskStage.DONE)).number == 1
            assert (row.disabled, row.frozen) == (False, False)

    story(main, replace(POLICY, by_thaw=True))


def test_what_is_done_is_not_done_again_by_the_next_daemon() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME)
        cinder.older = True
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            cinder.volumes.start(NAME)
            await reach(engine, TaskStage.DONE)
        sent, lists = len(cinder.asked), cinder.lists
        async with rig.running() as second:
            await asyncio.sleep(60)
            assert (len(cinder.asked), cinder.lists) == (sent, lists)
            (found,) = (await Operators(second).explain(HOST))["storage"]
            assert (found["number"], found["stage"]) == (1, "done")

    story(main)


def test_nothing_is_sent_before_it_is_saved_and_its_end_is_saved_in_the_end() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME)
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            die(cinder)
            rig.disk.commit_s = 0.5
            while rig.disk.writing is None or not any(one.sent for one in rig.disk.writing.tasks):
                assert cinder.asked == []
                await asyncio.sleep(0.1)
            rig.disk.failures = 2
            assert cinder.asked == []
            await asked(cinder, "disable")
            rig.disk.failures = 3
            await reach(engine, TaskStage.DOWN)
        assert [task.stage for task in (await rig.disk.load()).tasks] == [TaskStage.DOWN]

    story(main)


def test_a_bug_is_contained_and_the_request_judged_by_what_is_read() -> None:
    rig, cinder = bench()

    async def main() -> None:
        row = cinder.add(NAME)
        cinder.bug = ValueError("password=swordfish")
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            task = await reach(engine, TaskStage.DOWN)
            assert "internal error: see the daemon's log" in told(task)
            assert row.disabled
            cinder.errors = [KeyError("x")]
            await asyncio.sleep(15)
            after = task_of(engine)
            assert after is not None
            assert (after.stage, after.story) == (TaskStage.DOWN, task.story)

    run(main())
    assert [type(bug) for bug in rig.bugs] == [ValueError, KeyError]


def test_a_host_that_is_fenced_again_has_its_storage_disabled_again() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME)
        cinder.older = True
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            cinder.volumes.start(NAME)
            first = await reach(engine, TaskStage.DONE)
            incident = engine.desk.cases[HOST].incident
            again = cut_again(incident)
            engine.desk.cases[HOST].incident = again
            engine.storekeeper.heed(None, again)
            die(cinder)
            second = await reach(engine, TaskStage.DOWN)
            assert (second.number, row.disabled) == (first.number + 1, True)
            assert second.round == round_of(again)
            engine.desk.cases[HOST].incident = once_more = cut_again(again)
            engine.storekeeper.heed(None, again)
            await asyncio.sleep(5)
            third = await reach(engine, TaskStage.DOWN)
            assert (third.number, third.round, third.reason) == (
                second.number,
                round_of(once_more),
                second.reason,
            )

    story(main)


def test_a_daemon_without_storage_says_that_it_sees_to_nothing() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME)
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
        rig.storage = None
        async with rig.running() as second:
            await asyncio.sleep(60)
            task = task_of(second)
            assert task is not None
            assert task.stage is TaskStage.DOWN

    story(main)


def test_a_task_is_ended_by_a_human_s_word_and_stays_so() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME)
        async with rig.running() as engine:
            with pytest.raises(Permanent, match=f"nothing is to be seen to about {NAME}"):
                await engine.storekeeper.dismiss(NAME, "ann", "gone")
            await accuse(rig, engine)
            die(cinder)
            await asked(cinder, "disable")
            with pytest.raises(Permanent, match="is under way: wait for its end"):
                await engine.storekeeper.dismiss(NAME, "ann", "gone")
            await reach(engine, TaskStage.DOWN)
            task = await engine.storekeeper.dismiss(NAME, "ann", "gone")
            assert (task.over, told(task)[-1]) == (True, "dismissed by ann: gone")
        async with rig.running() as second:
            await asyncio.sleep(60)
            assert (task_of(second) or task).over
            assert row.disabled

    story(main)


def test_a_nova_that_is_not_there_keeps_nothing_from_cinder() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        rig.policy = replace(rig.policy, force_down_tries=2)
        row = cinder.add(NAME)
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.FORCING_DOWN)
            rig.nova.errors = [Temporary("away")] * 100
            await until(engine, Phase.HELD)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            assert row.disabled

    story(main)


class Unanswering(SlowDisk):
    """A disk that saves tasks, and does not say so the first time."""

    answers = False

    async def commit(self, change: Change, *, term: int) -> None:
        await super().commit(change, term=term)
        if change.tasks and not self.answers:
            self.answers = True
            raise Temporary("no answer from the disk")


def test_a_task_whose_saving_was_not_answered_is_saved_again_as_the_same() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        rig.disk = Unanswering()
        cinder.add(NAME)
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
        saved = (await rig.disk.load()).tasks
        assert [(task.service, task.stage) for task in saved] == [(NAME, TaskStage.DOWN)]

    story(main)
