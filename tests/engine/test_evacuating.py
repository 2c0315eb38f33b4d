"""Servers of a dead host, moved by the real engine in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.host import Mode
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.operators import Operators
from tests.engine.instruments import HOST
from tests.engine.moving import SOON, bench, first_post, posted, stages
from tests.engine.rebuilds import ELSEWHERE
from tests.engine.rig import accuse, incident_of, until
from tests.simulation.virtual import run


def test_a_dead_hosts_servers_are_moved_and_their_projects_hear_of_it() -> None:
    rig = bench()

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(1)  # until it is known which servers there are
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            assert stages(engine) == {f"vm-{n}": Stage.MOVED for n in range(3)}
            assert {r.to for r in incident_of(engine).evacuations.values()} == {ELSEWHERE}
            assert posted(rig) == ["vm-0", "vm-1", "vm-2"]
            assert (rig.nova.there[HOST.name], rig.nova.rebuilds.twice) == ((), [])
            assert len(rig.nova.puts) == 1
            await asyncio.sleep(1)
            for project in ("", "red"):
                assert rig.consumer.kinds(project) == ["suspected", "confirmed", "outcome"]
        value = rig.metrics.registry.get_sample_value
        assert value("doctor_evacuation_seconds_count", {"outcome": "moved"}) == 3

    run(main())
    assert rig.bugs == []


def test_a_host_that_may_only_be_fenced_keeps_its_servers() -> None:
    rig = replace(bench(), mode=Mode.FENCE)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            await asyncio.sleep(60)
            assert posted(rig) == []

    run(main())


@pytest.mark.parametrize("takes_s", [1.0, 30.0])
def test_c7_a_lost_answer_is_looked_for_and_the_request_never_sent_again(takes_s: float) -> None:
    rig = bench()
    rig.nova.rebuilds.outcomes = [Outcome.UNKNOWN] * 3
    rig.nova.rebuilds.takes_s = takes_s

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            assert sorted(posted(rig)) == ["vm-0", "vm-1", "vm-2"]
            assert set(stages(engine).values()) == {Stage.MOVED}

    run(main())


def test_c8_a_failed_evacuation_is_tried_again_and_then_a_human_is_asked() -> None:
    rig = bench(2)
    rig.nova.rebuilds.failing = {"vm-0": ["error", "failed", "error"]}

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.HELD)
            assert posted(rig) == ["vm-0", "vm-1", "vm-0", "vm-0"]
            assert stages(engine) == {"vm-0": Stage.FAILED, "vm-1": Stage.MOVED}
            await Operators(engine).order(HOST, Order.FENCE, "ann", "there is room now")
            await until(engine, Phase.DOWN)
            assert (posted(rig)[4:], rig.device.cuts) == (["vm-0"], 2)
            assert rig.nova.rebuilds.twice == []

    run(main())


# the daemon ends


def test_i11_a_request_that_was_being_sent_is_looked_for_after_a_restart() -> None:
    rig = bench(1)
    rig.nova.posting_s = 30.0

    async def main() -> None:
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(rig, engine)
        await first_post(rig)
        (saved,) = (await rig.disk.load()).incidents
        assert [r.stage for r in saved.evacuations.values()] == [Stage.POSTING]
        await rig.crash(task)
        async with rig.running() as second:
            assert stages(second) == {"vm-0": Stage.CHECKING}
            await until(second, Phase.DOWN)
            assert stages(second) == {"vm-0": Stage.MOVED}
        assert posted(rig) == ["vm-0"]

    run(main())


@pytest.mark.parametrize("rebooted", [False, True])
def test_c7_a_request_that_left_no_trace_is_sent_again_once_it_cannot_come_any_more(
    *, rebooted: bool
) -> None:
    rig = bench(1)
    rig.nova.posting_s = 30.0
    rig.nova.rebuilds.outcomes = [Outcome.UNSENT]

    async def main() -> None:
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(rig, engine)
        await first_post(rig)
        await rig.crash(task)
        if rebooted:
            rig.clock.reboot()
        rig.nova.posting_s = 0.1
        reads = rig.device.reads
        async with rig.running() as second:
            await until(second, Phase.DOWN)
        (first, _), (again, _) = rig.nova.rebuilds.posts
        assert again - first >= SOON.settle_s
        assert rig.device.reads >= reads + 3
        assert rig.device.cuts == 1

    run(main())


def test_stopping_lets_requests_come_to_their_end() -> None:
    rig = bench()
    rig.nova.posting_s = 20.0
    rig.nova.rebuilds.takes_s = 100.0

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await first_post(rig)
        (saved,) = (await rig.disk.load()).incidents
        assert {r.stage for r in saved.evacuations.values()} == {Stage.UNDER_WAY}
        async with rig.running() as second:
            await until(second, Phase.DOWN)
        assert sorted(posted(rig)) == ["vm-0", "vm-1", "vm-2"]

    run(main())


def test_stopping_begins_no_request_that_waits_for_its_turn() -> None:
    rig = bench(3, replace(SOON, posts_total=1))
    rig.nova.posting_s = 5.0

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await first_post(rig)
        assert len(posted(rig)) == 1
        (saved,) = (await rig.disk.load()).incidents
        stood = Counter(record.stage for record in saved.evacuations.values())
        assert stood == {Stage.UNDER_WAY: 1, Stage.WAITING: 2}
        async with rig.running() as second:
            await until(second, Phase.DOWN)
        assert sorted(posted(rig)) == ["vm-0", "vm-1", "vm-2"]

    run(main())
    assert rig.bugs == []
