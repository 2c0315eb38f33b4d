"""Refusals as answers: one form for all that goes wrong with a request for evidence.

aiohttp's own errors come in plain text, and name the library and its version; here they say what
ours say and no more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from doctor_daemon.ports.refusal import Refusal

SERVER = "doctor-daemon"
NOT_FOUND = Refusal(404, "not_found", "nothing is served here", field="path")
WHOSE = "you may not speak for this source"


def answer(refusal: Refusal, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a refusal as an answer."""
    return web.json_response(
        refusal.body(), status=refusal.status, headers={"Server": SERVER, **(headers or {})}
    )


def raw(refusal: Refusal, retry_after_s: int | None = None) -> bytes:
    """Return a refusal as bytes, for a connection on which there is no request to be answered."""
    body = json.dumps(refusal.body()).encode()
    retry = "" if retry_after_s is None else f"Retry-After: {retry_after_s}\r\n"
    head = (
        f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\n"
        f"Server: {SERVER}\r\n"
        "Content-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"{retry}Connection: close\r\n\r\n"
    )
    return head.encode() + body


def too_slow(field: str, limit_s: float) -> Refusal:
    """Return the refusal (408) of a request of which a part took too long."""
    return Refusal(
        408, "too_slow", "it is not complete", field=field, expected=f"all of it in {limit_s:g} s"
    )


def too_large(limit: int) -> Refusal:
    """Return the refusal (413) of a body of more than so many bytes."""
    return Refusal(
        413, "too_large", "it is too large", field="body", expected=f"at most {limit} bytes"
    )


def in_our_form(error: web.HTTPException) -> Refusal:
    """Return what an exception of aiohttp's says, without a word of its own."""
    match error.status:
        case HTTPStatus.UNAUTHORIZED:
            return Refusal(401, "unauthorized", WHOSE)
        case HTTPStatus.FORBIDDEN:
            return Refusal(403, "forbidden", WHOSE)
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = error.headers.get("Allow", "")
            return Refusal(405, "wrong_method", "not this one", field="method", expected=allowed)
        case status if status >= HTTPStatus.BAD_REQUEST and status != HTTPStatus.NOT_FOUND:
            return Refusal(status, "refused", error.reason)
        case _:  # not found; or a redirect, which is never given
            return NOT_FOUND
