"""Faults: a script of rules, consumed in order, applied by one middleware before every service.

A request takes the first rule that fits it and is not used up. Most faults are acted out here,
where no handler can forget one. The lies of a BMC are handed to its handler, since they are about
what it says, not about how it says it.
"""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from doctor_daemon.lab.clock import Clock

POLL_S = 0.05
RULES_MAX = 10_000
FLOOD_BYTES = 1024 * 1024


class Service(StrEnum):
    """The services of the lab."""

    KEYSTONE = "keystone"
    NOVA = "nova"
    CINDER = "cinder"
    NEUTRON = "neutron"
    IRONIC = "ironic"
    BMC = "bmc"
    CHASSIS = "chassis"
    CONSUMER = "consumer"


class Do(StrEnum):
    """What a rule does to a request."""

    TIMEOUT_BEFORE = "timeout-before"  # never processed; held for `seconds`, then closed
    TIMEOUT_AFTER = "timeout-after"  # processed; the answer is never sent
    HANG = "hang"  # never processed; held until the client goes away
    LOST_REPLY = "lost-reply"  # processed; the connection is reset
    STATUS = "status"  # answered `status` without being processed
    STATUS_AFTER = "status-after"  # processed, and answered `status` all the same
    SLOW = "slow"  # answered rightly, `seconds` later
    GARBAGE = "garbage"  # 200 and half a JSON object
    FLOOD = "flood"  # 200 and a body that grows fast and does not end
    DRIP = "drip"  # 200 and a body that comes byte by byte and does not end
    REVOKE = "revoke"  # the token of the request is revoked first
    LIE_OFF = "lie-off"  # a BMC says Off whatever is true
    LIE_ON = "lie-on"
    NO_POWER = "no-power"  # it leaves PowerState out
    POWERING_OFF = "powering-off"  # it says PoweringOff
    OTHER_CHASSIS = "other-chassis"  # it answers with the UUID of another machine
    STUCK = "stuck"  # it answers 204 to a reset and does nothing
    REFUSE = "refuse"  # it answers 400 to a reset
    EARLY_OFF = "early-off"  # it says Off at once, `seconds` before it is true
    FLIPS = "flips"  # it says Off and On by turns, whatever is true
    OFF_ERROR = "off-error"  # it answers 500, and Off in the body
    ALREADY_OFF = "already-off"  # it answers 409 to ForceOff when the power is off
    DIES = "dies"  # it has no power of its own: it answers nothing while its host has none


BMC_READS = frozenset(
    {
        Do.LIE_OFF,
        Do.LIE_ON,
        Do.NO_POWER,
        Do.POWERING_OFF,
        Do.OTHER_CHASSIS,
        Do.FLIPS,
        Do.OFF_ERROR,
    }
)
BMC_CUTS = frozenset({Do.STUCK, Do.REFUSE, Do.EARLY_OFF, Do.ALREADY_OFF})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One fault. `method`, `path` and `host` are shell patterns; `host` is a consumer's name there.

    `times` None is for ever; the first `after` requests that fit pass unharmed.
    """

    service: Service
    do: Do
    method: str = "*"
    path: str = "*"
    host: str = "*"
    times: int | None = 1
    after: int = 0
    seconds: float = 30.0
    status: int = 503
    retry_after_s: int | None = None

    def fits(self, service: Service, request: web.Request, host: str) -> bool:
        return (
            self.service is service
            and fnmatchcase(request.method, self._method)
            and fnmatchcase(request.path, self._path)
            and fnmatchcase(host, self.host)
        )

    @property
    def _method(self) -> str:
        if self.method != "*" or self.do not in BMC_READS | BMC_CUTS:
            return self.method
        return "GET" if self.do in BMC_READS else "POST"

    @property
    def _path(self) -> str:
        """A lie about a system is told where a system is asked for, not at the service's root."""
        return "*/Systems/*" if self.path == "*" and self.do in BMC_READS else self.path


@dataclass(frozen=True, slots=True)
class Applied:
    """A rule that was applied to a request, so that a test can see that its fault took place."""

    at_s: float
    rule: Rule
    method: str
    path: str
    host: str


@dataclass(slots=True)
class _Line:
    """A rule in the script, with what is left of it."""

    rule: Rule
    passes: int
    left: float


@dataclass(frozen=True, slots=True)
class Seam:
    """What the middleware must know of a service."""

    service: Service
    host_of: Callable[[web.Request], str]
    """Name the host (or the consumer) that the request is about; empty if none."""
    error: Callable[[int], web.Response]
    """Answer an error in the service's own form."""
    revoke: Callable[[web.Request], None]
    delay_s: float = 0.0
    """How long the service takes for any request."""


