"""What was said under terms of before a reload, and is not handed in yet, is not taken (D4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from aiohttp import web

from doctor_daemon.api.connection import Limits
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.lanes import UNDER_WAY_MAX
from doctor_daemon.ports import Gatekeeper, Intake
from tests.api.rig import Scripted
from tests.engine.rig import Rig, SlowDisk
from tests.inspectors.rig import listening, source

WAITING = 16


class Saying(Scripted):
    """An inspector that says another thing of the host with each request, once it may."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(self.say)
        self.rig = rig
        self.may = asyncio.Event()
        self.may.set()
        self.asked = 0
        self.intake: Intake | None = None

    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        self.intake = intake
        return super().routes(intake, gate)

    async def say(self, _request: web.Request) -> web.StreamResponse:
        self.asked += 1
        name = f"{self.name}-{self.asked}"
        said = replace(self.rig.evidence(Verdict.DOWN), source=self.name, key=name)
        await self.may.wait()
        assert self.intake is not None
        await self.intake.submit([replace(said, fingerprint=name)])
        return web.Response()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - tasks that nobody else waits for
            await asyncio.sleep(0.001)


def waiting(engine: Engine) -> int:
    return sum(count for _, count, _ in engine.desk.lanes.counts())


async def test_d4_what_waits_in_the_lane_is_not_taken_after_a_reload() -> None:
    rig = Rig(disk=(disk := SlowDisk()))
    async with rig.running() as engine:
        disk.commit_s = 0.5
        limits = Limits(under_way=200, of_a_peer=300)
        async with listening(engine.desk, source(Saying(rig)), limits=limits) as client:
            count = UNDER_WAY_MAX + WAITING
            sent = [asyncio.create_task(client.send("/scripted", {})) for _ in range(count)]
            await until(lambda: waiting(engine) == WAITING)
            client.listener.changed([])(None)
            assert waiting(engine) == 0
            statuses = [response.status for response in await asyncio.gather(*sent)]
            assert (statuses.count(503), statuses.count(200)) == (WAITING, UNDER_WAY_MAX)
            kept = [row for row in (await disk.load()).evidence if row.source == "scripted"]
            assert len(kept) == UNDER_WAY_MAX


async def test_d4_what_an_inspector_hands_in_after_a_reload_is_not_taken() -> None:
    rig = Rig()
    inspector = Saying(rig)
    inspector.may.clear()
    async with rig.running() as engine, listening(engine.desk, source(inspector)) as client:
        sent = asyncio.create_task(client.send("/scripted", {}))
        await until(lambda: inspector.asked == 1)
        client.listener.changed([])(None)
        inspector.may.set()
        assert (await sent).status == 503
        assert engine.desk.cases == {}
