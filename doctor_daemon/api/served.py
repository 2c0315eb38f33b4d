"""One source as the listener serves it: its paths, who may speak there, and how much.

The listener knows nothing of formats. A request has to pass its source's gate and limits, its body
is read, and only a whole one is given to the source's inspector.

A source that a reload has changed or taken out is *retired*: a request that was begun under its old
terms, and is not handed in yet, is not taken under them, be it that it waits in the source's lane.
Its sender is told to come again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler
from typing_extensions import override

from doctor_daemon.api.answers import too_large, too_slow
from doctor_daemon.api.connection import Limits
from doctor_daemon.api.gatekeepers import ADMITTED, Once
from doctor_daemon.api.rates import Bucket, Share, bounded, of_source
from doctor_daemon.engine.narrowed import Limited, narrowed
from doctor_daemon.errors import ConfigError
from doctor_daemon.ports import Clock, Gatekeeper, Inspector, Intake, SourceTerms
from doctor_daemon.ports.intake import Withdrawing
from doctor_daemon.ports.refusal import Refusal

SOURCE = web.RequestKey("source", str)


@dataclass(frozen=True, slots=True)
class Source:
    """A source that is told by HTTP: its inspector, and who may speak to it."""

    terms: SourceTerms
    inspector: Inspector
    gate: Gatekeeper


class Served:
    """A source, and what one may ask of it."""

    def __init__(self, source: Source, intake: Intake, clock: Clock, limits: Limits) -> None:
        """Make its routes; nothing is served yet."""
        self.source = source
        self.retired = False
        """Whether it is in force no more."""
        self._limits = limits
        self._gate = Once(source.gate, source.terms.name)
        self._bucket = Bucket(of_source(limits, source.terms), clock)
        self._share = Share(limits)
        self._intake = intake
        own = narrowed(Limited(intake, source.terms.name, lambda: self.retired), source.terms)
        self.routes: Sequence[web.RouteDef] = [
            *self._open_routes(clock),
            *(self._route(one) for one in source.inspector.routes(own, self._gate)),
        ]

    def retire(self) -> None:
        """Take nothing more, and nothing of what has not been handed in."""
        self.retired = True
        if isinstance(self._intake, Withdrawing):
            self._intake.withdraw(self.source.terms.name)

    @property
    def under_way(self) -> int:
        """How many of its requests are being read or handed in."""
        return self._share.count

    def _route(self, route: web.RouteDef) -> web.RouteDef:
        handler = self._guarded(cast("Handler", route.handler))
        return web.RouteDef(route.method, route.path, handler, route.kwargs)

    def _open_routes(self, clock: Clock) -> Iterator[web.RouteDef]:
        """Return what a source answers to anybody: nothing is read of a request, nor believed."""
        bucket = Bucket(self._limits, clock)  # strangers use up nothing of the source's own
        offered: Callable[[], Sequence[web.RouteDef]] = getattr(
            self.source.inspector, "open_routes", tuple
        )
        for route in offered():
            handler = bounded(bucket, cast("Handler", route.handler))
            yield web.RouteDef(route.method, route.path, handler, route.kwargs)

    def _guarded(self, handler: Handler) -> Handler:
        """Return a handler that is called for whole requests of those who may speak."""
        terms, gate, bucket = self.source.terms, self._gate, self._bucket

        async def whole_of(request: web.Request) -> web.StreamResponse:
            if not gate.sealed:
                bucket.spend()
            whole = request.clone(client_max_size=terms.body_max)
            await self._read(whole, terms.body_max)
            if gate.sealed:
                await gate.settle(whole, bucket.spend)
                request[ADMITTED] = terms.name
            await self._share.turn()
            if self.retired:
                raise Refusal(503, "changed", "the source has been changed", expected="try again")
            async with asyncio.timeout(self._limits.handle_s):
                return await handler(whole)

        async def guarded(request: web.Request) -> web.StreamResponse:
            request[SOURCE] = terms.name
            await gate.ask(request)
            gate.admit(request)  # who is not let in takes no place
            async with self._share.taken():
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


class Paths(web.PlainResource):
    """All paths of an application, which may be others from one moment to the next.

    aiohttp's own table of routes cannot be changed once it is served; what it finds in here can.
    """

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__("/")
        self._table = web.UrlDispatcher()

    def become(self, table: web.UrlDispatcher) -> None:
        """Find what this table has, from the next request on."""
        self._table = table

    @override
    async def resolve(
        self, request: web.Request
    ) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        found = await self._table.resolve(request)
        if isinstance(found.http_exception, web.HTTPMethodNotAllowed):
            return None, set(found.http_exception.allowed_methods)
        return (None, set()) if found.http_exception is not None else (found, set())


def table_of(all_served: Iterable[Served]) -> web.UrlDispatcher:
    """Return where every source's requests go. Raise ConfigError where two answer the same path."""
    table, taken = web.UrlDispatcher(), dict[tuple[str, str], str]()
    for served in all_served:
        for route in served.routes:
            _claim(taken, route, served.source.terms.name)
        table.add_routes(served.routes)
    return table


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
