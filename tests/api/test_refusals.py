"""What the operators' API refuses: the exact words, and that nothing is done."""

from __future__ import annotations

from typing import Any

import pytest

from doctor_daemon.api.bodies import BODY_MAX
from tests.api.desk import desk, parsed, refused, request
from tests.api.rig import error

DURATION = "a number of seconds above 0, up to 31622400"
REASON = "a text of 1 to 500 characters"
ORDERS = "fence | dismiss | confirm-off | close | release | power-on | decommission"
OBJECT = error("invalid", "body", "it is no JSON object", "a JSON object")
ORDER, WINDOW = "/v1/hosts/cmp-1/orders", "/v1/hosts/cmp-1/maintenance"


def wrong(field: str, message: str, expected: str) -> dict[str, Any]:
    return error("invalid", field, message, expected)


CONFIRM = {"order": "confirm-off", "why": "x", "host": "cmp-1", "for_s": 60}
RELEASE = {"order": "release", "why": "x"}
SOME = "a list of up to 20 evacuations"
EACH = "each MIGRATION@DESTINATION, or MIGRATION alone where Nova shows no destination"


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/v1/arm", {}, wrong("why", "it is missing", REASON)),
        ("/v1/arm", {"why": ""}, wrong("why", "found ''", REASON)),
        ("/v1/arm", {"why": " \n"}, wrong("why", "found ' \\n'", REASON)),
        ("/v1/arm", {"why": 7}, wrong("why", "found 7", REASON)),
        ("/v1/arm", {"why": ["x"]}, wrong("why", "found a list", REASON)),
        ("/v1/arm", {"why": {"x": 1}}, wrong("why", "found an object", REASON)),
        ("/v1/arm", {"why": "x" * 501}, wrong("why", f"found '{'x' * 59}...", REASON)),
        ("/v1/arm", {"why": "x", "for_s": 3}, wrong("'for_s'", "unknown field", "why")),
        ("/v1/disarm", {}, wrong("why", "it is missing", REASON)),
        ("/v1/disarm", {"wy": "x"}, wrong("'wy'", "unknown field", "why")),
        (WINDOW, {"why": "x"}, wrong("for_s", "it is missing", DURATION)),
        (WINDOW, {"why": "x", "for_s": 0}, wrong("for_s", "found 0", DURATION)),
        (WINDOW, {"why": "x", "for_s": -1.5}, wrong("for_s", "found -1.5", DURATION)),
        (WINDOW, {"why": "x", "for_s": True}, wrong("for_s", "found True", DURATION)),
        (WINDOW, {"why": "x", "for_s": "4h"}, wrong("for_s", "found '4h'", DURATION)),
        (WINDOW, {"why": "x", "for_s": float("nan")}, wrong("for_s", "found nan", DURATION)),
        (WINDOW, {"why": "x", "for_s": float("inf")}, wrong("for_s", "found inf", DURATION)),
        (WINDOW, {"for_s": 60}, wrong("why", "it is missing", REASON)),
        (
            WINDOW,
            {"for_s": 60, "why": "x", "by": "me"},
            wrong("'by'", "unknown field", "for_s, why"),
        ),
        (ORDER, {"why": "x"}, wrong("order", "it is missing", ORDERS)),
        (ORDER, {"order": "kill", "why": "x"}, wrong("order", "found 'kill'", ORDERS)),
        (ORDER, {"order": ["fence"], "why": "x"}, wrong("order", "found a list", ORDERS)),
        (ORDER, {"order": "fence"}, wrong("why", "it is missing", REASON)),
        (
            ORDER,
            {"order": "fence", "why": "x", "host": "cmp-1"},
            wrong("host", "unknown field", "order, why"),
        ),
        (
            ORDER,
            {"order": "dismiss", "why": "x", "for_s": 1},
            wrong("for_s", "unknown field", "order, why"),
        ),
        (
            ORDER,
            {"order": "fence", "why": "x", "y": 1},
            wrong("'y'", "unknown field", "order, why, host, for_s, accept_stuck"),
        ),
        (ORDER, RELEASE | {"accept_stuck": "17"}, wrong("accept_stuck", "found '17'", SOME)),
        (
            ORDER,
            RELEASE | {"accept_stuck": ["1"] * 21},
            wrong("accept_stuck", "found a list", SOME),
        ),
        (ORDER, RELEASE | {"accept_stuck": [17]}, wrong("accept_stuck", "found 17", EACH)),
        (ORDER, RELEASE | {"accept_stuck": ["x@y"]}, wrong("accept_stuck", "found 'x@y'", EACH)),
        (
            ORDER,
            {"order": "fence", "why": "x", "accept_stuck": ["17"]},
            wrong("accept_stuck", "unknown field", "order, why"),
        ),
        (ORDER, CONFIRM | {"host": None}, wrong("host", "it is missing", "cmp-1, typed out")),
        (ORDER, CONFIRM | {"host": "cmp-2"}, wrong("host", "found 'cmp-2'", "cmp-1, typed out")),
        (ORDER, CONFIRM | {"host": "CMP-1"}, wrong("host", "found 'CMP-1'", "cmp-1, typed out")),
        (ORDER, CONFIRM | {"for_s": None}, wrong("for_s", "it is missing", DURATION)),
        (ORDER, CONFIRM | {"for_s": float("nan")}, wrong("for_s", "found nan", DURATION)),
    ],
)
async def test_a_wrong_field_is_refused_and_nothing_is_done(
    path: str, body: object, expected: dict[str, Any]
) -> None:
    async with desk() as at:
        assert await refused(at, "POST", path, body) == (422, expected)
        assert at.engine.ward.armed.on is False
        assert at.engine.ward.maintenance == {}
        assert at.engine.desk.cases == {}


