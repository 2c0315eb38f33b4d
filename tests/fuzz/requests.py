"""A request as aiohttp would hand it in, without a socket, and a coroutine run to its end."""

from __future__ import annotations

import asyncio
import atexit
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar, cast

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.web_protocol import RequestHandler
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from doctor_daemon.api.operators import PERSON
from doctor_daemon.ports.refusal import Refusal

T = TypeVar("T")
BODY_MAX = 65_536
MESSAGE_MAX = 1000
REFUSAL_MAX = 700
"""Characters of one refusal: nobody's megabyte comes back in an answer or in a log."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_loop = asyncio.new_event_loop()
atexit.register(_loop.close)


class _Connection:
    """What a request asks of its connection: aiohttp's own stand-in takes a millisecond to make."""

    ssl_context = None
    peername = ("192.0.2.1", 40000)
    sockname = ("192.0.2.2", 8080)
    transport = None


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing but what is there."""
    return _loop.run_until_complete(coroutine)


def request(
    body: bytes = b"",
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
) -> web.Request:
    """Make a request of a whole body."""
    stream = StreamReader(BaseProtocol(_loop), 2**16, loop=_loop)
    stream.feed_data(body)
    stream.feed_eof()
    sent = CIMultiDict({"Content-Type": "application/json", **(headers or {})})
    raw = tuple(
        (name.encode(), value.encode(errors="surrogateescape")) for name, value in sent.items()
    )
    url, version = URL(path, encoded=True), HttpVersion11
    message = RawRequestMessage(
        *(method, path, version, CIMultiDictProxy(sent), raw),
        should_close=False,
        compression=None,
        upgrade=False,
        chunked=False,
        url=url,
    )
    made = web.Request(
        message,
        stream,
        cast("RequestHandler", _Connection()),
        cast("AbstractStreamWriter", None),
        cast("asyncio.Task[None]", None),
        _loop,
        client_max_size=BODY_MAX,
    )
    made[PERSON] = "somebody"
    return made


def handler_of(routes: Sequence[web.RouteDef], path: str, method: str = "POST") -> Handler:
    """Return the handler of a path."""
    (found,) = [one for one in routes if (one.method, one.path) == (method, path)]
    return cast("Handler", found.handler)


def answered(handler: Handler, asked: web.Request) -> web.Response | None:
    """Have a request answered; None where it is refused. Nothing but a refusal may be raised."""

    async def call() -> web.StreamResponse:
        return await handler(asked)

    try:
        response = done(call())
    except Refusal as refusal:
        judge_refusal(refusal)
        return None
    assert isinstance(response, web.Response)
    assert response.status in (200, 202)
    return response


def brief(error: Exception, limit: int = MESSAGE_MAX) -> None:
    """Assert that an error is worded, and bounded: nobody's megabyte goes into a log."""
    assert 0 < len(str(error)) <= limit, len(str(error))


def untold(error: Exception, secret: str) -> None:
    """Assert that an error repeats no secret, and that none hangs on it that would."""
    assert secret not in str(error)
    assert error.__cause__ is None


def judge_refusal(refusal: Refusal) -> None:
    """Assert that a refusal can be sent and logged: a client's error, bounded and in ASCII."""
    assert 400 <= refusal.status < 500
    assert refusal.code
    for one in (refusal, *refusal.details):
        assert len(str(one)) <= REFUSAL_MAX, len(str(one))
    assert json.dumps(refusal.body()).isascii()
