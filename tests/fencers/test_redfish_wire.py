"""Identify and read, against a network and a web server that misbehave."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from doctor_daemon.core.proof import Power
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.fencers.bmc import BODY_MAX, GET_PAUSE_S
from tests.fakes import peer
from tests.fakes.clock import BootClock
from tests.fakes.peer import Answer, Peer, Request, in_turn
from tests.fencers.systems import PATH, redfish, system


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (202, Permanent),
        (204, Permanent),
        (400, Permanent),
        (401, Permanent),
        (403, Permanent),
        (404, Permanent),
        (410, Permanent),
        (408, Temporary),
        (429, Temporary),
        (500, Temporary),
        (503, Temporary),
    ],
)
async def test_any_status_but_200_is_an_error(
    tmp_path: Path, status: int, error: type[Exception]
) -> None:
    answer = peer.answering(status, json.dumps(system("Off")).encode() if status != 204 else b"")
    async with Peer(answer) as bmc, redfish(bmc.origin + PATH, tmp_path) as device:
        for call in (device.identify, device.read):
            with pytest.raises(error, match=str(status)) as caught:
                await call()
            assert type(caught.value) is error
    assert len(bmc.requests) == (1 if status == 401 else 2)  # a refused login rests


async def test_e4_a_redirect_is_not_followed(tmp_path: Path) -> None:
    async with Peer(peer.telling(system("Off"))) as other:
        to = {"Location": other.origin + PATH}
        async with (
            Peer(peer.answering(307, b"", to)) as bmc,
            redfish(bmc.origin + PATH, tmp_path) as device,
        ):
            with pytest.raises(Permanent, match=f"307: it redirects to {other.origin}"):
                await device.read()
    assert other.connections == 0


async def test_an_answer_without_an_end_is_not_read(tmp_path: Path) -> None:
    blob = json.dumps(system("Off", Filler="x" * BODY_MAX)).encode()
    async with (
        Peer(peer.answering(200, blob)) as bmc,
        redfish(bmc.origin + PATH, tmp_path) as device,
    ):
        with pytest.raises(Temporary, match=f"longer than {BODY_MAX} bytes"):
            await device.read()


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * 100_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["too short", "long header", "no http", "bad chunk"],
)
async def test_broken_http_is_temporary(tmp_path: Path, content: bytes) -> None:
    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await peer.sending(content)(request, writer)
        writer.close()

    async with Peer(answer) as bmc, redfish(bmc.origin + PATH, tmp_path) as device:
        with pytest.raises(Temporary):
            await device.read()


async def test_a_connection_that_breaks_is_tried_once_more(tmp_path: Path) -> None:
    async with (
        Peer(in_turn(peer.resetting, peer.telling(system("Off")))) as bmc,
        redfish(bmc.origin + PATH, tmp_path) as device,
    ):
        assert (await device.read()).power is Power.OFF
    assert len(bmc.requests) == 2


async def test_a_busy_bmc_that_refuses_a_connection_is_tried_once_more(tmp_path: Path) -> None:
    clock = BootClock()
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # nobody listens yet: connections are refused
        url = f"http://127.0.0.1:{sock.getsockname()[1]}{PATH}"
        async with redfish(url, tmp_path, clock, timeout_s=5.0) as device:
            began = clock.now()
            reading = asyncio.create_task(device.read())
            await asyncio.sleep(GET_PAUSE_S / 2)
            async with Peer(peer.telling(system("Off")), sock=sock):
                found = await reading
    assert found.power is Power.OFF
    assert found.asked_at.since(began) >= GET_PAUSE_S


async def test_a_connection_that_always_breaks_is_temporary(tmp_path: Path) -> None:
    for answer in (peer.resetting, peer.closing):
        async with Peer(answer) as bmc, redfish(bmc.origin + PATH, tmp_path) as device:
            with pytest.raises(Temporary):
                await device.read()
        assert len(bmc.requests) == 2


async def test_nobody_there_is_temporary(tmp_path: Path) -> None:
    async with Peer(peer.hanging) as bmc:
        url = bmc.origin + PATH
    async with redfish(url, tmp_path) as device:
        with pytest.raises(Temporary, match="Cannot connect"):
            await device.identify()


@pytest.mark.parametrize("answer", [peer.hanging, peer.dripping(peer.raw(200, b"{" * 999), 0.02)])
async def test_b2_a_deadline_covers_the_whole_answer(tmp_path: Path, answer: Answer) -> None:
    loop = asyncio.get_running_loop()
    async with Peer(answer) as bmc, redfish(bmc.origin + PATH, tmp_path) as device:
        began_s = loop.time()
        with pytest.raises(Temporary, match=r"no answer within 0\.5 s"):
            await device.read()
        assert 0.4 < loop.time() - began_s < 1.5


async def test_cookies_are_not_kept(tmp_path: Path) -> None:
    body = json.dumps(system()).encode()
    async with (
        Peer(peer.answering(200, body, {"Set-Cookie": "session=1; Path=/"})) as bmc,
        # By name: aiohttp would keep no cookie of an address anyway.
        redfish(bmc.origin.replace("127.0.0.1", "localhost") + PATH, tmp_path) as device,
    ):
        await device.read()
        await device.read()
    assert ["cookie" in request.headers for request in bmc.requests] == [False, False]
