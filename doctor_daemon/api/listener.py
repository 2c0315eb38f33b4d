"""Where evidence comes in by HTTP: one address, and every source's paths on it.

The listener knows nothing of formats. It lets in who may speak for a source, bounds what a request
may take (size, time, number, rate), reads the body, and gives it to the source's inspector; and it
says every refusal in one form. An inspector hears of a request only when all of it is there.

Every source has its own path. Two that answer the same one are refused at the start: which of two
secrets counts must not depend on the order of a list. A second source is given a path of its own,
`/v1/sources/NAME/...` by convention.

A 2xx is sent after `Intake.submit` has returned, and so after what was sent is durable. Whatever is
our own trouble is a 503 with Retry-After: the sender is to come again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from doctor_daemon.api.answers import SERVER, answer, in_our_form, too_large, too_slow
from doctor_daemon.api.connection import Connection, Crowd, Limits
from doctor_daemon.api.encrypted import Certificates, Greeter
from doctor_daemon.api.gatekeepers import ADMITTED, Failures, Once
from doctor_daemon.api.rates import Bucket, Share, TooManyError, bounded, busy, of_source
from doctor_daemon.engine.narrowed import narrowed
from doctor_daemon.errors import ConfigError, DoctorError
from doctor_daemon.ports import Clock, Gatekeeper, Inspector, Intake, SourceTerms
from doctor_daemon.ports.refusal import Refusal

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

BACKLOG = 1024
STOP_S = 10.0
"""How long requests that are under way may still take when the listener stops."""
SOURCE = web.RequestKey("source", str)
NOBODY = "-"
TOLD_MAX = 5
"""Refused statements of one request that the log names."""


Paced = tuple[Bucket, Share]


@dataclass(frozen=True, slots=True)
class Source:
    """A source that is told by HTTP: its inspector, and who may speak to it."""

    terms: SourceTerms
    inspector: Inspector
    gate: Gatekeeper


class Listener:
    """Serves all sources on one address until it is cancelled."""

    def __init__(
        self,
        sources: Sequence[Source],
        intake: Intake,
        clock: Clock,
        *,
        limits: Limits | None = None,
        rejected: Callable[[str, str], None] | None = None,
        tls: Certificates | None = None,
    ) -> None:
        """Mount every source. Raise ConfigError where two answer the same path.

        `rejected` is told the source (`-` where none is known) and the reason of each refusal.
        """
        self.port = 0
        """The port that is listened on, from `start` on."""
        self._limits = limits or Limits()
        self._failures = Failures(clock, rejected or _uncounted)
        self._crowd = Crowd(
            self._limits, lambda peer, code: self._failures.stranger(peer, NOBODY, code)
        )
        self._clock = clock
        self._under_way = 0
        self._room = self._limits.under_way * max(1, len(sources))
        app = web.Application(middlewares=[self._framed])
        app.add_routes(self._routes(sources, intake))
        self._runner = web.AppRunner(app, shutdown_timeout=STOP_S)
        self._tls = tls
        self._greeter: Greeter | None = None
        self._server: asyncio.Server | None = None

    async def run(self, host: str, port: int) -> None:
        """Serve until cancelled."""
        await self.start(host, port)
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def start(self, host: str, port: int) -> None:
        """Begin to serve. Raise ConfigError when the address cannot be had."""
        await self._runner.setup()
        server = cast("web.Server", self._runner.server)

        def begun() -> Connection:
            return Connection(server, self._crowd)

        made: Callable[[], asyncio.Protocol] = begun
        if self._tls is not None:
            self._greeter = Greeter(self._tls, self._crowd, begun)
            made = self._greeter.door
        try:
            self._server = await asyncio.get_running_loop().create_server(
                made, host, port, backlog=BACKLOG
            )
        except OSError as error:
            await self._runner.cleanup()
            msg = f"listen: {host} port {port} cannot be listened on: {error.strerror}"
            raise ConfigError(msg) from None
        self.port = int(self._server.sockets[0].getsockname()[1])
        log.info("listening for evidence", address=host, port=self.port)

    async def close(self) -> None:
        """Take no more requests; let those that are under way come to their end."""
        if self._server is not None:
            self._server.close()
        if self._greeter is not None:
            self._greeter.close()
        await self._runner.cleanup()

    # routes

    def _routes(self, sources: Sequence[Source], intake: Intake) -> Iterator[web.RouteDef]:
        taken: dict[tuple[str, str], str] = {}
        for source in sources:
            name = source.terms.name
            gate = Once(source.gate, name)
            bucket = Bucket(of_source(self._limits, source.terms), self._clock)
            paced = bucket, Share(self._limits.under_way)
            yield from self._open_routes(source, taken)
            for route in source.inspector.routes(narrowed(intake, source.terms), gate):
                _claim(taken, route, name)
                inner = cast("Handler", route.handler)
                handler = self._guarded(source.terms, gate, paced, inner)
                yield web.RouteDef(route.method, route.path, handler, route.kwargs)

    def _open_routes(
        self, source: Source, taken: dict[tuple[str, str], str]
    ) -> Iterator[web.RouteDef]:
        """Return what a source answers to anybody: nothing is read of a request, nor believed."""
        bucket = Bucket(self._limits, self._clock)  # strangers use up nothing of the source's own
        offered: Callable[[], Sequence[web.RouteDef]] = getattr(
            source.inspector, "open_routes", tuple
        )
        for route in offered():
            _claim(taken, route, source.terms.name)
            handler = bounded(bucket, cast("Handler", route.handler))
            yield web.RouteDef(route.method, route.path, handler, route.kwargs)

    def _guarded(self, terms: SourceTerms, gate: Once, paced: Paced, handler: Handler) -> Handler:
        """Return a handler that is called for whole requests of those who may speak."""
        bucket, share = paced

        async def whole_of(request: web.Request) -> web.StreamResponse:
            if not gate.sealed:
                bucket.spend()
            whole = request.clone(client_max_size=terms.body_max)
            await self._read(whole, terms.body_max)
            if gate.sealed:
                await gate.settle(whole, bucket.spend)
                request[ADMITTED] = terms.name
            async with asyncio.timeout(self._limits.handle_s):
                return await handler(whole)

        async def guarded(request: web.Request) -> web.StreamResponse:
            request[SOURCE] = terms.name
            with share.taken():
                await gate.ask(request)
                gate.admit(request)
                return await whole_of(request)

        return guarded

    async def _read(self, request: web.Request, limit: int) -> None:
        """Read a body, which the request then keeps. Raise Refusal."""
        encoding = request.headers.get("Content-Encoding", "identity").lower()
        if encoding != "identity":
            raise Refusal(
                415,
                "encoded",
                "the body is encoded",
                field="Content-Encoding",
                expected="identity: it is not unpacked",
            )
        if (request.content_length or 0) > limit:
            raise too_large(limit)
        try:
            async with asyncio.timeout(self._limits.body_s):
                await request.read()
        except TimeoutError:
            raise too_slow("body", self._limits.body_s) from None
        except web.HTTPRequestEntityTooLarge:
            raise too_large(limit) from None
        except (web.RequestPayloadError, ConnectionError):
            raise Refusal(
                400, "incomplete", "it ends too early", field="body", expected="all of it"
            ) from None

    # answers

    @web.middleware
    async def _framed(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer one request, whatever comes of it, in our form."""
        cast("Connection", request.protocol).arrived()
        if self._under_way >= self._room:
            response: web.StreamResponse = self._refused(request, busy())
        else:
            self._under_way += 1
            try:
                response = await self._answered(request, handler)
            finally:
                self._under_way -= 1
        response.headers["Server"] = SERVER
        response.force_close()
        return response

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except TooManyError as error:
            rate = Refusal(429, "too_many_requests", "too many requests of this source")
            return self._refused(request, rate, {"Retry-After": f"{error.wait_s + 1:.0f}"})
        except Refusal as refusal:
            return self._refused(request, refusal)
        except web.HTTPException as error:
            kept = ("Allow", "WWW-Authenticate")
            headers = {name: error.headers[name] for name in kept if name in error.headers}
            counted, why = getattr(error, "counted", ""), getattr(error, "why", "")
            return self._refused(request, in_our_form(error), headers, why, counted)
        except (DoctorError, TimeoutError) as error:
            text = "it could not be stored just now"
            ours = Refusal(503, "unavailable", text, expected="try again")
            return self._refused(request, ours, why=str(error) or "it took too long")
        except Exception:
            log.exception("internal error", what="the evidence listener")
            return self._refused(request, Refusal(500, "internal", "internal error"))

    def _refused(
        self,
        request: web.Request,
        refusal: Refusal,
        headers: dict[str, str] | None = None,
        why: str = "",
        counted: str = "",
    ) -> web.Response:
        """Count and log a refusal, and say it; `why` is for the log alone."""
        source, peer = request.get(SOURCE, NOBODY), request.remote or ""
        why = why or "; ".join(str(one) for one in (refusal, *refusal.details[:TOLD_MAX]))
        note = self._failures.known if ADMITTED in request else self._failures.stranger
        note(peer, source, counted or refusal.code, why)
        if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers = {"Retry-After": str(self._limits.retry_after_s)}
        return answer(refusal, headers)


def _claim(taken: dict[tuple[str, str], str], route: web.RouteDef, source: str) -> None:
    """Give a path to a source. Raise ConfigError when another has it."""
    place = route.method, re.sub(r"\{[^{}]*\}", "{}", route.path)
    other = taken.setdefault(place, source)
    if other != source:
        msg = (
            f"sources: {other!r} and {source!r} both answer {route.method} {route.path}; give one "
            f"of them a `path` of its own, such as /v1/sources/{source}"
        )
        raise ConfigError(msg)


def _uncounted(_source: str, _reason: str) -> None:
    """Count nothing."""
