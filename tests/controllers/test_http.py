"""One request: sent once or not at all, in time, bounded; failures say what can have been sent."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from doctor_daemon.controllers.http import (
    Answer,
    NoAnswerError,
    NothingSentError,
    Request,
    Wire,
    tls_context,
)
from doctor_daemon.errors import ConfigError, LateError
from doctor_daemon.lab import certificates
from tests.controllers.rigs import FastClock
from tests.fakes import peer as peers
from tests.fakes.peer import Peer, answering, closing, dripping, hanging, resetting

BODY = {"forced_down": True}


def _request(url: str, method: str = "PUT", timeout_s: float = 5.0, most: int = 10_000) -> Request:
    return Request(
        method=method,
        url=f"{url}/os-services",
        headers={"X-Auth-Token": "gAAAA-token"},
        body=BODY if method == "PUT" else None,
        timeout_s=timeout_s,
        answer_max=most,
    )


@asynccontextmanager
async def _wire(
    clock: FastClock,
    *,
    tls: ssl.SSLContext | None = None,
    connections: int = 4,
    keep_s: float = 15.0,
    connect_s: float = 5.0,
) -> AsyncIterator[Wire]:
    wire = Wire(
        tls or ssl.create_default_context(),
        clock,
        connections=connections,
        connect_s=connect_s,
        keep_s=keep_s,
    )
    try:
        yield wire
    finally:
        await wire.close()


@pytest.mark.parametrize("keep_s", [15.0, 0.0])
async def test_a_request_in_time_is_answered(keep_s: float) -> None:
    clock = FastClock()
    async with Peer(answering(200, b"{}")) as peer, _wire(clock, keep_s=keep_s) as wire:
        before = clock.now()
        for _ in range(2):
            answer = await wire.send(_request(peer.origin), clock.permit())
            assert (answer.status, answer.body) == (200, b"{}")
            assert 0 <= answer.asked_at.since(before) < 5
        assert peer.connections == (1 if keep_s else 2)
        assert peer.requests[0].headers["x-auth-token"] == "gAAAA-token"
        assert peer.requests[0].body == b'{"forced_down": true}'


async def test_a_lapsed_permit_sends_nothing_on_a_new_connection() -> None:
    clock = FastClock()
    async with Peer(answering(200)) as peer, _wire(clock) as wire:
        for _ in range(3):
            with pytest.raises(LateError):
                await wire.send(_request(peer.origin), clock.permit(-0.1))
        assert peer.connections == 3
        assert peer.bytes_read == 0


async def test_a_lapsed_permit_sends_nothing_on_a_kept_connection() -> None:
    clock = FastClock()
    async with Peer(answering(200)) as peer, _wire(clock) as wire:
        await wire.send(_request(peer.origin, "GET"))
        read = peer.bytes_read
        with pytest.raises(LateError):
            await wire.send(_request(peer.origin), clock.permit(-0.1))
        assert (peer.connections, peer.bytes_read) == (1, read)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def test_a_permit_that_lapses_while_connecting_sends_nothing(tmp_path: Path) -> None:
    """The connection is accepted at once, but the TLS handshake takes its time."""
    clock, relayed = FastClock(), set[asyncio.Task[None]]()
    ca, context = await certificates.make(tmp_path)
    async with Peer(answering(200), tls=context) as peer:
        port = peer.origin.rpartition(":")[2]

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.1)
            clock.advance(10)
            inner, outer = await asyncio.open_connection("127.0.0.1", int(port))
            await asyncio.gather(_pump(reader, outer), _pump(inner, writer))

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            relayed.add(asyncio.create_task(slow(reader, writer)))

        relay = await asyncio.start_server(accept, "127.0.0.1", 0)
        url = f"https://127.0.0.1:{relay.sockets[0].getsockname()[1]}"
        async with relay, _wire(clock, tls=tls_context(str(ca), "", "", verify=True)) as wire:
            with pytest.raises(LateError):
                await wire.send(_request(url), clock.permit(5))
            assert peer.bytes_read == 0
            assert (await wire.send(_request(url), clock.permit(15))).status == 200
            assert len(peer.requests) == 1
        await asyncio.gather(*relayed)


async def test_a_permit_that_lapses_while_the_pool_is_exhausted_sends_nothing() -> None:
    clock = FastClock()
    async with Peer(hanging) as peer, _wire(clock, connections=1) as wire:
        first = asyncio.create_task(wire.send(_request(peer.origin, "GET")))
        while not peer.requests:  # noqa: ASYNC110 - a peer has no event for it
            await asyncio.sleep(0.005)
        second = asyncio.create_task(wire.send(_request(peer.origin), clock.permit(5)))
        await asyncio.sleep(0.05)
        clock.advance(6)
        first.cancel()
        with pytest.raises(LateError):
            await second
        assert [request.method for request in peer.requests] == ["GET"]


async def test_a_pool_that_stays_exhausted_is_nothing_sent() -> None:
    clock = FastClock()
    async with Peer(hanging) as peer, _wire(clock, connections=1, connect_s=0.1) as wire:
        first = asyncio.create_task(wire.send(_request(peer.origin, "GET")))
        while not peer.requests:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
        with pytest.raises(NothingSentError):
            await wire.send(_request(peer.origin), clock.permit())
        first.cancel()
        assert len(peer.requests) == 1


async def test_a_refused_connection_is_nothing_sent() -> None:
    async with _wire(FastClock()) as wire:
        with pytest.raises(NothingSentError, match="nothing was sent"):
            await wire.send(_request("http://127.0.0.1:9"))


@pytest.mark.parametrize("url", ["http://", "not a url"])
async def test_a_url_that_is_none_is_nothing_sent(url: str) -> None:
    async with _wire(FastClock()) as wire:
        with pytest.raises(NothingSentError):
            await wire.send(_request(url))


async def test_an_untrusted_certificate_is_nothing_sent(tmp_path: Path) -> None:
    _, context = await certificates.make(tmp_path)
    async with Peer(answering(200), tls=context) as peer, _wire(FastClock()) as wire:
        with pytest.raises(NothingSentError, match="CERTIFICATE_VERIFY_FAILED"):
            await wire.send(_request(peer.origin))
        assert not peer.requests


@pytest.mark.parametrize("keep_s", [15.0, 0.0])
@pytest.mark.parametrize("rude", [closing, resetting])
async def test_a_broken_connection_is_not_answered_by_sending_again(
    rude: peers.Answer,
    keep_s: float,
) -> None:
    """Of itself aiohttp sends a PUT on a kept connection a second time."""
    clock = FastClock()
    async with Peer(answering(200)) as peer, _wire(clock, keep_s=keep_s) as wire:
        await wire.send(_request(peer.origin, "GET"))
        peer.answer = rude
        with pytest.raises(NoAnswerError):
            await wire.send(_request(peer.origin), clock.permit())
        await asyncio.sleep(0.05)
        assert [request.method for request in peer.requests] == ["GET", "PUT"]


async def test_silence_is_no_answer() -> None:
    async with Peer(hanging) as peer, _wire(FastClock()) as wire:
        with pytest.raises(NoAnswerError, match=r"no answer within 0\.1 s"):
            await wire.send(_request(peer.origin, timeout_s=0.1))
        assert len(peer.requests) == 1


async def test_an_answer_that_drips_is_no_answer() -> None:
    slow = dripping(peers.raw(200, b"x" * 100), 0.01)
    async with Peer(slow) as peer, _wire(FastClock()) as wire:
        with pytest.raises(NoAnswerError, match="no answer within"):
            await wire.send(_request(peer.origin, timeout_s=0.2))


async def test_an_answer_that_is_too_large_is_no_answer() -> None:
    async with Peer(answering(200, b"x" * 10_001)) as peer, _wire(FastClock()) as wire:
        with pytest.raises(NoAnswerError, match="longer than 10000 bytes"):
            await wire.send(_request(peer.origin))
        assert (await wire.send(_request(peer.origin, most=10_001))).status == 200


async def test_half_an_answer_is_no_answer() -> None:
    half = peers.sending(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")

    async def cut_off(request: peers.Request, writer: asyncio.StreamWriter) -> None:
        await half(request, writer)
        writer.close()

    async with Peer(cut_off) as peer, _wire(FastClock()) as wire:
        with pytest.raises(NoAnswerError, match="broke off"):
            await wire.send(_request(peer.origin))


async def test_what_is_not_http_is_no_answer_and_shows_no_token() -> None:
    async with Peer(peers.sending(b"SSH-2.0-OpenSSH\r\n\r\n")) as peer, _wire(FastClock()) as wire:
        with pytest.raises(NoAnswerError) as caught:
            await wire.send(_request(peer.origin))
        assert "gAAAA" not in repr(caught.value)


async def test_a_redirect_is_not_followed() -> None:
    async with Peer(answering(200)) as elsewhere:
        away = answering(307, b"", {"Location": f"{elsewhere.origin}/os-services"})
        async with Peer(away) as peer, _wire(FastClock()) as wire:
            assert (await wire.send(_request(peer.origin))).status == 307
        assert elsewhere.connections == 0


def _answer(body: bytes) -> Answer:
    return Answer(400, {}, body, FastClock().now())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"badRequest": {"code": 400, "message": "No updates\\n were requested."}}', None),
        (b"<h1>Proxy\x1b[31m says no</h1>", "400 <h1>Proxy?[31m says no</h1>"),
        (b"[]", "400 []"),
        (b"{}", "400 {}"),
        (b'{"a": 1}', '400 {"a": 1}'),
        (b"", "400"),
        (b"\xff\xfe", "400 ��"),
    ],
)
def test_words_are_novas_own(body: bytes, words: str | None) -> None:
    assert _answer(body).words() == (words or "400 No updates were requested.")
    assert len(_answer(body * 1000).words()) <= 310


def test_neither_shows_its_token_or_body() -> None:
    assert "gAAAA" not in repr(_request("http://127.0.0.1"))
    assert "private" not in repr(_answer(b"private"))


def test_tls_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no-such\.pem"):
        tls_context(str(tmp_path / "no-such.pem"), "", "", verify=True)
    (tmp_path / "cert.pem").write_text("not a certificate")
    with pytest.raises(ConfigError, match=r"cert\.pem"):
        tls_context("", str(tmp_path / "cert.pem"), "", verify=True)


async def test_a_client_certificate_is_loaded_and_verification_can_be_refused(
    tmp_path: Path,
) -> None:
    ca, _ = await certificates.make(tmp_path)
    cert, key = (str(tmp_path / f"server.{end}") for end in ("pem", "key"))
    assert tls_context(str(ca), cert, key, verify=True).verify_mode is ssl.CERT_REQUIRED
    assert tls_context("", "", "", verify=False).verify_mode is ssl.CERT_NONE
