"""A consumer of notices that believes nothing: it checks every signature by itself.

It shares no code with the daemon, so that one wrong idea of a signature cannot be on both sides.
Sources: Standard Webhooks 1.0.0 (standardwebhooks.com), CloudEvents 1.0 in structured JSON mode.
How slow or broken it is, the faults decide.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

from doctor_daemon.lab.clock import Clock
from doctor_daemon.lab.faults import Faults, Seam, Service

Json = dict[str, Any]
BODY_MAX = 768 * 1024
RECEIPTS_MAX = 1_000_000
TOLERANCE_S = 300
_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
_REQUIRED = ("id", "source", "type", "specversion")


class Verdict(StrEnum):
    """What became of a delivery."""

    NEW = "new"
    REPEATED = "repeated"  # the same id and the same content: at-least-once at work
    CHANGED = "changed"  # the same id with other content: a broken promise
    REFUSED = "refused"  # not signed, not fresh, or not an event


@dataclass(frozen=True, slots=True)
class Receipt:
    """One delivery. `at_s` is CLOCK_MONOTONIC when its body had been read."""

    at_s: float
    consumer: str
    verdict: Verdict
    id: str
    event: Json = field(default_factory=dict)
    why: str = ""


class Refused(Exception):
    """A delivery that is not accepted, and the HTTP status that says so."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Consumer:
    """The consumers of the lab, by name; each has a secret of its own."""

    def __init__(self, clock: Clock, names: tuple[str, ...]) -> None:
        self.secrets = {
            name: "whsec_" + b64encode(secrets.token_bytes(32)).decode() for name in names
        }
        self.receipts: list[Receipt] = []
        self._clock = clock
        self._seen: dict[tuple[str, str], bytes] = {}
        self._arrived = asyncio.Condition()

    def app(self, faults: Faults) -> web.Application:
        seam = Seam(Service.CONSUMER, _name, _error, lambda _: None)
        app = web.Application(middlewares=[faults.middleware(seam)], client_max_size=BODY_MAX)
        app.router.add_post("/hooks/{name}", self._receive)
        return app

    def of(self, verdict: Verdict) -> list[Receipt]:
        """Name the deliveries that ended so, in order of arrival."""
        return [receipt for receipt in self.receipts if receipt.verdict is verdict]

    async def received(self, count: int, within_s: float) -> list[Receipt]:
        """Wait for so many new events, and return them. Raises TimeoutError."""
        async with asyncio.timeout(within_s), self._arrived:
            await self._arrived.wait_for(lambda: len(self._seen) >= count)
        return self.of(Verdict.NEW)

    async def _receive(self, request: web.Request) -> web.Response:
        body, at_s = await request.read(), self._clock.now()
        try:
            receipt = self._judged(request, body, at_s)
        except Refused as refused:
            named = request.headers.get("webhook-id", "")
            receipt = Receipt(at_s, _name(request), Verdict.REFUSED, named, why=refused.why)
            await self._keep(receipt)
            return web.json_response({"error": refused.why}, status=refused.status)
        await self._keep(receipt)
        return web.Response(status=204)

    def _judged(self, request: web.Request, body: bytes, at_s: float) -> Receipt:
        name = _name(request)
        if name not in self.secrets:
            raise Refused(404, f"no consumer is named {name!r}")
        check_signature(self.secrets[name], request.headers, body, time.time())
        event = _event(request, body)
        named = request.headers["webhook-id"]
        return Receipt(at_s, name, self._verdict((name, named), body), named, event)

    def _verdict(self, key: tuple[str, str], body: bytes) -> Verdict:
        digest = hashlib.sha256(body).digest()
        before = self._seen.get(key)
        if before is None:
            self._seen[key] = digest
            return Verdict.NEW
        return Verdict.REPEATED if before == digest else Verdict.CHANGED

    async def _keep(self, receipt: Receipt) -> None:
        if len(self.receipts) >= RECEIPTS_MAX:
            raise OverflowError(f"the consumer holds {RECEIPTS_MAX} receipts")
        async with self._arrived:
            self.receipts.append(receipt)
            self._arrived.notify_all()


def check_signature(secret: str, headers: Mapping[str, str], body: bytes, now_s: float) -> None:
    """Check the three headers against the body. Raises an error that says which one is wrong.

    `now_s` is Unix time. A signature header may hold several signatures, of which one must fit:
    that is how a secret is rotated.
    """
    for header in _HEADERS:
        if not headers.get(header):
            raise Refused(400, f"the header {header} is missing")
    named, stamp, signatures = (headers[header] for header in _HEADERS)
    if not stamp.isdecimal() or abs(int(stamp) - now_s) > TOLERANCE_S:
        raise Refused(401, f"webhook-timestamp is not within {TOLERANCE_S} s of now")
    key = b64decode(secret.removeprefix("whsec_"), validate=True)
    signed = named.encode() + b"." + stamp.encode() + b"." + body
    right = b64encode(hmac.digest(key, signed, "sha256")).decode()
    given = (word.partition(",") for word in signatures.split(" "))
    if not any(v == "v1" and hmac.compare_digest(s.encode(), right.encode()) for v, _, s in given):
        raise Refused(401, "no signature fits")


def _event(request: web.Request, body: bytes) -> Json:
    if request.content_type != "application/cloudevents+json":
        raise Refused(415, f"{request.content_type} is not application/cloudevents+json")
    try:
        event = json.loads(body)
    except ValueError as error:
        raise Refused(400, "the body is not JSON") from error
    if not isinstance(event, dict) or event.get("specversion") != "1.0":
        raise Refused(400, "the body is not an event of CloudEvents 1.0")
    for name in _REQUIRED:
        if not isinstance(event.get(name), str) or not event[name]:
            raise Refused(400, f"the event has no {name}")
    return event


def _name(request: web.Request) -> str:
    return request.path.rpartition("/")[2]


def _error(status: int) -> web.Response:
    return web.json_response({"error": "out of order"}, status=status)
