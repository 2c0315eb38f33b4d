"""The ports of fenced hosts, with a daemon that dies, and a disk, a Neutron or code that fails."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.host import Mode
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.port_tasks import PortStage
from doctor_daemon.core.ports import Said
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Permanent, Temporary
from tests.engine.coming_back import give_back, over, repair
from tests.engine.instruments import HOST
from tests.engine.moving import comes
from tests.engine.neutron import BenchNeutron, names, reach, story, task_of, told
from tests.engine.rig import Rig, accuse, until


def test_what_fails_is_tried_again_and_a_human_is_asked_in_the_end() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        neutron.answers = [(Said.REFUSED, "Neutron answered 403")] * 30
        async with rig.running() as engine:
            await accuse(rig, engine)
            task = await reach(engine, PortStage.HELD)
            why = "2 of 2 ports could not be changed: Neutron answered 403"
            assert (task.doing, task.why) == (PortStage.MARKING, why)
            (needed,) = Operators(engine).status()["ports"]
            assert needed == {"host": "cmp-1", "why": why}
            neutron.answers.clear()
            await reach(engine, PortStage.MARKED, 700.0)
            assert neutron.is_down() == names(0, 1, 2)

    story(main)


@pytest.mark.parametrize("error", [Temporary("503"), Permanent("403")])
def test_a_question_that_fails_is_asked_again(error: Exception) -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        neutron.errors = [error]
        async with rig.running() as engine:
            await accuse(rig, engine)
            task = await reach(engine, PortStage.MARKED)
            assert str(error) in told(task)

    story(main)


def test_an_answer_that_was_lost_is_asked_for_again() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        neutron.answers = [(Said.UNKNOWN, "no answer")]
        async with rig.running() as engine:
            await accuse(rig, engine)
            await reach(engine, PortStage.MARKED)
            assert neutron.is_down() == names(0, 1, 2)
            await give_back(rig, engine)
            await over(engine)
            neutron.answers = [(Said.UNKNOWN, "no answer")]
            await reach(engine, PortStage.DONE)
            assert neutron.is_down() == set()

    story(main)


def test_a_disarmed_daemon_says_nothing_and_goes_on_once_it_is_armed() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        neutron.call_s = 5.0
        async with rig.running() as engine:
            await accuse(rig, engine)
            await comes(lambda: bool(neutron.asked))
            await Operators(engine).disarm("ann", "look")
            task = await reach(engine, PortStage.HELD)
            assert task.why == "the daemon is disarmed by ann: look"
            asked = len(neutron.asked)
            await asyncio.sleep(100)
            assert len(neutron.asked) == asked
            await Operators(engine).arm("ann", "go on")
            await reach(engine, PortStage.MARKED)

    story(main)


def test_a_bug_holds_that_task_alone() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        neutron.errors = [KeyError("bug")]
        async with rig.running() as engine:
            await accuse(rig, engine)
            task = await reach(engine, PortStage.HELD)
            assert task.why == "internal error: see the daemon's log"
            assert [type(bug) for bug in rig.bugs] == [KeyError]
            rig.bugs.clear()
            await until(engine, Phase.DOWN)

    story(main)


async def started(rig: Rig) -> tuple[Engine, asyncio.Task[None]]:
    """Start a daemon that is to crash."""
    engine = rig.engine()
    task = asyncio.create_task(engine.run())
    await engine.ready.wait()
    return engine, task


@pytest.mark.parametrize("word", ["down", "clear"])
def test_a_daemon_that_dies_in_mid_request_is_followed_by_one_that_ends_it(word: str) -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        engine, life = await started(rig)
        await accuse(rig, engine)
        if word == "clear":
            await reach(engine, PortStage.MARKED)
            await give_back(rig, engine)
        await comes(lambda: any(one.startswith(word) for one in neutron.asked))
        await rig.crash(life)
        async with rig.running() as second:
            if word == "down":
                await reach(second, PortStage.MARKED)
                assert neutron.is_down() == names(0, 1, 2)
                await give_back(rig, second)
                await over(second)
            await reach(second, PortStage.DONE)
            assert neutron.is_down() == set()

    story(main)


def test_what_was_seen_to_is_not_begun_anew_by_the_next_daemon() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await reach(engine, PortStage.DONE)
            asked = list(neutron.asked)
        async with rig.running() as second:
            await asyncio.sleep(100)
            task = task_of(second)
            assert task is not None
            assert task.over
            assert neutron.asked == asked

    story(main)


def test_tasks_without_a_network_are_told_and_wait() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        async with rig.running() as engine:
            await accuse(rig, engine)
            await reach(engine, PortStage.MARKED)
        rig.network = None
        async with rig.running() as second:
            await asyncio.sleep(50)
            assert (await reach(second, PortStage.MARKED)).ours
        rig.network = neutron
        async with rig.running() as third:
            await give_back(rig, third)
            await over(third)
            await reach(third, PortStage.DONE)

    story(main)


def test_a_store_that_cannot_write_lets_nothing_be_marked() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        async with rig.running() as engine:
            await accuse(rig, engine)
            await comes(lambda: neutron.lists == 1)
            rig.disk.failures = 2
            assert neutron.asked == []
            await reach(engine, PortStage.MARKED)
            assert neutron.is_down() == names(0, 1, 2)

    story(main)


def test_a_host_that_was_put_back_while_no_daemon_ran_is_not_marked() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        neutron.call_s = 5.0
        engine, life = await started(rig)
        await accuse(rig, engine)
        await reach(engine, PortStage.MARKING)
        await rig.crash(life)
        rig.nova.down.discard(HOST.name)
        repair(rig)
        neutron.call_s = 0.05
        async with rig.running() as second:
            task = await reach(second, PortStage.DONE)
            assert neutron.asked == []
            lifted = "Nova shows no forced_down any more: no more ports are marked of cmp-1"
            assert lifted in told(task)

    story(main)


def test_what_is_marked_is_cleared_though_the_extension_was_away_for_a_while() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        async with rig.running() as engine:
            await accuse(rig, engine)
            await comes(lambda: neutron.lists == 1)
            neutron.answers = [(Said.SET, "200"), (Said.UNKNOWN, "no answer")]
            await comes(lambda: len(neutron.asked) == 2)
            neutron.offers = False
            task = await reach(engine, PortStage.MARKED)
            assert told(task)[-1].startswith("Neutron does not offer data-plane-status")
            await give_back(rig, engine)
            await over(engine)
            await reach(engine, PortStage.DONE)
            assert neutron.is_down() == set()

    story(main)


@pytest.mark.parametrize("word", ["down", "clear"])
def test_one_port_that_cannot_be_changed_keeps_no_other_from_it(word: str) -> None:
    """A page has two of them here, and a look fifty."""

    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        async with rig.running() as engine:
            stuck = "p-vm-0" if word == "down" else min(names(*range(60)))
            if word == "down":
                neutron.stuck.add(stuck)
            await accuse(rig, engine)
            if word == "clear":
                await reach(engine, PortStage.MARKED)
                neutron.stuck.add(stuck)
                await give_back(rig, engine)
                await over(engine)
            others = names(*range(60)) - {stuck}
            await comes(lambda: neutron.is_down() == (others if word == "down" else {stuck}))
            task = await reach(engine, PortStage.HELD)
            assert task.why.startswith("1 of ")
            neutron.stuck.clear()
            await reach(engine, PortStage.MARKED if word == "down" else PortStage.DONE, 700.0)
            assert neutron.is_down() == (names(*range(60)) if word == "down" else set())

    story(main, 60)


def test_a_port_that_cannot_be_cleared_keeps_none_that_leaves_later_from_it() -> None:
    async def main(rig: Rig, neutron: BenchNeutron) -> None:
        rig.mode = Mode.FENCE
        async with rig.running() as engine:
            await accuse(rig, engine)
            task = await reach(engine, PortStage.MARKED)
            first, last = task.ours[0], task.ours[-1]
            neutron.stuck.add(first)
            for port in (first, last):
                here = rig.nova.there[HOST.name]
                gone = tuple(one for one in here if f"p-{one.id}" == port)
                rig.nova.there[HOST.name] = tuple(one for one in here if one not in gone)
                rig.nova.there["cmp-7"] = (*rig.nova.there.get("cmp-7", ()), *gone)
                await comes(lambda: f"clear {first}" in neutron.asked)
            await comes(lambda: last not in neutron.is_down())
            assert neutron.is_down() == names(*range(60)) - {last}

    story(main, 60)
