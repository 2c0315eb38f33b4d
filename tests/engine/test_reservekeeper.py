"""Hosts in reserve, lent to an incident and given back, with the whole engine around."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import cast

import pytest

from doctor_daemon.core.context import Maintenance
from doctor_daemon.core.host import HostId, HostPlan, Reserve
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.reserves import ReserveStage, ReserveTask
from doctor_daemon.core.retirement import Transit
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Temporary
from tests.engine.coming_back import give_back, over
from tests.engine.instruments import HOST, OTHER
from tests.engine.moving import SOON, bench, comes, posted
from tests.engine.rig import Rig, accuse, server, until
from tests.simulation.virtual import run

SPARE, SECOND = "cmp-8", "cmp-9"
RESERVE = Reserve((SPARE, SECOND))


class ReservedRig(Rig):
    """A bench whose hosts have others in reserve."""

    reserve = RESERVE

    def plan(self, host: object) -> HostPlan:
        assert host in (HOST, OTHER)
        return replace(super().plan(HOST if host == HOST else OTHER), reserve=self.reserve)


def ready() -> Rig:
    made = bench(policy=SOON)
    rig = ReservedRig(policy=SOON, mode=made.mode)
    rig.nova.there[HOST.name] = tuple(server(number, "red") for number in range(3))
    rig.nova.zones = dict.fromkeys((HOST.name, OTHER.name, SPARE, SECOND), "az-1")
    rig.nova.disabled = dict.fromkeys((SPARE, SECOND), "reserved")
    return rig


def story(main: Callable[[Rig], Awaitable[None]]) -> Callable[[], None]:
    """Make a test of a story in virtual time; no bug is met in it."""

    def test() -> None:
        rig = ready()

        async def play() -> None:
            await main(rig)
            assert rig.bugs == []

        run(play())

    return test


def task_of(engine: Engine) -> ReserveTask | None:
    return engine.ward.stock.reserves.get(HOST)


async def reach(engine: Engine, stage: ReserveStage, limit_s: float = 400.0) -> ReserveTask:
    """Wait, in virtual time, for the host's task to come to a stage."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < limit_s:
        task = task_of(engine)
        if task is not None and task.stage is stage:
            return task
        await asyncio.sleep(0.05)
    raise AssertionError(task_of(engine))


def told(task: ReserveTask) -> list[str]:
    return [line.text for line in task.story]


@story
async def test_one_is_enabled_before_the_first_server_is_moved_and_given_back(rig: Rig) -> None:
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: bool(posted(rig)))
        assert rig.nova.disabled == {SECOND: "reserved"}
        assert SPARE in rig.nova.enabled
        await until(engine, Phase.DOWN)
        task = await reach(engine, ReserveStage.LENT)
        shown = (await Operators(engine).explain(HOST))["reserve"]
        assert (shown["host"], shown["stage"]) == (SPARE, "lent")
        (out,) = Operators(engine).status()["reserves"]
        assert out == {"host": "cmp-1", "reserve": SPARE, "stage": "lent"}
        await give_back(rig, engine)
        await over(engine)
        task = await reach(engine, ReserveStage.DONE)
        assert told(task)[-1] == f"{SPARE} is in reserve again"
        assert rig.nova.disabled == {SECOND: "reserved", SPARE: "reserved"}
        assert Operators(engine).status()["reserves"] == []


@story
async def test_one_that_carries_servers_then_is_not_given_back_and_that_is_told(rig: Rig) -> None:
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        rig.nova.there[SPARE] = (server(7, "red"),)
        await give_back(rig, engine)
        await over(engine)
        task = await reach(engine, ReserveStage.DONE)
        assert f"{SPARE} is not given back: it carries 1 servers" in told(task)[-1]
        assert task.warns
        assert SPARE not in rig.nova.disabled


@story
async def test_one_that_a_server_is_on_its_way_to_is_not_given_back_before_that_is_over(
    rig: Rig,
) -> None:
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        await reach(engine, ReserveStage.LENT)
        rig.nova.leaving.moving = [Transit(7, "vm-7", "evacuation", "pre-migrating")]
        await give_back(rig, engine)
        await over(engine)
        await asyncio.sleep(20)
        task = await reach(engine, ReserveStage.GIVING_BACK)
        why = "servers are on their way to or from cmp-8: evacuation 7 of vm-7 (pre-migrating)"
        assert told(task)[-1] == why
        assert SPARE not in rig.nova.disabled
        rig.nova.leaving.moving = []
        rig.nova.there[SPARE] = (server(7, "red"),)
        task = await reach(engine, ReserveStage.DONE)
        assert f"{SPARE} is not given back: it carries 1 servers" in told(task)[-1]


