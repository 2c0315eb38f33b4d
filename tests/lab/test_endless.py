"""Bodies that do not end: whoever reads them has to stop by itself."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import FLOOD_BYTES, Do, Rule, Service


@pytest.mark.parametrize(("do", "least"), [(Do.FLOOD, FLOOD_BYTES), (Do.DRIP, 1)])
async def test_a_body_that_does_not_end(do: Do, least: int) -> None:
    async with Lab(LabOptions(hosts=1)) as lab:
        lab.faults.add(Rule(service=Service.KEYSTONE, do=do, seconds=0.02))
        port = int(lab.keystone.root.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /v3 HTTP/1.1\r\nHost: lab\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert head.startswith(b"HTTP/1.1 200")
        assert len(body) > least
        assert not body.endswith(b"0\r\n\r\n"), "it was broken off, and not ended"
        assert len(lab.faults.applied) == 1


async def test_whoever_goes_away_ends_it() -> None:
    async with Lab(LabOptions(hosts=1)) as lab:
        lab.faults.add(Rule(service=Service.KEYSTONE, do=Do.FLOOD))
        port = int(lab.keystone.root.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /v3 HTTP/1.1\r\nHost: lab\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n")
        writer.close()
