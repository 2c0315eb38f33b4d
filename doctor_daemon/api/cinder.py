"""The operators' API to Cinder's services: questions, and orders that are asked for by number.

Served on the operators' socket, to the same people. An order is answered at once or after a few
seconds at most; what is not over by then is under way, and asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from aiohttp import web

from doctor_daemon.api.bodies import read_body, read_why, shown, wrong
from doctor_daemon.api.operators import PERSON
from doctor_daemon.core.host import HostId
from doctor_daemon.core.log_levels import LEVELS, LevelWish, LogScope
from doctor_daemon.core.volumes import VOLUME, Target, VolumeAct, Wish
from doctor_daemon.engine.volumes import VolumeOrders
from doctor_daemon.ports.refusal import Refusal

WAIT_S = 8.0
"""How long a request waits for the end of an order: less than a caller waits for an answer."""
NAME_MAX = 255
NUMBER_DIGITS = 9
SET_LOG = "set-log"
LOGGING = ("cinder-api", "cinder-volume", "cinder-scheduler", "cinder-backup")
_FIELDS: Mapping[str, frozenset[str]] = {
    VolumeAct.DISABLE: frozenset({"host", "binary", "bare"}),
    VolumeAct.ENABLE: frozenset({"host", "binary"}),
    VolumeAct.FREEZE: frozenset({"host", "cluster"}),
    VolumeAct.THAW: frozenset({"host", "cluster", "enable"}),
    VolumeAct.FAILOVER: frozenset({"host", "cluster", "to", "confirm"}),
    SET_LOG: frozenset({"host", "binary", "prefix", "level", "until"}),
}
_ALL = ("order", "why", *sorted(frozenset().union(*_FIELDS.values())))
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class CinderApi:
    """Serves orders about Cinder."""

    def __init__(self, orders: VolumeOrders, wait_s: float = WAIT_S) -> None:
        """Serve these orders; wait for the end of one for so long."""
        self._orders = orders
        self._wait_s = wait_s

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is to be served beside the other orders."""
        return [
            web.get("/v1/cinder/services", self._services),
            web.get("/v1/cinder/log-levels", self._log_levels),
            web.post("/v1/cinder/orders", self._order),
            web.get("/v1/cinder/orders/{number}", self._look),
            web.post("/v1/cinder/dismissals", self._dismiss),
        ]

    async def _services(self, request: web.Request) -> web.Response:
        asked = _query(request, "host", "binary")
        found = await self._orders.services(asked["host"], asked["binary"])
        return web.json_response({"services": found})

    async def _log_levels(self, request: web.Request) -> web.Response:
        asked = _query(request, "host", "binary", "prefix")
        scope = LogScope(_logging(asked["binary"]), asked["host"], asked["prefix"])
        return web.json_response({"log_levels": await self._orders.log_levels(scope)})

    async def _order(self, request: web.Request) -> web.Response:
        body = await read_body(request, *_ALL)
        why, by = read_why(body), request[PERSON]
        wish = _wish(body, f"doctor-daemon: {by}: {why}")
        given = await self._orders.give(wish, by, why, self._until(body))
        word, target = f"cinder {given.name}", given.target
        log.info("an operator's order", order=word, target=target, by=by, why=why)
        order = await self._orders.look(given.number, self._wait_s)
        return web.json_response({"order": order})

    def _until(self, body: Mapping[str, Any]) -> HostId | None:
        """Read until when log levels are raised: while anything of a host is open."""
        name = _text(body, "until")
        found = self._orders.host(name) if name else None
        if name and found is None:
            raise wrong("until", name, "the name of a configured host")
        return found

    async def _dismiss(self, request: web.Request) -> web.Response:
        body = await read_body(request, "service", "why")
        why, by = read_why(body), request[PERSON]
        service = _text(body, "service", needed=True)
        return web.json_response({"task": await self._orders.dismiss(service, by, why)})

    async def _look(self, request: web.Request) -> web.Response:
        text = request.match_info["number"]
        if not (text.isascii() and text.isdecimal() and len(text) <= NUMBER_DIGITS):
            raise wrong("number", text, "the number of an order")
        return web.json_response({"order": await self._orders.look(int(text), self._wait_s)})


def _wish(body: Mapping[str, Any], reason: str) -> Wish | LevelWish:
    """Read an order. Raise Refusal for what is missing, wrong, or another order's."""
    word = body.get("order")
    if not isinstance(word, str) or word not in _FIELDS:
        raise wrong("order", word, " | ".join(_FIELDS))
    for name in sorted(body.keys() - {"order", "why"} - _FIELDS[word]):
        raise Refusal(422, "invalid", f"it is no field of {word}", field=shown(name))
    if word == SET_LOG:
        scope = LogScope(
            _logging(_text(body, "binary")), _text(body, "host"), _text(body, "prefix")
        )
        return LevelWish(scope, _level(body))
    act, target = VolumeAct(word), _target(body)
    if act is VolumeAct.FAILOVER:
        _confirmed(body, target.cluster or target.host)
        return Wish(act, target, to=_text(body, "to", needed=True))
    bare, enable = _flag(body, "bare"), _flag(body, "enable")
    return Wish(act, target, reason="" if bare else reason, enable=enable)


def _target(body: Mapping[str, Any]) -> Target:
    host, cluster = _text(body, "host"), _text(body, "cluster")
    if bool(host) == bool(cluster):
        both = "host, or cluster in its place" if "cluster" in body else "HOST@BACKEND"
        raise wrong("host", body.get("host"), both)
    return Target(host, _text(body, "binary") or VOLUME, cluster)


def _confirmed(body: Mapping[str, Any], name: str) -> None:
    if body.get("confirm") != name:
        raise wrong("confirm", body.get("confirm"), f"{name}, typed out")


def _level(body: Mapping[str, Any]) -> str:
    level = body.get("level")
    if level not in LEVELS:
        raise wrong("level", level, " | ".join(LEVELS))
    return str(level)


def _logging(binary: str) -> str:
    if binary not in ("", *LOGGING):
        raise wrong("binary", binary, " | ".join(LOGGING))
    return binary


def _query(request: web.Request, *names: str) -> Mapping[str, str]:
    for name in request.query:
        if name not in names:
            raise Refusal(422, "invalid", "unknown parameter", field=shown(name))
    return {name: _text(request.query, name) for name in names}


def _text(body: Mapping[str, Any], field: str, *, needed: bool = False) -> str:
    found = body.get(field)
    if found is None and not needed:
        return ""
    fine = isinstance(found, str) and 0 < len(found) <= NAME_MAX and found.isprintable()
    if not fine:
        raise wrong(field, found, f"a text of 1 to {NAME_MAX} characters")
    return str(found)


def _flag(body: Mapping[str, Any], field: str) -> bool:
    found = body.get(field, False)
    if not isinstance(found, bool):
        raise wrong(field, found, "true or false")
    return found