# Requests that are none


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"why=x",
        b"[]",
        b"null",
        b'"why"',
        b'{"why": "x"',
        b'{"why": "\xff"}',
        b"[" * 60_000,
        b'{"why": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"why": ' + b"9" * 6000 + b"}",
    ],
    ids=lambda body: repr(body[:16]),
)
async def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    async with desk() as at:
        status, said = parsed(await at.wire(request("POST", "/v1/arm", body)))
        assert (status, said) == (400, {"error": OBJECT})
        assert at.engine.ward.armed.on is False


async def test_a_body_that_is_too_large_is_refused() -> None:
    large, chunk = b'{"why": "' + b"x" * BODY_MAX + b'"}', b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    head = b"POST /v1/arm HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with desk() as at:
        for parts in ([request("POST", "/v1/arm", large)], [head, chunk, chunk, chunk]):
            status, said = parsed(await at.wire(*parts))
            assert status == 413
            assert said["error"] == error(
                "too_large", "body", "it is too large", "at most 65536 bytes"
            )


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("GET", "/", 404, error("not_found", "path", "nothing is served here", "")),
        ("GET", "/v1/hosts/", 404, error("not_found", "path", "nothing is served here", "")),
        ("POST", "/v2/arm", 404, error("not_found", "path", "nothing is served here", "")),
        ("GET", "/v1/arm", 405, error("wrong_method", "method", "not this one", "POST")),
        ("POST", "/v1/status", 405, error("wrong_method", "method", "not this one", "GET,HEAD")),
        ("PUT", WINDOW, 405, error("wrong_method", "method", "not this one", "DELETE,POST")),
    ],
)
async def test_what_is_not_served_is_refused(
    method: str, path: str, status: int, expected: dict[str, Any]
) -> None:
    async with desk() as at:
        assert await refused(at, method, path) == (status, expected)


async def test_what_is_no_http_is_refused() -> None:
    async with desk() as at:
        answer = await at.wire(b"arm yourself\r\n\r\n")
    status, said = parsed(answer)
    assert (status, said["error"]["code"]) == (400, "malformed")