@story
async def test_one_an_incident_at_most_and_no_host_is_lent_twice(rig: Rig) -> None:
    rig.nova.there[OTHER.name] = (server(9, "red"),)
    async with rig.running() as engine:
        await accuse(rig, engine)
        await engine.desk.submit([rig.evidence(host=OTHER)])
        await until(engine, Phase.DOWN)
        await until(engine, Phase.DOWN, OTHER)
        lent = {task.reserve for task in engine.ward.stock.reserves.values()}
        assert lent == {SPARE, SECOND}
        assert rig.nova.disabled == {}


@story
async def test_where_none_can_be_taken_that_is_told_and_the_servers_are_moved(rig: Rig) -> None:
    rig.nova.disabled = dict.fromkeys((SPARE, SECOND), "broken")
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        task = await reach(engine, ReserveStage.DONE)
        assert told(task)[-1].startswith("none of the hosts in reserve can be taken: cmp-8: it is")
        assert len(posted(rig)) == 3
        assert rig.nova.enabled == set()


@story
async def test_an_evacuation_waits_for_a_reserve_for_seconds_only(rig: Rig) -> None:
    rig.nova.ends = [Outcome.UNSENT] * 100
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.EVACUATING)
        began = asyncio.get_running_loop().time()
        await comes(lambda: bool(posted(rig)))
        assert asyncio.get_running_loop().time() - began < 40.0
        task = await reach(engine, ReserveStage.DONE)
        assert task.tried == (SPARE, SECOND)


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.UNSENT])
def test_an_enabling_without_an_answer_is_read_back(outcome: Outcome) -> None:
    async def main(rig: Rig) -> None:
        rig.nova.ends = [outcome]
        async with rig.running() as engine:
            await accuse(rig, engine)
            task = await reach(engine, ReserveStage.LENT)
            assert (task.reserve, rig.nova.disabled) == (SPARE, {SECOND: "reserved"})

    story(main)()


@story
async def test_a_daemon_that_dies_meanwhile_is_followed_by_one_that_gives_it_back(rig: Rig) -> None:
    engine = rig.engine()
    life = asyncio.create_task(engine.run())
    await engine.ready.wait()
    await accuse(rig, engine)
    await reach(engine, ReserveStage.ENABLING)
    await rig.crash(life)
    async with rig.running() as second:
        await reach(second, ReserveStage.LENT)
        await until(second, Phase.DOWN)
        await give_back(rig, second)
        await over(second)
    async with rig.running() as third:
        await reach(third, ReserveStage.DONE)
        assert rig.nova.disabled == {SECOND: "reserved", SPARE: "reserved"}


@story
async def test_a_disarmed_daemon_gives_nothing_back_until_it_is_armed(rig: Rig) -> None:
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        await give_back(rig, engine)
        await comes(lambda: HOST.name in rig.nova.enabled)
        await Operators(engine).disarm("ann", "look")
        await over(engine)
        await asyncio.sleep(100)
        assert SPARE not in rig.nova.disabled
        await Operators(engine).arm("ann", "go on")
        await reach(engine, ReserveStage.DONE, 700.0)
        assert rig.nova.disabled[SPARE] == "reserved"


@story
async def test_a_disabling_that_is_refused_is_tried_again(rig: Rig) -> None:
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        await give_back(rig, engine)
        await comes(lambda: HOST.name not in rig.nova.down and HOST.name in rig.nova.enabled)
        rig.nova.ends = [Outcome.REFUSED]
        await over(engine)
        task = await reach(engine, ReserveStage.DONE)
        assert f"{SPARE} is enabled still: refused, refused" in told(task)


@story
async def test_a_question_that_fails_is_asked_again(rig: Rig) -> None:
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.EVACUATING)
        rig.nova.errors = [Temporary("503")]
        await until(engine, Phase.DOWN)
        await reach(engine, ReserveStage.LENT)


@story
async def test_one_in_maintenance_is_not_taken(rig: Rig) -> None:
    async with rig.running() as engine:
        until_s = rig.clock.now().plus(3600.0)
        for name in (SPARE, SECOND):
            host = HostId("default", name)
            engine.ward.maintenance[host] = Maintenance(host, "ann", "new board", until_s)
        await accuse(rig, engine)
        task = await reach(engine, ReserveStage.DONE)
        assert told(task)[-1].count("or in maintenance") == 2
        await until(engine, Phase.DOWN)


@story
async def test_a_bug_holds_that_task_alone(rig: Rig) -> None:
    rig.nova.ends = [cast("Outcome", "bug")]
    async with rig.running() as engine:
        await accuse(rig, engine)
        task = await reach(engine, ReserveStage.HELD)
        assert (task.doing, task.why) == (
            ReserveStage.ENABLING,
            "internal error: see the daemon's log",
        )
        assert [type(bug) for bug in rig.bugs] == [AttributeError]
        rig.bugs.clear()
        await until(engine, Phase.DOWN)
        assert len(posted(rig)) == 3
