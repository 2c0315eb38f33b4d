"""Delivery: at least once, in order for each host, and no consumer waits for another."""

from __future__ import annotations

import asyncio

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.engine.outbox import Delivering
from doctor_daemon.errors import Permanent, Temporary
from tests.engine.rig import Rig
from tests.simulation.virtual import run


def test_a_slow_consumer_delays_nobody_else() -> None:
    rig = Rig()

    async def main() -> None:
        rig.consumer.call_s = 60.0
        async with rig.running() as engine:
            await engine.desk.submit([rig.evidence()])
            await asyncio.sleep(1)
            assert rig.consumer.heard == []
            assert rig.second.kinds() == ["suspected"]

    run(main())


def test_what_fails_is_tried_again_with_the_same_id_and_body() -> None:
    rig = Rig()

    async def main() -> None:
        rig.consumer.errors = [Temporary("503")] * 4
        async with rig.running() as engine:
            await engine.desk.submit([rig.evidence()])
            await asyncio.sleep(60)
            rows = [row for _, row in rig.consumer.heard]
            assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
            pending = (await rig.disk.load()).pending
            assert [row.consumer for row in pending] == []

    run(main())


def test_a_bug_in_a_notifier_delays_its_consumer_alone() -> None:
    rig = Rig()

    async def main() -> None:
        rig.consumer.errors = [ValueError("boom")]
        async with rig.running() as engine:
            await engine.desk.submit([rig.evidence()])
            await asyncio.sleep(5)
            assert rig.second.kinds() == ["suspected"]
            assert rig.consumer.kinds() == ["suspected"]

    run(main())
    assert [str(bug) for bug in rig.bugs] == ["boom"]


def test_a_dead_letter_stops_blocking_and_its_successor_says_so() -> None:
    rig = Rig(delivering=Delivering(give_up_s=30.0))

    async def main() -> None:
        async with rig.running() as engine:
            rig.consumer.errors = [Permanent("410")]
            await engine.desk.submit([rig.evidence()])
            await asyncio.sleep(2)
            await engine.desk.submit([rig.evidence(Verdict.WITHDRAWN)])
            await asyncio.sleep(10)
            heard = [row for _, row in rig.consumer.heard]
            assert heard[0].sequence == 2
            assert heard[0].gap_before
            assert not any(row.gap_before for row in heard[1:])

    run(main())


def test_a_gap_is_told_even_after_a_restart() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            rig.consumer.errors = [Permanent("410")]
            await engine.desk.submit([rig.evidence()])
            await asyncio.sleep(2)
        assert rig.consumer.heard == []
        async with rig.running() as engine:
            await engine.desk.submit([rig.evidence(Verdict.WITHDRAWN)])
            await asyncio.sleep(2)
            assert rig.consumer.heard[0][1].gap_before
            assert not rig.second.heard[-1][1].gap_before

    run(main())


def test_notices_that_a_crash_left_behind_are_told_by_the_next_daemon() -> None:
    rig = Rig()

    async def main() -> None:
        rig.consumer.call_s = rig.second.call_s = 1000.0
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await engine.desk.submit([rig.evidence()])
        await rig.crash(task)
        rig.consumer.call_s = rig.second.call_s = 0.01
        async with rig.running():
            await asyncio.sleep(2)
            assert rig.consumer.kinds() == ["suspected"]
            assert rig.second.kinds() == ["suspected"]

    run(main())


def test_the_early_notice_is_measured_from_the_evidence() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(1)
            await engine.desk.submit([rig.evidence()])
            await asyncio.sleep(1)

    run(main())
    for which in ("first", "last"):
        labels = {"consumer": "vnfm", "kind": "suspected", "which": which}
        count = rig.metrics.registry.get_sample_value("doctor_notice_seconds_count", labels)
        total = rig.metrics.registry.get_sample_value("doctor_notice_seconds_sum", labels)
        assert count == 1
        assert total is not None
        assert 0 < total < 0.2
