"""A host is taken out of the cloud by a running daemon: once all is shown, and never twice."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.retirement import Course, Transit
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Permanent
from tests.engine.instruments import HOST
from tests.engine.moving import bench, comes
from tests.engine.rig import Rig, accuse, incident_of, until
from tests.simulation.virtual import run

NAME = HOST.name
SERVICE = f"s-{NAME}"


async def ordered(rig: Rig, engine: Engine) -> None:
    """Fence the host, move its servers, and order that it be taken out."""
    await accuse(rig, engine)
    await until(engine, Phase.DOWN)
    await order(engine)


async def order(engine: Engine) -> None:
    await Operators(engine).order(HOST, Order.DECOMMISSION, "ann", "scrapped")


async def given_up(engine: Engine) -> str:
    """Wait until the order is over, and return the last line then."""

    def is_over() -> bool:
        wish = incident_of(engine).retirement
        return wish is not None and wish.step is Course.OVER

    await comes(is_over)
    return incident_of(engine).timeline[-1].text


async def last(rig: Rig) -> Incident:
    (heading,) = await rig.disk.headings(HOST, 1)
    found = await rig.disk.find(heading.id)
    assert found is not None
    return found


def test_a_host_leaves() -> None:
    async def main() -> None:
        rig = bench()
        async with rig.running() as engine:
            await ordered(rig, engine)
            await comes(lambda: HOST not in engine.desk.cases)
        assert rig.nova.leaving.deletes == [(SERVICE, Outcome.ACCEPTED)]
        incident = await last(rig)
        assert incident.phase is Phase.RESOLVED
        assert incident.timeline[-1].text.startswith("decommissioned by ann: scrapped")
        assert rig.bugs == []

    run(main())


def test_what_is_still_to_be_shown_is_explained() -> None:
    async def main() -> None:
        rig = bench()
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            found = await Operators(engine).explain(HOST)
            assert "delete" not in found["gates"]
            assert found["incident"]["retirement"] is None
            await order(engine)
            found = await Operators(engine).explain(HOST)
            assert found["gates"].keys() == {"delete"}
            assert found["gates"]["delete"]["surveyed"].startswith("Nova has not told")
            assert found["incident"]["retirement"] == {
                "step": "showing",
                "by": "ann",
                "why": "scrapped",
            }
            assert "Survey" in found["due"]

    run(main())


def test_servers_keep_it() -> None:
    async def main() -> None:
        rig = Rig()
        async with rig.running() as engine:
            await ordered(rig, engine)
            assert "by Nova there are servers on cmp-1: vm-1, vm-2" in await given_up(engine)
            assert rig.nova.leaving.deletes == []
            rig.nova.there[NAME] = ()
            await order(engine)
            await comes(lambda: HOST not in engine.desk.cases)
            assert rig.nova.leaving.deletes == [(SERVICE, Outcome.ACCEPTED)]

    run(main())


def test_a_live_migration_keeps_it() -> None:
    async def main() -> None:
        rig = bench()
        rig.nova.leaving.moving.append(Transit(9, "vm-9", "live-migration", "running"))
        async with rig.running() as engine:
            await ordered(rig, engine)
            assert "live-migration 9 of vm-9 (running)" in await given_up(engine)
            assert rig.nova.leaving.deletes == []

    run(main())


def test_trap_2_a_cell_that_is_down_is_neither_gone_nor_empty() -> None:
    async def main() -> None:
        rig = bench()
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            rig.nova.silent.add(NAME)
            await order(engine)
            assert "is its cell down?" in await given_up(engine)
            assert rig.nova.leaving.deletes == []

    run(main())


def test_power_that_is_on_keeps_it() -> None:
    async def main() -> None:
        rig = bench()
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            rig.device.on = True
            await order(engine)
            assert "the power of cmp-1 reads on" in await given_up(engine)
            assert rig.nova.leaving.deletes == []

    run(main())


def test_an_answer_that_got_lost_is_asked_for_again() -> None:
    async def main() -> None:
        rig = bench()
        rig.nova.ends = [Outcome.UNKNOWN]
        async with rig.running() as engine:
            await ordered(rig, engine)
            await comes(lambda: HOST not in engine.desk.cases)
        answers = [outcome for _, outcome in rig.nova.leaving.deletes]
        assert answers == [Outcome.UNKNOWN, Outcome.ACCEPTED]
        assert (await last(rig)).phase is Phase.RESOLVED

    run(main())


def test_a_daemon_that_dies_while_it_is_deleted_reads_it_back() -> None:
    async def main() -> None:
        rig = bench()
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await ordered(rig, engine)
        await comes(lambda: bool(rig.nova.leaving.deletes))
        await rig.crash(task)
        assert (await last(rig)).phase is Phase.DOWN
        async with rig.running() as engine:
            await comes(lambda: HOST not in engine.desk.cases)
        assert {service for service, _ in rig.nova.leaving.deletes} == {SERVICE}
        assert (await last(rig)).phase is Phase.RESOLVED
        assert rig.bugs == []

    run(main())


def test_a_disarm_in_between_stops_it() -> None:
    async def main() -> None:
        rig = bench()
        async with rig.running() as engine:
            await ordered(rig, engine)
            await Operators(engine).disarm("ben", "not today")
            assert "the daemon is disarmed by ben: not today" in await given_up(engine)
            assert rig.nova.leaving.deletes == []

    run(main())


def test_other_orders_are_refused_meanwhile() -> None:
    async def main() -> None:
        rig = bench()
        async with rig.running() as engine:
            await ordered(rig, engine)
            with pytest.raises(Permanent, match="it is being decommissioned"):
                await Operators(engine).order(HOST, Order.RELEASE, "ben", "it works again")

    run(main())
