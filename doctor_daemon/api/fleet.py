"""The operators' API to what concerns the whole fleet: hosts that are let through.

Served on the operators' socket, to the same people.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from aiohttp import web

from doctor_daemon.api.bodies import read_body, read_seconds, read_why, wrong
from doctor_daemon.api.operators import PERSON
from doctor_daemon.engine.masskeeper import COUNT_MAX, Masskeeper
from doctor_daemon.engine.operators import Operators

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class FleetApi:
    """Serves orders about the whole fleet."""

    def __init__(self, masses: Masskeeper, operators: Operators) -> None:
        """Serve these; `operators` says how the daemon stands after an order."""
        self._masses = masses
        self._operators = operators

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is to be served beside the other orders."""
        return [web.post("/v1/release-hosts", self._release)]

    async def _release(self, request: web.Request) -> web.Response:
        """Let some hosts be cut although many look dead."""
        body = await read_body(request, "count", "for_s", "why")
        count, seconds, why = body.get("count"), read_seconds(body, "for_s"), read_why(body)
        if type(count) is not int or not 1 <= count <= COUNT_MAX:
            raise wrong("count", count, f"a whole number from 1 to {COUNT_MAX}")
        by = request[PERSON]
        await self._masses.release(count, by, why, seconds)
        log.info("an operator's order", order="release-hosts", count=count, by=by, why=why)
        return web.json_response(self._operators.status())
