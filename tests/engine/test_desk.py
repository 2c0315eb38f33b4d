"""Evidence at the desk: what is accepted is durable, and the same event is taken once."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.messages import Order
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Temporary
from tests.engine.instruments import HOST
from tests.engine.rig import Rig
from tests.simulation.virtual import run


def test_receipts_say_what_became_of_evidence() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            first = rig.evidence()
            (opened,) = await engine.desk.submit([first])
            (joined,) = await engine.desk.submit([rig.evidence()])
            (repeated,) = await engine.desk.submit([first])
            assert (opened.outcome, joined.outcome, repeated.outcome) == (
                "opened",
                "joined",
                "repeated",
            )
            assert opened.incident == joined.incident == repeated.incident
            (recorded,) = await engine.desk.submit([rig.evidence(Verdict.UP, HOST)])
            assert recorded.outcome == "joined"
            (nothing,) = await engine.desk.submit([rig.evidence(Verdict.WITHDRAWN)])
            assert nothing.outcome == "recorded"
            assert nothing.incident is None

    run(main())


def test_i12_the_same_event_opens_once_even_after_a_restart() -> None:
    rig = Rig()

    async def main() -> None:
        event = rig.evidence()
        async with rig.running() as engine:
            await engine.desk.submit([event])
            await Operators(engine).order(HOST, Order.DISMISS, "ann", "a false alarm")
            await asyncio.sleep(1)
            (again,) = await engine.desk.submit([event])
            assert again.outcome == "repeated"
            assert HOST not in engine.desk.cases
        async with rig.running() as engine:
            (again,) = await engine.desk.submit([event])
            assert again.outcome == "repeated"
            assert HOST not in engine.desk.cases
            (fresh,) = await engine.desk.submit([rig.evidence()])
            assert fresh.outcome == "opened"

    run(main())


def test_evidence_that_cannot_be_saved_is_not_accepted() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            rig.disk.failures = 10**6
            with pytest.raises(Temporary, match="not durable after 5 s"):
                await engine.desk.submit([rig.evidence()])
            with pytest.raises(Temporary):
                await engine.desk.submit([rig.evidence(Verdict.UP, HostId("default", "cmp-2"))])
            rig.disk.failures = 0

    run(main())


def test_evidence_is_refused_while_stopping() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            engine.stop()
            with pytest.raises(Temporary, match="stopping"):
                await engine.desk.submit([rig.evidence()])

    run(main())


def test_a14_names_are_exact_or_aliases_and_nothing_else() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            assert engine.desk.host("cmp-1") == HOST
            assert engine.desk.host("CMP-1.Example") == HOST
            assert engine.desk.host("CMP-1") is None
            assert engine.desk.host("cmp-") is None
            assert engine.desk.host("") is None

    run(main())


def test_twenty_senders_at_once_open_one_incident() -> None:
    rig = Rig()

    async def main() -> None:
        rig.disk.commit_s = 0.05
        async with rig.running() as engine:
            sends = (engine.desk.submit([rig.evidence()]) for _ in range(20))
            receipts = [receipt for (receipt,) in await asyncio.gather(*sends)]
            assert [r.outcome for r in receipts].count("opened") == 1
            assert len({r.incident for r in receipts}) == 1

    run(main())


def test_a_daemon_that_is_dying_accepts_nothing() -> None:
    """Not even at the moment at which its tasks have been told to end and it has not."""
    rig = Rig()

    async def main() -> None:
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        task.cancel()
        await asyncio.sleep(0)
        with pytest.raises(Temporary, match="stopping"):
            await engine.desk.submit([rig.evidence()])
        await asyncio.wait((task,))
        assert not rig.bugs

    run(main())
