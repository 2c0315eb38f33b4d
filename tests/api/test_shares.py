"""What one source may take, and that it takes nothing of another's."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aiohttp import web

from doctor_daemon.api.connection import Limits
from tests.api.rig import BODY, HEAD, Scripted, doctor, length
from tests.inspectors.rig import Ledger, listening, source, terms


async def test_e5_a_source_has_limits_of_its_own() -> None:
    small = replace(terms("doctor"), rate_per_s=0.5, burst=2)
    second = source(doctor("second", path="/second"))
    async with listening(Ledger(), source(doctor(), of=small), second) as client:
        first = [await client.send("/events", BODY, method="PUT") for _ in range(3)]
        others = [await client.send("/second/events", BODY, method="PUT") for _ in range(3)]
    assert [reply.status for reply in first] == [200, 200, 429]
    assert first[-1].headers["Retry-After"] == "3"
    assert [reply.status for reply in others] == [200] * 3


async def test_e5_a_source_whose_requests_hang_keeps_no_other_out() -> None:
    gone = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await gone.wait()
        return web.Response()

    ledger = Ledger()
    async with listening(
        ledger, source(Scripted(hang)), source(doctor()), limits=Limits(under_way=2)
    ) as client:
        flood = [asyncio.create_task(client.send("/scripted", {})) for _ in range(6)]
        done, _ = await asyncio.wait(flood, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 4:
            done, _ = await asyncio.wait(flood, timeout=0.05)
        replies = [await client.send("/events", BODY, method="PUT") for _ in range(5)]
        gone.set()
        statuses = sorted([reply.status for reply in await asyncio.gather(*flood)])
    assert [reply.status for reply in replies] == [200] * 5
    assert statuses == [200, 200, 503, 503, 503, 503]
    assert client.rejected == [("scripted", "busy")] * 4


async def test_e5_bodies_that_drip_keep_no_other_source_out() -> None:
    ledger = Ledger()
    second = source(doctor("second", path="/second"))
    async with listening(
        ledger, source(doctor()), second, limits=Limits(under_way=2, body_s=5)
    ) as client:
        head = HEAD + length(len(BODY))
        opened = [
            await asyncio.open_connection("127.0.0.1", client.listener.port) for _ in range(4)
        ]
        for _, writer in opened:
            writer.write(head + BODY[:5])
        await asyncio.sleep(0.2)
        assert (await client.send("/events", BODY, method="PUT")).status == 503
        assert (await client.send("/second/events", BODY, method="PUT")).status == 200
        for _, writer in opened:
            writer.close()
