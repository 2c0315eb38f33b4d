"""Writes down every request that reaches a service of the lab: who was asked what, and when.

The record says what became of the world; this says what was asked of it, before any fault is acted
out. Between them a drill can tell a request that was never sent from one that did nothing.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import monotonic

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from typing_extensions import override

from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Faults, Seam, Service

SEEN_MAX = 1_000_000
"""More requests are refused: half a testimony would be none."""


@dataclass(slots=True)
class Seen:
    """One request. `at_s` and `done_s` (0: it goes on) are CLOCK_MONOTONIC; `status` 0: none yet.

    `id` is the notice's, where it is one.
    """

    at_s: float
    service: Service
    method: str
    path: str
    host: str
    id: str = ""
    done_s: float = 0.0
    status: int = 0


class Witness(Faults):
    """The faults of a lab, which write down every request on its way to them."""

    requests: list[Seen]

    def middleware(self, seam: Seam) -> Middleware:
        inner = super().middleware(seam)

        @web.middleware
        async def see(request: web.Request, handler: Handler) -> web.StreamResponse:
            seen = self._enter(seam, request)
            try:
                response = await inner(request, handler)
                seen.status = response.status
            except web.HTTPException as error:
                seen.status = error.status
                raise
            finally:
                seen.done_s = monotonic()
            return response

        return see

    def _enter(self, seam: Seam, request: web.Request) -> Seen:
        if len(self.requests) >= SEEN_MAX:
            raise OverflowError(f"the witness has seen {SEEN_MAX} requests, and sees no more")
        host, named = seam.host_of(request), request.headers.get("webhook-id", "")
        seen = Seen(monotonic(), seam.service, request.method, request.path, host, named)
        self.requests.append(seen)
        return seen


class WatchedLab(Lab):
    """A lab with a witness."""

    witness: Witness

    @override
    def _make_world(self, stack: AsyncExitStack) -> None:
        super()._make_world(stack)
        self.witness = Witness(self.world.clock)
        self.witness.requests = []
        self.faults = self.witness
