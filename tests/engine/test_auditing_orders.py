"""I-17: orders and switches are on record, once, with who gave them and why, and no secret."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.engine.operators import Operators
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Change, remember
from tests.engine.audits import PAGE, brief, records
from tests.engine.coming_back import over
from tests.engine.instruments import HOST, OTHER
from tests.engine.moving import comes
from tests.engine.rig import Rig, SlowDisk, until
from tests.simulation.virtual import run

QUICK = Policy(grace_s=1.0)


def test_i17_orders_are_on_record_with_who_and_why() -> None:
    rig = Rig(policy=replace(QUICK, grace_s=60.0))

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            await operators.maintain(HOST, "ben", "new memory", 600)
            assert await operators.end_maintenance(HOST, "ann")
            await engine.masskeeper.release(3, "ann", "the rack has no power", 60)
            await operators.disarm("ben", "trouble")
            await operators.disarm("ben", "more trouble")
            await engine.desk.submit([rig.evidence(Verdict.DOWN)])
            await operators.order(HOST, Order.DISMISS, "ann", "it was the switch")
            await over(engine)
            found = await records(rig)
        assert [(one["what"], one["by"], one.get("cause", "")) for one in found] == [
            ("maintenance", "ben", "new memory"),
            ("end of maintenance", "ann", ""),
            ("release-hosts", "ann", "the rack has no power"),
            ("disarm", "ben", "trouble"),
            ("disarm", "ben", "more trouble"),
            ("dismiss", "ann", "it was the switch"),
        ]
        assert {one["part"] for one in found} == {"order"}
        assert found[0]["host"] == found[-1]["host"] == "cmp-1"

    run(main())


def test_i17_an_order_that_is_followed_late_is_on_record_though_nobody_waits_for_it() -> None:
    rig = Rig(policy=QUICK)

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            await engine.desk.submit([rig.evidence()])
            await until(engine, Phase.HELD)
            await operators.arm("ann", "in production")
            rig.disk.commit_s = 8.0
            other = asyncio.create_task(engine.desk.submit([rig.evidence()]))
            await comes(lambda: rig.disk.writing is not None)
            with pytest.raises(Temporary, match="not durable"):
                await operators.order(HOST, Order.FENCE, "ben", "it is really dead")
            await asyncio.wait((other,))
            assert isinstance(other.exception(), Temporary)
            rig.disk.commit_s = 0.0
            await until(engine, Phase.DOWN)
            found = [one for one in await records(rig) if one["what"] == "fence"]
        assert [(one["by"], one["cause"]) for one in found] == [("ben", "it is really dead")]
        assert rig.device.cuts == 1

    run(main())


def test_i17_a_switch_that_is_saved_once_more_is_on_record_once() -> None:
    rig = Rig(policy=QUICK)

    async def main() -> None:
        async with rig.running() as engine:
            await Operators(engine).disarm("ben", "trouble")
            engine.ward.unsaved = True  # it is not known whether it was
            await comes(lambda: not engine.ward.unsaved)
            assert brief(await records(rig)) == [("disarm", "order", "")]

    run(main())


class Lost(SlowDisk):
    """A disk whose next answer gets lost: what it was asked to save is saved."""

    lose = False

    async def commit(self, change: Change, *, term: int) -> None:
        await super().commit(change, term=term)
        if self.lose:
            self.lose = False
            raise Temporary("no answer from the disk")


def test_i17_an_arming_whose_answer_was_lost_is_followed_by_a_disarm_with_a_line() -> None:
    disk = Lost()
    rig = Rig(policy=QUICK, disk=disk)

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            await operators.disarm("ben", "trouble")
            disk.lose = True
            with pytest.raises(Temporary, match="no answer"):
                await operators.arm("ann", "in production")
            assert not engine.ward.armed.on
            await comes(lambda: not engine.ward.unsaved)
            found = await records(rig)
            assert not (await disk.load()).armed.on
        assert [(one["what"], one["by"], one["cause"]) for one in found] == [
            ("disarm", "ben", "trouble"),
            ("arm", "ann", "in production"),
            ("disarm", "ben", "arming by ann was not saved"),
        ]

    run(main())


def test_i17_an_arming_of_who_is_armed_that_fails_disarms_nobody() -> None:
    rig = Rig(policy=QUICK)

    async def main() -> None:
        async with rig.running() as engine:
            await Operators(engine).arm("ann", "in production")
            rig.disk.failures = 1
            with pytest.raises(Temporary):
                await Operators(engine).arm("ben", "once more")
            assert (engine.ward.armed.on, engine.ward.armed.by) == (True, "ann")

    run(main())


def test_e7_a_secret_that_somebody_says_is_not_on_record() -> None:
    remember("hunter2-hunter2")
    rig = Rig(policy=QUICK)

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            await operators.maintain(OTHER, "hunter2-hunter2", "new disk", 60)
            assert await operators.end_maintenance(OTHER, "hunter2-hunter2")
            await operators.disarm("hunter2-hunter2", "x" * 990 + "hunter2-hunter2")
            await operators.arm("ann", "the password is hunter2-hunter2")
            said = replace(rig.evidence(), source="hunter2-hunter2")
            await engine.desk.submit([said])
            await operators.order(HOST, Order.FENCE, "ann", "by hunter2-hunter2")
            await until(engine, Phase.DOWN)
            page = await rig.disk.audit(0, PAGE)
        text = "".join(row.body for row in page.rows)
        assert "hunter2" not in text
        assert "xhunt" not in text
        assert text.count("the password is") == 1

    run(main())
