"""The storage of a host that is fenced more than once in one incident, on a human's word."""

from __future__ import annotations

import asyncio

from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.volume_tasks import TaskStage
from doctor_daemon.engine.operators import Operators
from tests.engine.instruments import HOST
from tests.engine.rig import Rig, accuse, incident_of, until
from tests.engine.storage import NAME, die, reach, story, task_of
from tests.engine.volumes import BenchCinder


def test_a_host_that_is_fenced_again_by_an_order_has_its_storage_seen_to_again() -> None:
    async def main(rig: Rig, cinder: BenchCinder) -> None:
        row = cinder.add(NAME)
        cinder.older = True
        async with rig.running() as engine:
            operators = Operators(engine)
            await accuse(rig, engine)
            die(cinder)
            await reach(engine, TaskStage.DOWN)
            rig.device.on = True
            cinder.volumes.start(NAME)
            await operators.order(HOST, Order.RELEASE, "ann", "new mainboard")
            first = await reach(engine, TaskStage.DONE)
            assert not row.disabled
            await until(engine, Phase.HELD, limit_s=2000)
            await operators.order(HOST, Order.FENCE, "ann", "it hangs again")
            await until(engine, Phase.DOWN, limit_s=60)
            die(cinder)
            again = await reach(engine, TaskStage.DOWN)
            assert (again.incident, row.disabled) == (first.incident, True)
            assert again.round > first.round
            await asyncio.sleep(60)
            kept = task_of(engine)
            assert kept is not None
            assert (kept.number, kept.stage) == (again.number, TaskStage.DOWN)
            assert incident_of(engine).phase is Phase.DOWN

    story(main)
