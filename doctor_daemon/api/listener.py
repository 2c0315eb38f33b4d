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
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import cast

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from doctor_daemon.api.answers import SERVER, answer, in_our_form
from doctor_daemon.api.connection import Connection, Crowd, Limits
from doctor_daemon.api.encrypted import Certificates, Greeter
from doctor_daemon.api.gatekeepers import ADMITTED, Failures
from doctor_daemon.api.rates import TooManyError
from doctor_daemon.api.served import SOURCE, Paths, Served, Source, table_of
from doctor_daemon.errors import ConfigError, DoctorError
from doctor_daemon.ports import Clock, Intake
from doctor_daemon.ports.intake import Crowded
from doctor_daemon.ports.refusal import Refusal

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

BACKLOG = 1024
STOP_S = 10.0
"""How long requests that are under way may still take when the listener stops."""
NOBODY = "-"
TOLD_MAX = 5
"""Refused statements of one request that the log names."""


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
        aside: Callable[[], str] = lambda: "",
    ) -> None:
        """Mount every source. Raise ConfigError where two answer the same path.

        `rejected` is told the source (`-` where none is known) and the reason of each refusal.
        `aside` says why no request is answered at all, for now; empty: they are.
        """
        self.port = 0
        """The port that is listened on, from `start` on."""
        self._intake = intake
        self._clock = clock
        self._limits = limits or Limits()
        self._failures = Failures(clock, rejected or _uncounted)
        self._crowd = Crowd(
            self._limits, lambda peer, code: self._failures.stranger(peer, NOBODY, code)
        )
        self._aside = aside
        self._paths = Paths()
        app = web.Application(middlewares=[self._framed])
        app.router.register_resource(self._paths)
        self._runner = web.AppRunner(app, shutdown_timeout=STOP_S)
        self._greeter = Greeter(self._crowd, self._begun)
        self._server: asyncio.Server | None = None
        self._served: list[Served] = []
        self.changed(sources)(tls)

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
        try:
            (await self.bound(host, port))()
        except ConfigError:
            await self._runner.cleanup()
            raise

    async def close(self) -> None:
        """Take no more requests; let those that are under way come to their end."""
        if self._server is not None:
            self._server.close()
        self._greeter.close()
        await self._runner.cleanup()

    # what a reload changes: first made, and then taken by a call that neither waits nor fails

    def changed(self, sources: Sequence[Source]) -> Callable[[Certificates | None], None]:
        """Return what serves these sources from then on, by a certificate or by plain HTTP.

        One that is served already keeps its limits as they are used up. Raise ConfigError where
        two answer the same path.
        """
        known = {id(served.source): served for served in self._served}
        wanted = [
            known.get(id(one)) or Served(one, self._intake, self._clock, self._limits)
            for one in sources
        ]
        table = table_of(wanted)

        def take(tls: Certificates | None) -> None:
            for served in self._served:
                if served not in wanted:
                    served.retire()
            self._served = wanted
            self._paths.become(table)
            self._greeter.certificates = tls

        return take

    def counts(self) -> Iterator[tuple[str, int]]:
        """Yield each source and how many of its requests are under way."""
        for served in self._served:
            yield served.source.terms.name, served.under_way

    @property
    def connections(self) -> int:
        """How many connections there are, those that are being greeted too."""
        return self._crowd.present + self._greeter.count

    async def bound(self, host: str, port: int) -> Callable[[], None]:
        """Listen on an address too; return what leaves the one of before. Raise ConfigError."""
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(self._greeter.met, host, port, backlog=BACKLOG)
        except OSError as error:
            msg = f"listen: {host} port {port} cannot be listened on: {error.strerror}"
            raise ConfigError(msg) from None

        def take() -> None:
            if self._server is not None:
                self._server.close()
            self._server = server
            self.port = int(server.sockets[0].getsockname()[1])
            log.info("listening for evidence", address=host, port=self.port)

        return take

    def _begun(self) -> Connection:
        return Connection(cast("web.Server", self._runner.server), self._crowd)

    # answers

    @web.middleware
    async def _framed(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer one request, whatever comes of it, in our form."""
        cast("Connection", request.protocol).arrived()
        response = await self._answered(request, handler)
        response.headers["Server"] = SERVER
        response.force_close()
        return response

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if why := self._aside():
            expected = "whoever leads, or try again"
            return self._refused(request, Refusal(503, "standing_by", why, expected=expected))
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
        except Crowded as error:
            text = "more of this source waits than can be saved"
            much = Refusal(429, "too_much_evidence", text, expected="try again later")
            after = {"Retry-After": str(self._limits.retry_after_s)}
            return self._refused(request, much, after, why=str(error))
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


def _uncounted(_source: str, _reason: str) -> None:
    """Count nothing."""