FAULT = web.RequestKey("fault", Rule)
"""The rule for a request that its handler must act out."""


class Faults:
    """The script, what was applied of it, and the middleware that applies it."""

    def __init__(self, clock: Clock) -> None:
        self.applied: deque[Applied] = deque(maxlen=RULES_MAX)
        """What was applied, the latest of it."""
        self._clock = clock
        self._script: list[_Line] = []
        self._closing = asyncio.Event()

    def add(self, *rules: Rule) -> None:
        """Append rules to the script. Raises OverflowError when it would be too long."""
        if len(self._script) + len(rules) > RULES_MAX:
            raise OverflowError(f"a script holds at most {RULES_MAX} rules")
        for rule in rules:
            left = math.inf if rule.times is None else rule.times
            self._script.append(_Line(rule, rule.after, left))

    def clear(self) -> None:
        self._script.clear()

    def pending(self) -> list[Rule]:
        """Name the rules that are not used up, in order."""
        return [line.rule for line in self._script]

    def close(self) -> None:
        """Let go of every connection that is held."""
        self._closing.set()

    def middleware(self, seam: Seam) -> Middleware:
        @web.middleware
        async def apply(request: web.Request, handler: Handler) -> web.StreamResponse:
            if seam.delay_s:
                await asyncio.sleep(seam.delay_s)
            rule = self._take(seam, request) if self._script else None
            try:
                if rule is None:
                    return await handler(request)
                return await self._act(rule, seam, request, handler)
            except ConnectionError:
                if request.transport is not None:
                    raise
                return web.Response()  # whoever asked has gone, and hears nothing

        return apply

    def _take(self, seam: Seam, request: web.Request) -> Rule | None:
        host = seam.host_of(request)
        for line in self._script:
            if not line.rule.fits(seam.service, request, host):
                continue
            if line.passes:
                line.passes -= 1
                continue
            line.left -= 1
            if not line.left:
                self._script.remove(line)
            said = Applied(self._clock.now(), line.rule, request.method, request.path, host)
            self.applied.append(said)
            return line.rule
        return None

    async def _act(
        self, rule: Rule, seam: Seam, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        match rule.do:
            case Do.TIMEOUT_BEFORE | Do.HANG:
                return await self._hold(request, rule)
            case Do.TIMEOUT_AFTER:
                await handler(request)
                return await self._hold(request, rule)
            case Do.LOST_REPLY:
                await handler(request)
                return _reset(request)
            case Do.STATUS:
                return _error(rule, seam)
            case Do.STATUS_AFTER:
                await handler(request)
                return _error(rule, seam)
            case Do.SLOW:
                await request.read()  # whoever has sent it may have gone by then
                await asyncio.sleep(rule.seconds)
            case Do.GARBAGE:
                return web.Response(text='{"PowerState": "O', content_type="application/json")
            case Do.FLOOD | Do.DRIP:
                return await self._pour(request, rule)
            case Do.REVOKE:
                seam.revoke(request)
            case _:
                request[FAULT] = rule
        return await handler(request)

    async def _hold(self, request: web.Request, rule: Rule) -> web.StreamResponse:
        """Say nothing until the time is over, the client gone or the lab closing; then close."""
        until_s = math.inf if rule.do is Do.HANG else self._clock.now() + rule.seconds
        while self._clock.now() < until_s and not self._closing.is_set():
            if request.transport is None or request.transport.is_closing():
                break
            await asyncio.sleep(min(POLL_S, max(until_s - self._clock.now(), 0)))
        if request.transport is not None:
            request.transport.close()
        return web.Response()

    async def _pour(self, request: web.Request, rule: Rule) -> web.StreamResponse:
        """Answer with one part after the other, until it is as with `_hold`; then close."""
        part, every_s = (b" " * FLOOD_BYTES, 0.0) if rule.do is Do.FLOOD else (b" ", POLL_S)
        until_s, response = self._clock.now() + rule.seconds, web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            while self._clock.now() < until_s and not self._closing.is_set():
                await response.write(part)
                await asyncio.sleep(every_s)
        if request.transport is not None:
            request.transport.close()
        return response


def _reset(request: web.Request) -> web.Response:
    """Reset the connection: the client sees ECONNRESET, as when a proxy dies."""
    if request.transport is not None:
        peer = request.transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


def _error(rule: Rule, seam: Seam) -> web.Response:
    response = seam.error(rule.status)
    if rule.retry_after_s is not None:
        response.headers["Retry-After"] = str(rule.retry_after_s)
    return response
