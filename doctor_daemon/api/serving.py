"""Serves the daemon's own small applications: the operators', and what Prometheus asks.

They get what the listener for evidence has: limits to what a connection may take, one request a
connection, and one form for all that goes wrong. A metrics address is open to a network; whoever
opens connections to it and says nothing must not use up the files that fencing needs.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from socket import socket
from typing import cast

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from doctor_daemon.api.answers import SERVER, answer, in_our_form
from doctor_daemon.api.connection import Connection, Crowd, Limits
from doctor_daemon.errors import ConfigError, DoctorError, Permanent
from doctor_daemon.ports.refusal import Refusal

STOP_S = 5.0
"""How long requests that are under way may still take when the daemon stops."""
LATE = "it took too long; it may have been done all the same"
LIMITS = Limits(connections=64, of_a_peer=32, handle_s=20.0)
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Listen = Callable[[Callable[[], Connection]], Awaitable[asyncio.Server]]


def on_address(option: str, host: str, port: int) -> Listen:
    """Listen on a TCP address. Raise ConfigError, which names the option, where it is taken."""

    async def listen(connection: Callable[[], Connection]) -> asyncio.Server:
        try:
            return await asyncio.get_running_loop().create_server(connection, host, port)
        except OSError as error:
            number = error.errno or 0  # what a name resolver says has none of the system's
            why = os.strerror(number) if number > 0 else str(error)
            msg = f"{option}: {host}:{port} cannot be listened on: {why}"
            raise ConfigError(msg) from None

    return listen


def on_socket(made: socket) -> Listen:
    """Listen on a Unix socket that is bound."""

    async def listen(connection: Callable[[], Connection]) -> asyncio.Server:
        return await asyncio.get_running_loop().create_unix_server(connection, sock=made)

    return listen


@asynccontextmanager
async def served(
    app: web.Application, listen: Listen, limits: Limits = LIMITS
) -> AsyncIterator[asyncio.Server]:
    """Serve an application until the block ends."""
    app.middlewares.insert(0, _framed(limits))
    runner = web.AppRunner(app, shutdown_timeout=STOP_S)
    await runner.setup()
    crowd = Crowd(limits, lambda peer, why: log.debug("connection ended", peer=peer, why=why))
    try:
        server = await listen(lambda: Connection(cast("web.Server", runner.server), crowd))
        try:
            yield server
        finally:
            server.close()
    finally:
        await runner.cleanup()


def _framed(limits: Limits) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Return the middleware that answers one request, whatever comes of it."""

    @web.middleware
    async def framed(request: web.Request, handler: Handler) -> web.StreamResponse:
        cast("Connection", request.protocol).arrived()
        try:
            async with asyncio.timeout(limits.handle_s):
                response = await handler(request)
        except Exception as error:  # noqa: BLE001 - containment: said in our form, and logged
            response = refused(request, error)
        response.headers["Server"] = SERVER
        response.force_close()
        return response

    return framed


def refused(request: web.Request, error: Exception) -> web.Response:
    """Return what has gone wrong with a request as an answer."""
    match error:
        case Refusal():
            return answer(error)
        case web.HTTPException():
            allow = error.headers.get("Allow")
            return answer(in_our_form(error), {"Allow": allow} if allow else {})
        case Permanent():
            return answer(Refusal(409, "refused", str(error)))
        case DoctorError() | TimeoutError():
            return answer(Refusal(503, "unavailable", str(error) or LATE))
        case _:
            log.error("internal error", what=f"{request.method} {request.path}", exc_info=error)
            return answer(Refusal(500, "internal", "internal error: see the daemon's log"))
