"""One client's connection: one request, and a limit to everything that it may take.

aiohttp's server leaves open how long a head may take and how long an answer may stay unread. Here a
connection has a time for its head (408), a time for its whole life, and there are only so many at
once, in all and of one peer (503). It serves one request and is closed: senders of evidence have
little to say, and what never waits for a second request has no idle time to bound.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network

import structlog
from aiohttp import web
from typing_extensions import override

from doctor_daemon.api.answers import answer, in_our_form, raw, too_slow
from doctor_daemon.ports.refusal import Refusal

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LINGER_S = 2.0
"""How long a body that was refused is still read, so that the refusal arrives."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the listener bears. Times are seconds."""

    connections: int = 1024
    of_a_peer: int = 384
    """Connections of one address; of IPv6, of one /64, which one machine may have whole."""
    under_way: int = 64
    """Requests of one source that are being read or handed in."""
    waiting: int = 192
    """Requests of one source beyond those, of which nothing but the head has been read."""
    wait_s: float = 5.0
    """Until one of them has its turn."""
    rate_per_s: float = 100.0
    """Requests of one source, in the long run."""
    burst: int = 1000
    """Requests of one source at once: as many as hosts that may fail together."""
    head_s: float = 10.0
    """Until a request's head is complete."""
    body_s: float = 10.0
    """From then on until its body is."""
    handle_s: float = 30.0
    """From then on until it is answered."""
    life_s: float = 60.0
    """From the head until the answer has been read by its client."""
    retry_after_s: int = 5


@dataclass(slots=True)
class Crowd:
    """The connections of one listener. `failed` is told the peer and the reason."""

    limits: Limits
    failed: Callable[[str, str], None]
    present: int = 0
    peers: Counter[str] = field(default_factory=Counter)
    """Address -> its connections. Those of a Unix socket have none, and count in all alone."""

    def enter(self, peer: str) -> bool:
        """Take a place; tell whether there is one."""
        where = _neighbourhood(peer)
        if self.present >= self.limits.connections:
            self.failed(peer, "too_many_connections")
            return False
        if where and self.peers[where] >= self.limits.of_a_peer:
            self.failed(peer, "too_many_of_a_peer")
            return False
        self.present += 1
        self.peers[where] += 1
        return True

    def leave(self, peer: str) -> None:
        """Give a place back."""
        where = _neighbourhood(peer)
        self.present -= 1
        self.peers[where] -= 1
        if not self.peers[where]:
            del self.peers[where]


def _neighbourhood(peer: str) -> str:
    """Return what one machine may have of addresses."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((int(address) >> 64 << 64, 64)))
    return peer


class Connection(web.RequestHandler):
    """aiohttp's handler of one connection, with time limits."""

    __slots__ = ("_crowd", "_limit", "_present")

    def __init__(self, server: web.Server, crowd: Crowd) -> None:
        """Serve one request of `server`'s."""
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=0,
            access_log=None,  # type: ignore[arg-type]  # the server itself takes None
            lingering_time=LINGER_S,
            auto_decompress=False,  # a small body cannot become a large one
        )
        self._crowd = crowd
        self._limit: asyncio.TimerHandle | None = None
        self._present: str | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = _peer(transport)
        if not self._crowd.enter(peer):
            self.force_close()  # nothing that it sends is parsed
            refusal = Refusal(503, "too_many_connections", "too many connections at once")
            _end(transport, raw(refusal, self._crowd.limits.retry_after_s))
            return
        self._present = peer
        super().connection_made(transport)
        self._limit = self._loop.call_later(self._crowd.limits.head_s, self._too_slow)

    def arrived(self) -> None:
        """Take note that the request's head is there: from now on its life counts."""
        self._stop()
        self._limit = self._loop.call_later(self._crowd.limits.life_s, self._too_old)

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop()
        if self._present is not None:
            self._crowd.leave(self._present)
            self._present = None
        super().connection_lost(exc)

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no request (400). What a request does wrong is answered elsewhere."""
        if status == HTTPStatus.BAD_REQUEST:
            self._crowd.failed(request.remote or "", "malformed")
            refusal = Refusal(400, "malformed", "this is no HTTP/1.1 request", field="head")
        else:
            log.error("internal error", what="the evidence listener", exc_info=exc)
            refusal = Refusal(500, "internal", "internal error")
        return _last(refusal)

    @override
    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Put into our form what aiohttp refuses by itself: an `Expect` that it does not know."""
        if isinstance(resp, web.HTTPException):
            refusal = in_our_form(resp)
            self._crowd.failed(request.remote or "", refusal.code)
            resp = _last(refusal)
        return await super().finish_response(request, resp, start_time)

    def _stop(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _too_slow(self) -> None:
        transport = self.transport
        if transport is not None:
            self._crowd.failed(_peer(transport), "slow_head")
            limit_s = self._crowd.limits.head_s
            transport.write(raw(too_slow("head", limit_s)))
        self.force_close()

    def _too_old(self) -> None:
        """Drop a client that does not read its answer."""
        if self.transport is not None:
            self.transport.abort()


def _last(refusal: Refusal) -> web.Response:
    """Return a refusal after which nothing is said."""
    response = answer(refusal, {"Connection": "close"})
    response.force_close()
    return response


def _end(transport: asyncio.BaseTransport, last_words: bytes) -> None:
    if isinstance(transport, asyncio.WriteTransport):
        transport.write(last_words)
    transport.close()


def _peer(transport: asyncio.BaseTransport) -> str:
    name = transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) and name else ""
