"""Dead letters: listed, told once more when somebody says so, and what is said where not."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.outbox import Delivering
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports import Change, Wanted
from tests.engine.letters import GONE, bury, heard, letters, quiet, states
from tests.simulation.virtual import run


def test_a_dead_notice_is_listed_and_counted() -> None:
    rig = quiet()

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            assert operators.status()["dead_letters"] == {}
            (id_,) = await bury(rig, engine)
            (row,) = await operators.notices(Wanted("dead"), 10)
            assert (row["id"], row["consumer"], row["kind"]) == (id_, "vnfm", "suspected")
            assert (row["host"], row["sequence"], row["late"]) == ("cmp-1", 1, False)
            assert (row["attempts"], row["error"]) == (1, GONE)
            assert 1.0 < row["age_s"] <= 2.1
            assert "body" not in row
            assert operators.status()["dead_letters"] == {"vnfm": 1}
            assert letters(rig) == 1

    run(main())


def test_a_dead_notice_is_told_once_more_with_its_id_and_body_and_behind_the_others() -> None:
    rig = quiet()

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            (id_,) = await bury(rig, engine)
            before = len(heard(rig))
            done = await operators.replay([id_])
            assert [one["state"] for one in done["replayed"]] == ["pending"]
            assert (done["replayed"][0]["late"], done["left"]) == (True, 0)
            await asyncio.sleep(1)
            *_, last = heard(rig)
            assert len(heard(rig)) == before + 1
            assert (last.id, last.sequence, last.late) == (id_, 1, True)
            assert '"kind": "suspected"' in last.body
            assert await states(engine, "dead") == []
            assert id_ in await states(engine, "delivered")
            assert operators.status()["dead_letters"] == {}
            assert letters(rig) == 0
            value = rig.metrics.registry.get_sample_value
            last_one = {"consumer": "vnfm", "kind": "suspected", "which": "last"}
            assert value("doctor_notice_seconds_count", last_one) == 1  # that came by itself
            assert value("doctor_notices_dead_total", {"consumer": "vnfm"}) == 1

    run(main())


def test_successors_tell_of_a_gap_whether_it_is_replayed_or_not() -> None:
    rig = quiet()

    async def main() -> None:
        async with rig.running() as engine:
            both = await bury(rig, engine, 3)
            await Operators(engine).replay(both[:1])
            await asyncio.sleep(1)
            assert [(row.late, row.gap_before) for row in heard(rig)] == [(True, False)]
            await engine.desk.submit([rig.evidence(Verdict.WITHDRAWN)])
            await asyncio.sleep(2)
            assert [row.gap_before for row in heard(rig)[1:3]] == [True, False]

    run(main())


def test_what_dies_again_is_dead_again_and_its_successor_says_so() -> None:
    rig = quiet()

    async def main() -> None:
        async with rig.running() as engine:
            (id_,) = await bury(rig, engine)
            rig.consumer.errors = [Temporary("503"), Permanent(GONE)]
            await Operators(engine).replay([id_])
            await asyncio.sleep(5)
            assert await states(engine, "dead") == [id_]
            assert letters(rig) == 1
            (row,) = await Operators(engine).notices(Wanted("dead"), 10)
            assert (row["attempts"], row["late"]) == (2, True)
            await engine.desk.submit([rig.evidence(Verdict.WITHDRAWN)])
            await asyncio.sleep(2)
            assert heard(rig)[-3].gap_before
            await Operators(engine).replay([id_])
            await asyncio.sleep(1)
            assert heard(rig)[-1].id == id_

    run(main())


def test_what_cannot_be_replayed_is_said_in_words() -> None:
    rig = quiet()

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            (id_,) = await bury(rig, engine)
            told = (await states(engine, "delivered"))[0]
            for ids, why in (
                ([id_, "msg_0"], "no notice has the id msg_0"),
                ([id_, told], f"notice {told} is delivered; only one that is dead can be replayed"),
            ):
                with pytest.raises(Permanent, match=why):
                    await operators.replay(ids)
            for name, why in (
                ("ops", "no notice to ops is dead"),
                ("nobody", "consumer nobody is not in the configuration"),
            ):
                with pytest.raises(Permanent, match=why):
                    await operators.replay_all(name)
            assert await states(engine, "dead") == [id_]
            rig.consumer.call_s = 1000.0
            await operators.replay([id_])
            with pytest.raises(Permanent, match=f"notice {id_} is pending; only"):
                await operators.replay([id_])

    run(main())


def test_a_consumer_that_is_no_longer_configured_can_be_told_nothing() -> None:
    rig = quiet()

    async def main() -> None:
        async with rig.running() as engine:
            await bury(rig, engine)
            (dead,) = await rig.disk.notices(Wanted("dead"), 10)
            gone = replace(dead, id="msg_gone", consumer="gone")
            await rig.disk.commit(Change(notices=(gone,)), term=engine.ward.term)
            with pytest.raises(Permanent, match="consumer gone is not in the configuration"):
                await Operators(engine).replay([dead.id, "msg_gone"])
            assert [row.state for row in await rig.disk.notices(Wanted("dead"), 10)] == ["dead"] * 2

    run(main())


def test_all_dead_ones_are_told_the_oldest_first_and_as_many_as_there_is_room_for() -> None:
    rig = quiet(delivering=Delivering(late_max=2))

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            ids = await bury(rig, engine, 3)
            rig.consumer.call_s = 10.0
            done = await operators.replay_all("vnfm")
            assert [row["id"] for row in done["replayed"]] == ids[:2]
            assert done["left"] == 1
            for order in (operators.replay_all("vnfm"), operators.replay(ids[2:])):
                with pytest.raises(Permanent, match="0 more notices to vnfm may be replayed until"):
                    await order
            await asyncio.sleep(15)
            done = await operators.replay_all("vnfm")
            assert ([row["id"] for row in done["replayed"]], done["left"]) == (ids[2:], 0)
            await asyncio.sleep(20)
            assert [row.id for row in heard(rig)] == ids

    run(main())


def test_too_many_ids_at_once_are_refused_whole() -> None:
    rig = quiet(delivering=Delivering(late_max=2))

    async def main() -> None:
        async with rig.running() as engine:
            ids = await bury(rig, engine, 3)
            with pytest.raises(Permanent, match="2 more notices to vnfm may be replayed until"):
                await Operators(engine).replay(ids)
            assert await states(engine, "dead") == ids[::-1]

    run(main())


def test_notices_of_another_boot_have_an_age_too() -> None:
    rig = quiet()

    async def main() -> None:
        async with rig.running() as engine:
            await bury(rig, engine)
        rig.clock.reboot()
        await asyncio.sleep(100)
        async with rig.running() as engine:
            (row,) = await Operators(engine).notices(Wanted("dead"), 10)
            assert 100 < row["age_s"] < 110

    run(main())
