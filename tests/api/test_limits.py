"""What the listener bears: too large, too slow, too many; and what it says to each."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest
from aiohttp import web

from doctor_daemon.api.connection import Limits
from doctor_daemon.api.rates import Bucket
from tests.api.rig import (
    BODY,
    EVENT,
    HEAD,
    QUICK,
    Scripted,
    doctor,
    error,
    length,
    parse,
)
from tests.fakes.clock import HandClock
from tests.inspectors.rig import Ledger, listening, source, terms

# Size


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    ledger = Ledger()
    async with listening(ledger, source(doctor())) as client:
        status, _, said = parse(await client.wire(HEAD + length(65_537)))
    assert status == 413
    assert said == error("too_large", "body", "it is too large", "at most 65536 bytes")
    assert ledger.taken == []


async def test_a_body_without_a_length_is_counted() -> None:
    ledger, chunk = Ledger(), b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    async with listening(ledger, source(doctor())) as client:
        head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        status, _, said = parse(await client.wire(head, chunk, chunk, b"1\r\n \r\n0\r\n\r\n"))
        fits = await client.wire(head, b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))
    assert status == 413
    assert said["expected"] == "at most 65536 bytes"
    assert fits.startswith(b"HTTP/1.1 200 ")
    assert len(ledger.taken) == 1


async def test_each_source_has_a_limit_of_its_own() -> None:
    small, large = terms("small", body_max=100), terms("large", body_max=10_000)
    first = source(doctor("small"), of=small)
    second = source(doctor("large", path="/large"), of=large)
    body = json.dumps([{**EVENT, "padding": "x" * 500}]).encode()
    async with listening(Ledger(), first, second) as client:
        refused = await client.send("/events", body, method="PUT")
        taken = await client.send("/large/events", body, method="PUT")
    assert (refused.status, taken.status) == (413, 200)
    assert refused.error["expected"] == "at most 100 bytes"


async def test_the_largest_body_that_may_be_is_taken() -> None:
    ledger = Ledger()
    body = json.dumps([EVENT]).ljust(65_536).encode()
    async with listening(ledger, source(doctor())) as client:
        assert (await client.send("/events", body, method="PUT")).status == 200
        assert (await client.send("/events", body + b" ", method="PUT")).status == 413
    assert len(ledger.taken) == 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x, identity"])
async def test_an_encoded_body_is_not_unpacked(encoding: str) -> None:
    ledger, bomb = Ledger(), gzip.compress(b" " * 10_000_000)
    async with listening(ledger, source(doctor())) as client:
        reply = await client.send("/events", bomb, method="PUT", Content_Encoding=encoding)
    assert reply.status == 415
    assert reply.error == error(
        "encoded", "Content-Encoding", "the body is encoded", "identity: it is not unpacked"
    )


@pytest.mark.parametrize(
    ("content_type", "found"),
    [
        ("text/plain", 'found "text/plain"'),
        ("application/x-www-form-urlencoded", 'found "application/x-www-form-urlencoded"'),
        ("application/json-seq", 'found "application/json-seq"'),
    ],
)
async def test_only_json_is_read(content_type: str, found: str) -> None:
    ledger = Ledger()
    async with listening(ledger, source(doctor())) as client:
        reply = await client.send("/events", BODY, method="PUT", Content_Type=content_type)
    assert reply.status == 415
    assert reply.error == error("not_json", "Content-Type", found, "application/json")
    assert ledger.taken == []


async def test_a_content_type_must_be_there_and_may_have_parameters() -> None:
    async with listening(Ledger(), source(doctor())) as client:
        bare = HEAD.replace(b"Content-Type: application/json\r\n", b"")
        status, _, said = parse(await client.wire(bare + length(len(BODY)) + BODY))
        reply = await client.send(
            "/events", BODY, method="PUT", Content_Type="Application/JSON; charset=UTF-8"
        )
    assert (status, said["message"]) == (415, "it is missing")
    assert reply.status == 200


# Time


async def test_e5_a_head_that_is_not_complete_in_time_ends_the_connection() -> None:
    async with listening(Ledger(), source(doctor()), limits=QUICK) as client:
        for parts in ([], [b"PUT /ev"], [HEAD, b"X-A: b\r\n", b"X-B: c\r\n", b"X-C: d\r\n"]):
            status, _, said = parse(await client.wire(*parts, pause_s=0.07))
            assert status == 408
            assert said == error("too_slow", "head", "it is not complete", "all of it in 0.3 s")
    assert client.rejected == [("-", "slow_head")] * 3


async def test_e5_a_body_that_drips_is_ended() -> None:
    ledger = Ledger()
    async with listening(ledger, source(doctor()), limits=QUICK) as client:
        drops = [BODY[index : index + 1] for index in range(10)]
        head = HEAD + length(len(BODY))
        status, _, said = parse(await client.wire(head, *drops, pause_s=0.05))
    assert status == 408
    assert said == error("too_slow", "body", "it is not complete", "all of it in 0.3 s")
    assert ledger.taken == []
    assert client.rejected == [("doctor", "too_slow")]


@pytest.mark.parametrize("part", [HEAD[:-9], HEAD + length(500), HEAD + length(500) + BODY])
async def test_a_request_that_ends_too_early_is_not_taken(part: bytes) -> None:
    ledger = Ledger()
    async with listening(ledger, source(doctor()), limits=QUICK) as client:
        await client.wire(part, end=True)
        assert (await client.send("/events", BODY, method="PUT")).status == 200
    assert len(ledger.taken) == 1


async def test_e5_an_answer_that_nobody_reads_does_not_keep_a_connection() -> None:
    async def loud(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 50_000_000)

    limits = Limits(connections=1, life_s=2.0)
    async with listening(Ledger(), source(Scripted(loud)), limits=limits) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.listener.port)
        writer.write(b"POST /scripted HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        await asyncio.sleep(0.1)
        assert (await client.wire(HEAD)).startswith(b"HTTP/1.1 503 ")
        async with asyncio.timeout(20):
            while (await client.send("/nothing", {})).status != 404:  # noqa: ASYNC110 - nothing else tells of it
                await asyncio.sleep(0.1)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(50_000_000)
        writer.close()


async def test_an_intake_that_does_not_answer_is_a_503() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    async with listening(ledger, source(doctor()), limits=QUICK) as client:
        reply = await client.send("/events", BODY, method="PUT")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
    assert reply.error["code"] == "unavailable"


async def test_nothing_is_answered_before_it_is_stored() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    async with listening(ledger, source(doctor())) as client:
        waiting = asyncio.create_task(client.send("/events", BODY, method="PUT"))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        ledger.gate.set()
        assert (await waiting).status == 200
    assert len(ledger.taken) == 1


# Number


async def test_i20_only_so_many_requests_are_under_way() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    async with listening(ledger, source(doctor()), limits=Limits(under_way=2, waiting=0)) as client:
        waiting = [
            asyncio.create_task(client.send("/events", BODY, method="PUT")) for _ in range(2)
        ]
        await asyncio.sleep(0.1)
        busy = await client.send("/events", BODY, method="PUT")
        ledger.gate.set()
        assert [reply.status for reply in await asyncio.gather(*waiting)] == [200, 200]
        after = await client.send("/events", BODY, method="PUT")
    assert (busy.status, busy.headers["Retry-After"], after.status) == (503, "5", 200)
    assert busy.error == error("busy", "", "too many requests are under way", "try later")


async def test_i20_only_so_many_connections_are_open() -> None:
    async with listening(Ledger(), source(doctor()), limits=Limits(connections=2)) as client:
        port = client.listener.port
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        status, headers, said = parse(await client.wire(HEAD))
        for _, writer in idle:
            writer.close()
        await asyncio.sleep(0.1)
        after = await client.send("/events", BODY, method="PUT")
    assert (status, headers["Retry-After"]) == (503, "5")
    assert said["code"] == "too_many_connections"
    assert after.status == 200
    assert client.rejected == [("-", "too_many_connections")]


async def test_a_source_has_a_rate_and_others_do_not_pay_for_it() -> None:
    ledger = Ledger()
    limits = Limits(rate_per_s=0.5, burst=3)
    second = source(doctor("second", path="/second"))
    async with listening(ledger, source(doctor()), second, limits=limits) as client:
        first = [await client.send("/events", BODY, method="PUT") for _ in range(4)]
        other = await client.send("/second/events", BODY, method="PUT")
        ledger.clock.move(2)
        later = [await client.send("/events", BODY, method="PUT") for _ in range(2)]
    assert [reply.status for reply in first] == [200, 200, 200, 429]
    assert first[-1].headers["Retry-After"] == "3"
    assert first[-1].error["code"] == "too_many_requests"
    assert other.status == 200
    assert [reply.status for reply in later] == [200, 429]


def test_a_bucket_fills_up_to_its_burst_and_no_further() -> None:
    clock = HandClock()
    bucket = Bucket(Limits(rate_per_s=10, burst=2), clock)
    clock.move(3600)
    assert [bucket.take(), bucket.take()] == [0, 0]
    assert bucket.take() == pytest.approx(0.1)
    clock.move(3600)
    assert [bucket.take(), bucket.take()] == [0, 0]
    assert bucket.take() > 0


async def test_strangers_do_not_use_up_a_sources_rate() -> None:
    limits = Limits(rate_per_s=0.001, burst=1)
    async with listening(Ledger(), source(doctor()), limits=limits) as client:
        for _ in range(5):
            assert (await client.send("/events", BODY, method="PUT", Origin="x")).status == 403
        assert (await client.send("/events", BODY, method="PUT")).status == 200
