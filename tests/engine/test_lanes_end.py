"""The end of the daemon amid a flood: nothing of it is left behind, and every sender is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Evidence, Verdict
from doctor_daemon.engine.lanes import Lanes
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Receipt
from tests.engine.rig import HOST, OTHER, Rig, SlowDisk
from tests.simulation.virtual import run


@pytest.mark.parametrize("verdict", [Verdict.WITHDRAWN, Verdict.DOWN])
def test_c2_a_crash_amid_a_flood_leaves_no_task_and_tells_every_sender(verdict: Verdict) -> None:
    disk = SlowDisk()
    disk.commit_s = 1e6
    rig = Rig(disk=disk)

    async def main() -> None:
        engine = rig.engine()
        running = asyncio.create_task(engine.run())
        await engine.ready.wait()
        words = [
            replace(rig.evidence(verdict, host), source=source, key=f"{source}|{number}")
            for number in range(200)
            for source in ("one", "two")
            for host in (HOST, OTHER)
        ]
        senders = [asyncio.create_task(engine.desk.submit([word])) for word in words]
        await asyncio.sleep(1)
        assert not any(sender.done() for sender in senders)
        running.cancel()
        await asyncio.wait((running, *senders))
        assert {type(sender.exception()) for sender in senders} == {Temporary}
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_c2_who_speaks_while_the_lanes_are_being_closed_is_told_too() -> None:
    """A daemon that leads no more ends by itself, and nobody shuts its doors before that."""
    rig, told = Rig(), list[BaseException | None]()

    async def never(_: Sequence[Evidence]) -> Sequence[Receipt]:
        await asyncio.Event().wait()
        return []

    async def main() -> None:
        lanes = Lanes(never)
        words = {name: replace(rig.evidence(Verdict.DOWN), source=name) for name in ("one", "two")}
        first = asyncio.create_task(lanes.submit("one", [words["one"]]))
        await asyncio.sleep(1)
        closing = asyncio.create_task(lanes.close())
        second = asyncio.create_task(lanes.submit("two", [words["two"]]))
        await asyncio.wait((closing, first, second), timeout=60)
        told.extend(one.exception() for one in (closing, first, second))
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())
    assert [type(one) for one in told] == [type(None), Temporary, Temporary]
