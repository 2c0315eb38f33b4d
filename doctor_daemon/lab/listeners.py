"""Listening sockets, bound before any service is made, so that its URL is known to it.

One application may serve many ports: the BMCs do. All listen on 127.0.0.1, unless a test has made a
network of its own for them.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from aiohttp import web

LISTEN = "127.0.0.1"
BACKLOG = 128
SHUTDOWN_S = 1.0
"""How long a request that is being answered may hold up the end."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something listens, and the name by which URLs have it: a DNS name, or the address."""

    address: str = LISTEN
    name: str = LISTEN


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound socket and, if it speaks TLS, how."""

    sock: socket.socket
    tls: ssl.SSLContext | None
    name: str = field(default=LISTEN, kw_only=True)

    @classmethod
    def bind(
        cls, stack: AsyncExitStack, tls: ssl.SSLContext | None = None, spot: Spot | None = None
    ) -> Listener:
        """Take a port that the kernel chooses. The socket is closed with the stack."""
        spot = spot or Spot()
        sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        sock.bind((spot.address, 0))
        return cls(sock, tls, name=spot.name)

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.name}:{self.port}"


async def serve(app: web.Application, listeners: Sequence[Listener], stack: AsyncExitStack) -> None:
    """Serve an application on its listeners until the stack ends.

    A request goes on when its client goes away, as it does in a real cloud.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    for listener in listeners:
        site = web.SockSite(runner, listener.sock, ssl_context=listener.tls, backlog=BACKLOG)
        await site.start()
