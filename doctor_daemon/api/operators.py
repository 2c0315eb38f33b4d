"""The operators' API: JSON over a Unix socket, and the person is who the kernel says it is.

The socket's own mode keeps everybody else out; the credentials of the peer are checked once more at
each request, and their name is what the record will say. There is no password to lose. What an
operator sends is read as strictly as the configuration: a misspelt field is refused, not ignored.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from difflib import get_close_matches

import structlog
from aiohttp import web

from doctor_daemon.api.audit import Audit
from doctor_daemon.api.bodies import BODY_MAX, read_stuck
from doctor_daemon.api.bodies import read_body as _body
from doctor_daemon.api.bodies import read_seconds as _seconds
from doctor_daemon.api.bodies import read_why as _why
from doctor_daemon.api.bodies import shown as _shown
from doctor_daemon.api.bodies import wrong as _wrong
from doctor_daemon.api.states import States
from doctor_daemon.api.unix import Group, name_of, peer_of
from doctor_daemon.core.host import HostId
from doctor_daemon.core.messages import Order
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.views import short
from doctor_daemon.ports import Wanted
from doctor_daemon.ports.refusal import Refusal

LIST_MAX = 1000
IDS_MAX = 200
ID_MAX = 100
STATES = ("pending", "delivered", "dead")
_MORE: Mapping[str, tuple[Order, ...]] = {
    "host": (Order.CONFIRM_OFF, Order.DECOMMISSION),
    "for_s": (Order.CONFIRM_OFF,),
    "accept_stuck": (Order.RELEASE,),
}
"""Fields that only some orders have. What cannot be taken back has the host's name typed again."""
DISARM = "/v1/disarm"
"""The one order that a daemon takes while it stands by, too."""
PERSON = web.RequestKey("person", str)
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class OperatorsApi:
    """Serves an engine's operators. `group` may use it besides root and the daemon's own user."""

    def __init__(
        self,
        operators: Operators,
        find: Callable[[str], HostId | None],
        group: Group,
        names: Sequence[str] = (),
        more: Sequence[web.RouteDef] = (),
    ) -> None:
        """Serve these operators; `find` knows hosts by name or alias, `names` lists them.

        `more` is served to the same people.
        """
        self._operators = operators
        self._find = find
        self._group = group
        self._names = names
        self._more = more

    def app(self) -> web.Application:
        """Return the application, for a Unix socket only."""
        app = web.Application(client_max_size=BODY_MAX, middlewares=[self._admitted])
        app.add_routes(
            [
                web.get("/v1/status", self._status),
                web.post("/v1/arm", self._arm),
                web.post(DISARM, self._disarm),
                web.post("/v1/step-down", self._step_down),
                web.get("/v1/incidents", self._incidents),
                web.get("/v1/hosts/{host}", self._explain),
                web.post("/v1/hosts/{host}/maintenance", self._maintain),
                web.delete("/v1/hosts/{host}/maintenance", self._end_maintenance),
                web.post("/v1/hosts/{host}/orders", self._order),
                web.get("/v1/audit", Audit(self._operators).answer),
                web.get("/v1/notices", self._notices),
                web.get("/v1/servers", States(self._operators, self._host).answer),
                web.post("/v1/notices/replay", self._replay),
                *self._more,
            ]
        )
        return app

    @web.middleware
    async def _admitted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Admit who may; know the person by name from here on."""
        peer = peer_of(request)
        if peer is None:
            raise Refusal(403, "forbidden", "only a Unix socket tells who is asking")
        person = await name_of(peer.uid)
        if not peer.may(self._group, os.geteuid()):
            log.warning("operator refused", by=person, asked=f"{request.method} {request.path}")
            who = f"root or a member of group {self._group.name}"
            raise Refusal(403, "forbidden", f"{person} may not", expected=who)
        request[PERSON] = person
        everywhere = request.method == "GET" or request.path == DISARM
        if not everywhere and (aside := self._operators.aside()):
            raise Refusal(503, "standing_by", aside, expected="the order to be given there")
        return await handler(request)

    # questions

    async def _status(self, _: web.Request) -> web.Response:
        return web.json_response(self._operators.status())

    async def _incidents(self, request: web.Request) -> web.Response:
        name, limit = request.query.get("host"), _limit(request)
        host = self._host(name) if name is not None else None
        headings = await self._operators.incidents(host, limit)
        found = [
            {
                "id": h.id,
                "host": str(h.host),
                "phase": h.phase,
                "opened_wall_s": h.opened_wall_s,
                "ended_wall_s": h.ended_wall_s,
                "text": h.text,
            }
            for h in headings
        ]
        return web.json_response({"incidents": found})

    async def _explain(self, request: web.Request) -> web.Response:
        """Explain a host, with what holds for it now: the switch, and its maintenance."""
        host = self._named(request)
        found, now = await self._operators.explain(host), self._operators.status()
        windows = [window for window in now["maintenance"] if window["host"] == str(host)]
        more = {"armed": now["armed"], "maintenance": windows[0] if windows else None}
        return web.json_response({**found, **more})

    async def _notices(self, request: web.Request) -> web.Response:
        state, consumer = request.query.get("state"), request.query.get("consumer")
        if state is not None and state not in STATES:
            raise _wrong("state", state, " | ".join(STATES))
        found = await self._operators.notices(Wanted(state, consumer), _limit(request))
        return web.json_response({"notices": found})

    # switches and orders

    async def _arm(self, request: web.Request) -> web.Response:
        why = _why(await _body(request, "why"))
        await self._operators.arm(request[PERSON], why)
        _record(request, "arm", why=why)
        return web.json_response(self._operators.status())

    async def _disarm(self, request: web.Request) -> web.Response:
        why = _why(await _body(request, "why"))
        await self._operators.disarm(request[PERSON], why)
        _record(request, "disarm", why=why)
        return web.json_response(self._operators.status())

    async def _step_down(self, request: web.Request) -> web.Response:
        """Have another daemon lead. It is answered before this one ends."""
        why = _why(await _body(request, "why"))
        to = self._operators.step_down()
        _record(request, "step-down", to=to, why=why)
        return web.json_response(self._operators.status())

    async def _maintain(self, request: web.Request) -> web.Response:
        body, host = await _body(request, "for_s", "why"), self._named(request)
        seconds, why = _seconds(body, "for_s"), _why(body)
        await self._operators.maintain(host, request[PERSON], why, seconds)
        _record(request, "maintenance", host=str(host), for_s=seconds, why=why)
        return web.json_response(self._operators.status())

    async def _end_maintenance(self, request: web.Request) -> web.Response:
        host = self._named(request)
        if not await self._operators.end_maintenance(host, request[PERSON]):
            raise Refusal(409, "refused", f"{host} is not under maintenance")
        _record(request, "end of maintenance", host=str(host))
        return web.json_response(self._operators.status())

    async def _order(self, request: web.Request) -> web.Response:
        body, host = await _body(request, "order", "why", *_MORE), self._named(request)
        try:
            order = Order(body.get("order", ""))
        except ValueError:
            raise _wrong("order", body.get("order"), " | ".join(Order)) from None
        more = [name for name, orders in _MORE.items() if order in orders]
        if "host" in more and body.get("host") != host.name:
            raise _wrong("host", body.get("host"), f"{host.name}, typed out")
        if extra := sorted(_MORE.keys() & body.keys() - {*more}):
            expected = ", ".join(("order", "why", *more))
            raise Refusal(422, "invalid", "unknown field", field=extra[0], expected=expected)
        for_s = _seconds(body, "for_s") if "for_s" in more else 0.0
        why, stuck = _why(body), read_stuck(body)
        case = await self._operators.order(host, order, request[PERSON], why, for_s, accept=stuck)
        said = {"accept_stuck": [str(one) for one in stuck]} if stuck else {}
        _record(request, order.value, host=str(host), why=why, **said)
        return web.json_response({"incident": short(case.incident)})

    async def _replay(self, request: web.Request) -> web.Response:
        """Have notices told again: those that are named, or all dead ones of a consumer."""
        body = await _body(request, "ids", "consumer", "why")
        ids, consumer, why = body.get("ids"), body.get("consumer"), _why(body)
        if (ids is None) == (consumer is None):
            expected = "either ids, or the consumer of whom all are meant"
            raise Refusal(422, "invalid", "what is meant is not clear", expected=expected)
        if ids is None:
            if not isinstance(consumer, str) or not consumer:
                raise _wrong("consumer", consumer, "the name of a consumer")
            done = await self._operators.replay_all(consumer)
        else:
            done = await self._operators.replay(_ids(ids))
        told = [row["id"] for row in done["replayed"]]
        _record(request, "replay", notices=told, why=why)
        return web.json_response(done)

    def _named(self, request: web.Request) -> HostId:
        return self._host(request.match_info["host"])

    def _host(self, name: str) -> HostId:
        host = self._find(name)
        if host is None:
            near = get_close_matches(name, self._names, 1)
            meant = f"perhaps {near[0]}" if near else "a host of the configuration, or its alias"
            text = f"{_shown(name)} is not in the configuration"
            raise Refusal(404, "unknown_host", text, field="host", expected=meant)
        return host


def _record(request: web.Request, what: str, **more: object) -> None:
    """Log what an operator has done: the store keeps it too, but a log is read first."""
    log.info("an operator's order", order=what, by=request[PERSON], **more)


def _limit(request: web.Request) -> int:
    limit = request.query.get("limit", "50")
    digits = limit.isascii() and limit.isdecimal() and len(limit) <= len(str(LIST_MAX))
    if not digits or not 0 < int(limit) <= LIST_MAX:
        raise _wrong("limit", limit, f"a number from 1 to {LIST_MAX}")
    return int(limit)


def _ids(found: object) -> Sequence[str]:
    if not isinstance(found, list) or not 0 < len(found) <= IDS_MAX:
        raise _wrong("ids", found, f"a list of 1 to {IDS_MAX} ids of notices")
    for one in found:
        if not isinstance(one, str) or not 0 < len(one) <= ID_MAX:
            raise _wrong("ids", one, f"each the id of a notice, of up to {ID_MAX} characters")
    return found
