"""The permit is asked between the connection and the first byte, however often aiohttp sends."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from doctor_daemon.errors import LateError
from doctor_daemon.ports import Permit
from doctor_daemon.ports.permits import permit_trace
from tests.fakes import peer
from tests.fakes.clock import HandClock
from tests.fakes.peer import Peer, Request


async def test_a_request_without_a_permit_passes() -> None:
    trace = permit_trace(HandClock())
    async with (
        Peer(peer.answering(204)) as server,
        aiohttp.ClientSession(trace_configs=[trace]) as session,
        session.get(server.origin) as response,
    ):
        assert response.status == 204


async def test_a_request_that_is_sent_again_needs_its_permit_again() -> None:
    clock = HandClock()
    permit = Permit(1, clock.now().plus(1.0))

    async def breaking(request: Request, writer: asyncio.StreamWriter) -> None:
        clock.move(2.0)
        await peer.closing(request, writer)

    async with (
        Peer(breaking) as server,
        aiohttp.ClientSession(trace_configs=[permit_trace(clock)]) as session,
    ):
        with pytest.raises(LateError):
            await session.put(server.origin, json={}, trace_request_ctx=permit)
        # aiohttp repeats what may be repeated (RFC 9110, 9.2.2) by itself: a PUT is.
        assert [request.method for request in server.requests] == ["PUT"]
        assert server.connections == 2
