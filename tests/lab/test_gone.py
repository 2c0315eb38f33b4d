"""Whoever asks may go away in the middle of it: that is no fault of the lab, which goes on."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Do, Rule, Service


async def head_of_an_answer(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /v3 HTTP/1.1\r\nHost: lab\r\n\r\n")
    try:
        return await reader.readuntil(b"\r\n")
    finally:
        writer.close()


@pytest.mark.parametrize("rules", [[], [Rule(service=Service.KEYSTONE, do=Do.SLOW, seconds=0.02)]])
async def test_with_half_of_a_body(rules: list[Rule]) -> None:
    """What is logged with an exception fails a test."""
    async with Lab(LabOptions(hosts=1)) as lab:
        lab.faults.add(*rules)
        port = int(lab.keystone.root.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /v3/auth/tokens HTTP/1.1\r\nHost: lab\r\nContent-Length: 9\r\n\r\n{}")
        assert await head_of_an_answer(port) == b"HTTP/1.1 200 OK\r\n"
        writer.close()
        await writer.wait_closed()
        assert await head_of_an_answer(port) == b"HTTP/1.1 200 OK\r\n"
