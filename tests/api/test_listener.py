"""The listener's paths and answers: what is no HTTP, what is our trouble, its start and its end."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from aiohttp import web

from doctor_daemon.api.listener import Listener
from doctor_daemon.errors import ConfigError, Conflict, DoctorError, LateError, Permanent, Temporary
from doctor_daemon.inspectors.evidence import EvidenceApi
from doctor_daemon.ports import Inspector
from doctor_daemon.ports.refusal import Refusal
from tests.api.rig import (
    BODY,
    HEAD,
    QUICK,
    Scripted,
    alertmanager,
    doctor,
    error,
    length,
    parse,
    raising,
)
from tests.engine.rig import HOST
from tests.fakes.clock import HandClock
from tests.inspectors.rig import Client, Ledger, listening, source, terms

# What is no request of ours


@pytest.mark.parametrize(
    "nonsense",
    [
        b"NONSENSE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"PUT /events HTTP/9.9\r\n\r\n",
        b"PUT /events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        HEAD + b"X: " + b"y" * 10_000 + b"\r\n\r\n",
        HEAD + b"X: y\r\n" * 200 + b"\r\n",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    ],
    ids=["words", "tls", "version", "negative", "long", "many", "smuggled"],
)
async def test_what_is_no_http_is_told_so_in_our_form(nonsense: bytes) -> None:
    async with listening(Ledger(), source(doctor()), limits=QUICK) as client:
        status, _, said = parse(await client.wire(nonsense))
    assert status == 400
    assert said == error("malformed", "head", "this is no HTTP/1.1 request", "")
    assert client.rejected == [("-", "malformed")]


@pytest.mark.parametrize("path", ["/", "/events/", "/event", "/v1", "//events", "/events/../x"])
async def test_unknown_paths_are_told_so_in_our_form(path: str) -> None:
    async with listening(Ledger(), source(doctor())) as client:
        answer = await client.wire(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    status, headers, said = parse(answer)
    assert status == 404
    assert said == error("not_found", "path", "nothing is served here", "")
    assert "Location" not in headers


async def test_a_wrong_method_names_those_that_are_right() -> None:
    async with listening(Ledger(), source(doctor())) as client:
        reply = await client.send("/events", BODY, method="DELETE")
    assert (reply.status, reply.headers["Allow"]) == (405, "POST,PUT")
    assert reply.error == error("wrong_method", "method", "not this one", "POST,PUT")


async def test_a_redirect_is_never_given() -> None:
    moved = raising(web.HTTPFound("http://elsewhere.example/"))
    async with listening(Ledger(), source(moved)) as client:
        reply = await client.send("/scripted", {})
    assert reply.status == 404
    assert "Location" not in reply.headers


async def test_the_answer_names_no_version() -> None:
    async with listening(Ledger(), source(doctor())) as client:
        good = await client.send("/events", BODY, method="PUT")
    assert good.headers["Server"] == "doctor-daemon"
    assert good.headers["Connection"] == "close"


async def test_only_the_first_request_of_a_connection_is_served() -> None:
    ledger, request = Ledger(), HEAD + length(len(BODY)) + BODY
    async with listening(ledger, source(doctor())) as client:
        answer = await client.wire(request + request)
    assert answer.count(b"HTTP/1.1") == 1
    assert len(ledger.taken) == 1


# Our own trouble


@pytest.mark.parametrize(
    "trouble", [Temporary("a"), Permanent("b"), Conflict("c"), LateError("d"), DoctorError("e")]
)
async def test_whatever_is_our_trouble_is_to_be_tried_again(trouble: DoctorError) -> None:
    async with listening(Ledger(), source(raising(trouble))) as client:
        reply = await client.send("/scripted", {})
    assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
    assert reply.error == error("unavailable", "", "it could not be stored just now", "try again")


@pytest.mark.expects_exceptions
async def test_a_bug_is_a_500_that_tells_nothing() -> None:
    async with listening(Ledger(), source(raising(KeyError("a secret detail")))) as client:
        reply = await client.send("/scripted", {})
        again = await client.send("/nothing", {})
    assert reply.status == 500
    assert reply.error == error("internal", "", "internal error", "")
    assert again.status == 404


@pytest.mark.expects_exceptions
async def test_an_inspector_that_forgets_to_answer_is_a_500_too() -> None:
    async def forgetful(_request: web.Request) -> web.StreamResponse:
        return cast("web.StreamResponse", None)

    async with listening(Ledger(), source(Scripted(forgetful))) as client:
        reply = await client.send("/scripted", {})
    assert reply.status == 500
    assert reply.error == error("internal", "", "internal error", "")
    assert reply.headers["Server"] == "doctor-daemon"


async def test_what_an_inspector_refuses_is_said_as_it_says_it() -> None:
    details = [Refusal(422, "a", "b", field="c", expected="d")]
    refused = raising(Refusal(418, "teapot", "m", field="f", expected="e", details=details))
    async with listening(Ledger(), source(refused)) as client:
        reply = await client.send("/scripted", {})
    assert reply.status == 418
    assert reply.error == {**error("teapot", "f", "m", "e"), "details": [error("a", "c", "b", "d")]}


async def test_other_errors_of_the_library_are_said_in_our_form() -> None:
    async with listening(Ledger(), source(raising(web.HTTPGone(text="<html>")))) as client:
        reply = await client.send("/scripted", {})
        unexpected = await client.send("/scripted", {}, Expect="a miracle")
    assert (reply.status, reply.error["message"]) == (410, "Gone")
    assert (unexpected.status, unexpected.error["code"]) == (417, "refused")


# Start and end


def test_two_sources_that_answer_the_same_path_are_refused_at_the_start() -> None:
    cases: list[tuple[Inspector, Inspector, str]] = [
        (alertmanager("east"), alertmanager("west"), "POST /v1/alertmanager"),
        (doctor("east"), doctor("west"), "PUT /events"),
        (
            EvidenceApi(EvidenceApi.Config(), terms("east")),
            EvidenceApi(EvidenceApi.Config(), terms("west")),
            "POST /v1/evidence",
        ),
    ]
    for first, second, place in cases:
        with pytest.raises(ConfigError) as caught:
            Listener([source(first), source(second)], Ledger(), HandClock())
        assert str(caught.value) == (
            f"sources: 'east' and 'west' both answer {place}; "
            "give one of them a `path` of its own, such as /v1/sources/west"
        )


async def test_two_sources_of_one_type_live_side_by_side_with_a_path_each() -> None:
    ledger = Ledger()
    second = alertmanager("west", path="/v1/sources/west")
    async with listening(ledger, source(alertmanager("east")), source(second)) as client:
        for path, status in (("/v1/alertmanager", 400), ("/v1/sources/west", 400)):
            assert (await client.send(path, {})).status == status
    assert [name for name, _ in client.rejected] == ["east", "west"]


async def test_a_listener_without_sources_serves_nothing() -> None:
    async with listening(Ledger()) as client:
        assert (await client.send("/events", BODY)).status == 404


async def test_an_address_that_is_taken_is_named() -> None:
    async with listening(Ledger(), source(doctor())) as client:
        port = client.listener.port
        other = Listener([], Ledger(), HandClock())
        with pytest.raises(ConfigError) as caught:
            await other.start("127.0.0.1", port)
        assert f"listen: 127.0.0.1 port {port} cannot be listened on" in str(caught.value)
        await other.close()


async def test_what_is_under_way_is_finished_before_the_end() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    async with listening(ledger, source(doctor())) as client:
        waiting = asyncio.create_task(client.send("/events", BODY, method="PUT"))
        await asyncio.sleep(0.1)
        closing = asyncio.create_task(client.listener.close())
        await asyncio.sleep(0.1)
        await refused_outright(client)
        ledger.gate.set()
        assert (await waiting).status == 200
        await closing
    assert [one.host for one in ledger.taken] == [HOST]


async def refused_outright(client: Client) -> None:
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", client.listener.port)


async def test_running_ends_when_it_is_cancelled_and_leaves_nothing_open() -> None:
    listener = Listener([source(doctor())], Ledger(), HandClock())
    task = asyncio.create_task(listener.run("127.0.0.1", 0))
    await asyncio.sleep(0.1)
    _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.close()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", listener.port)


async def test_inspectors_that_are_told_wait_until_they_are_cancelled() -> None:
    for made in (doctor(), alertmanager("a"), EvidenceApi(EvidenceApi.Config(), terms("e"))):
        assert isinstance(made, Inspector)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(made.run(Ledger()), 0.01)
