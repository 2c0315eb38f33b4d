"""The end of the daemon amid a flood: nothing of it is left behind, and every sender is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.errors import Temporary
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
