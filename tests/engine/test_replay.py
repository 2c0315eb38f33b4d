"""Replays that are interrupted, doubted, doubled or overtaken: each is followed, and once."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.outbox import Delivering
from doctor_daemon.errors import Permanent, Temporary
from tests.engine.letters import GONE, Forgetful, bury, heard, letters, quiet, states
from tests.simulation.virtual import run


def test_an_order_that_a_crash_interrupts_is_followed_by_the_next_daemon() -> None:
    rig = quiet()

    async def main() -> None:
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        ids = await bury(rig, engine, 3)
        rig.consumer.call_s = 1000.0
        await Operators(engine).replay(ids[:1])
        await rig.crash(task)
        rig.consumer.call_s = 0.01
        async with rig.running() as engine:
            await asyncio.sleep(2)
            assert [row.id for row in heard(rig)] == ids[:1]
            # The others are still lost: what comes next has to say so.
            await engine.desk.submit([rig.evidence(Verdict.WITHDRAWN)])
            await asyncio.sleep(2)
            assert heard(rig)[1].gap_before

    run(main())


def test_two_orders_at_once_tell_it_once() -> None:
    disk = Forgetful()
    rig = quiet(disk=disk)

    async def main() -> None:
        async with rig.running() as engine:
            (id_,) = await bury(rig, engine)
            disk.list_s, rig.consumer.call_s = 0.1, 1.0
            operators, before = Operators(engine), len(heard(rig))
            orders = (operators.replay([id_, id_]), operators.replay_all("vnfm"))
            for done in await asyncio.gather(*orders):
                assert [row["id"] for row in done["replayed"]] == [id_]
            await asyncio.sleep(5)
            assert [row.id for row in heard(rig)[before:]] == [id_]

    run(main())


@pytest.mark.parametrize("everything", [False, True])
def test_an_order_whose_answer_is_lost_can_be_given_again(everything: bool) -> None:  # noqa: FBT001 - a case
    disk = Forgetful()
    rig = quiet(disk=disk)

    async def main() -> None:
        async with rig.running() as engine:
            (id_,) = await bury(rig, engine)
            operators, before = Operators(engine), len(heard(rig))
            disk.forgets = 1
            with pytest.raises(Temporary, match="no answer from the disk"):
                await operators.replay([id_])
            await asyncio.sleep(5)
            assert len(heard(rig)) == before
            await (operators.replay_all("vnfm") if everything else operators.replay([id_]))
            await asyncio.sleep(5)
            assert [row.id for row in heard(rig)[before:]] == [id_]

    run(main())


def test_an_old_death_does_not_bury_what_is_replayed() -> None:
    disk = Forgetful()
    rig = quiet(disk=disk, delivering=Delivering(ack_every_s=1.0))

    async def main() -> None:
        async with rig.running() as engine:
            disk.forgets = 1  # the death is saved, and will be said once more
            rig.consumer.errors = [Permanent(GONE)]
            await engine.desk.submit([rig.evidence()])
            await asyncio.sleep(1.5)
            found = await states(engine, "dead")
            assert len(found) == 1
            rig.consumer.call_s = 1000.0
            await Operators(engine).replay(found)
            await asyncio.sleep(20)
            assert await states(engine, "pending") == found

    run(main())


def test_what_is_dead_is_counted_again_in_time() -> None:
    rig = quiet(delivering=Delivering(count_every_s=60.0))

    async def main() -> None:
        async with rig.running() as engine:
            ids = await bury(rig, engine, 2)
            assert letters(rig) == 2
            await rig.disk.replay(ids[:1], term=engine.ward.term)  # as when it is pruned: unseen
            await asyncio.sleep(61)
            assert letters(rig) == 1

    run(main())


def test_what_was_told_a_moment_ago_is_not_told_again() -> None:
    """Until that is saved it looks like an order whose answer got lost."""
    rig = quiet(delivering=Delivering(ack_every_s=1.0))

    async def main() -> None:
        async with rig.running() as engine:
            ids = await bury(rig, engine, 2)
            operators, before = Operators(engine), len(heard(rig))
            await operators.replay(ids[:1])
            await asyncio.sleep(0.5)
            assert [row.id for row in heard(rig)[before:]] == ids[:1]
            assert ids[0] in await states(engine, "pending")
            done = await operators.replay_all("vnfm")
            assert [row["id"] for row in done["replayed"]] == ids[1:]
            await asyncio.sleep(5)
            assert [row.id for row in heard(rig)[before:]] == ids

    run(main())
