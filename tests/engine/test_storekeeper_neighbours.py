"""The storage of fenced hosts beside orders of operators, other tasks, and a daemon that stops."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from typing_extensions import override

from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volume_tasks import TaskStage, round_of
from doctor_daemon.core.volumes import Target, VolumeAct, Wish
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.reservations import hold_of
from doctor_daemon.engine.volumes import VolumeOrders
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Change, Permit
from doctor_daemon.ports.storage import Answer
from tests.engine.instruments import HOST
from tests.engine.rig import Rig, SlowDisk, accuse, incident_of, until
from tests.engine.storage import NAME, bench, cut_again, die, reach, story, task_of, told
from tests.engine.volumes import BenchCinder
from tests.simulation.virtual import VirtualClock, run

TWO = "cmp-1@two"
FREEZE = Wish(VolumeAct.FREEZE, Target(NAME))


class SlowCinder(BenchCinder):
    """A Cinder whose requests take their time; it is seen how many there are at once."""

    now = most = 0

    @override
    async def _asked(self, word: str, target: Target, permit: Permit) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await super()._asked(word, target, permit)
        await asyncio.sleep(3)
        self.now -= 1


def test_an_operator_and_the_daemon_are_never_at_the_same_service_at_once() -> None:
    async def main(rig: Rig, _: BenchCinder) -> None:
        cinder = SlowCinder(rig.clock)
        rig.storage = cinder
        cinder.add(NAME)
        cinder.older = True
        async with rig.running() as engine:
            orders = VolumeOrders(engine, cinder)
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            cinder.volumes.start(NAME)
            rig.disk.commit_s = 1.0
            await reach(engine, TaskStage.ENABLING)
            with pytest.raises(Permanent, match="the daemon itself is at work on"):
                await orders.give(FREEZE, "ann", "x")
            await reach(engine, TaskStage.DONE)
            await orders.close()
        assert cinder.most == 1

    story(main)


def test_what_an_order_has_reserved_is_free_again_if_it_cannot_be_saved() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME)
        async with rig.running() as engine:
            orders = VolumeOrders(engine, cinder)
            await Operators(engine).arm("ann", "x")
            rig.disk.failures = 1
            with pytest.raises(Temporary):
                await orders.give(FREEZE, "ann", "x")
            given = await orders.give(FREEZE, "ann", "x")
            with pytest.raises(Permanent, match="another order about"):
                await orders.give(FREEZE, "bob", "y")
            whole = Wish(VolumeAct.FREEZE, Target(cluster="c"))
            with pytest.raises(Permanent, match="another order about"):
                await orders.give(whole, "bob", "it may be of it")
            await orders.look(given.number, 60)
            await orders.close()

    story(main)


def test_an_order_that_was_left_is_reserved_before_anything_else_begins() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME)
        async with rig.running() as engine:
            order = VolumeOrder(1, "ann", "x", rig.clock.now(), FREEZE)
            await rig.disk.commit(Change(orders=(order,)), term=engine.ward.term)
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DISABLING)
            await asyncio.sleep(100)
            assert cinder.asked == []
            engine.ward.stock.errands.release(order.owner)
            await reach(engine, TaskStage.DOWN)
            assert engine.ward.stock.errands.take(order.owner, hold_of(order))

    story(main)


class Choosy(SlowDisk):
    """A disk that cannot take one task."""

    @override
    async def commit(self, change: Change, *, term: int) -> None:
        if any(task.service == NAME and task.sent for task in change.tasks):
            msg = "too large"
            raise ValueError(msg)
        await super().commit(change, term=term)


def test_a_task_that_meets_a_bug_is_held_and_the_others_go_on() -> None:
    rig, cinder = bench()
    rig.disk = Choosy()

    async def main() -> None:
        for name in (NAME, TWO):
            cinder.add(name)
        async with rig.running() as engine:
            await accuse(rig, engine)
            for name in (NAME, TWO):
                die(cinder, name)
            await reach(engine, TaskStage.DOWN, TWO)
            held = await reach(engine, TaskStage.HELD)
            assert f"`doctor-daemon cinder dismiss {NAME}`" in held.frees
            assert cinder.asked == [f"disable {TWO}"]

    run(main())
    assert [type(bug) for bug in rig.bugs] == [ValueError]


class Deliberate(BenchCinder):
    """A Cinder that takes five seconds over a request."""

    ends: tuple[str, ...] = ()

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.begun = asyncio.Event()

    @override
    async def disable(self, target: Target, reason: str, permit: Permit) -> Answer:
        self.asked.append("disable")
        self.begun.set()
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            self.ends = (*self.ends, "cut in half")
            raise
        self.ends = (*self.ends, "answered")
        row = self.volumes.row(target.host)
        row.disabled, row.reason = True, reason
        return Outcome.ACCEPTED, "200"


def test_a_daemon_that_is_stopped_cuts_no_request_in_half() -> None:
    async def main(rig: Rig, _: BenchCinder) -> None:
        cinder = Deliberate(rig.clock)
        rig.storage = cinder
        cinder.add(NAME)
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DISABLING)
            await cinder.begun.wait()
        assert cinder.ends == ("answered",)
        async with rig.running() as engine:
            await reach(engine, TaskStage.DOWN)
            assert cinder.asked == ["disable"]

    story(main)


def test_a_request_under_way_keeps_only_its_own_service_waiting() -> None:
    async def main(rig: Rig, _: BenchCinder) -> None:
        cinder = Deliberate(rig.clock)
        rig.storage = cinder
        for name in (NAME, TWO):
            cinder.add(name)
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DISABLING)
            await cinder.begun.wait()
            again = cut_again(incident_of(engine))
            engine.desk.cases[HOST].incident = again
            engine.storekeeper.heed(None, again)
            await asyncio.sleep(1)
            other = task_of(engine, TWO)
            assert other is not None
            assert other.round == round_of(again)
            await asyncio.sleep(30)
            mine = task_of(engine)
            assert mine is not None
            assert mine.round == round_of(again)
            assert (await reach(engine, TaskStage.DONE, "")).round == round_of(again)

    story(main)


# Cinder away, and no leave


def test_what_cannot_be_looked_up_is_shown_and_outlives_the_incident() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME)
        cinder.errors = [Temporary("503")] * 1000
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            die(cinder)
            task = await reach(engine, TaskStage.LOOKING, "")
            operators = Operators(engine)
            (needed,) = operators.status()["storage"]
            assert needed["why"] == task.why
            (shown,) = (await operators.explain(HOST))["storage"]
            assert (shown["stage"], shown["trouble"]) == ("looking", "503")
            engine._gauges()  # noqa: SLF001 - what a scrape does
            metric = rig.metrics.registry.get_sample_value
            assert metric("doctor_storage_tasks", {"stage": "looking"}) == 1
            await asyncio.sleep(100)
            rig.nova.down.clear()
            await operators.order(HOST, Order.CLOSE, "ann", "by hand")
            await asyncio.sleep(30)
            assert HOST not in engine.desk.cases
        cinder.errors = []
        async with rig.running() as engine:
            await reach(engine, TaskStage.DOWN)
            assert row.disabled
            assert task_of(engine, "") != task

    story(main)


def test_what_is_disarmed_after_the_proof_is_shown() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME)
        cinder.errors = [Temporary("503")]
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await Operators(engine).disarm("bob", "stop")
            die(cinder)
            held = await reach(engine, TaskStage.HELD, limit_s=2000)
            assert "waits: the daemon is disarmed by bob: stop" in held.why
            assert cinder.asked == []
            await Operators(engine).arm("ann", "go on")
            await reach(engine, TaskStage.DOWN)

    story(main)


def test_the_storage_of_a_host_that_was_taken_out_of_the_configuration_is_held() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.add(NAME)
        async with rig.running() as engine:
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            rules = engine.ward.rules
            plans = {host: plan for host, plan in rules.plans.items() if host != HOST}
            engine.ward.rules = replace(rules, plans=plans)
            cinder.volumes.start(NAME)
            held = await reach(engine, TaskStage.HELD, limit_s=2000)
            assert "is not in the configuration" in held.why
            dismissed = await engine.storekeeper.dismiss(NAME, "ann", "gone")
            assert told(dismissed)[-1] == "dismissed by ann: gone"

    story(main)


def test_a_look_up_may_be_dismissed_by_the_name_of_its_host() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        cinder.errors = [Temporary("503")] * 1000
        async with rig.running() as engine:
            await accuse(rig, engine)
            await reach(engine, TaskStage.LOOKING, "")
            assert (await engine.storekeeper.dismiss(HOST.name, "ann", "none there")).over

    story(main)
