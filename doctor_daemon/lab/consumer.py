"""A consumer of notices that believes nothing: it checks every signature and every form by itself.

It shares no code with the daemon, so that one wrong idea of a signature cannot be on both sides.
Sources: Standard Webhooks 1.0.0 (standardwebhooks.com), CloudEvents 1.0 in structured JSON mode;
for /failure and /ok the alarms of Aodh (notifier/rest.py, evaluator/event.py), as OPNFV Doctor's
consumer gets them.
How slow or broken it is, the faults decide.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
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
_REQUEST = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ALARM = frozenset(
    {"alarm_name", "alarm_id", "severity", "previous", "current", "reason", "reason_data"}
)
_SEVERITIES = ("low", "moderate", "critical")
_STATES = ("ok", "alarm", "insufficient data")
_EVENT = frozenset({"message_id", "event_type", "generated", "traits"})
_TRAITS = {1: str, 2: int, 3: float, 4: str}
TRAIT_MAX = 255


class Verdict(StrEnum):
    """What became of a delivery."""

    NEW = "new"
    REPEATED = "repeated"  # the same id and the same content: at-least-once at work
    CHANGED = "changed"  # the same id with other content: a broken promise
    REFUSED = "refused"  # not signed, not fresh, or not an event


@dataclass(frozen=True, slots=True)
class Receipt:
    """One delivery. `at_s` is CLOCK_MONOTONIC when its body had been read.

    Of an alarm the consumer is `failure` or `ok`, and the id its event's message_id.
    """

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
        app.router.add_post("/failure", self._receive_alarm)
        app.router.add_post("/ok", self._receive_alarm)
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
        return await self._answered(request, self._judged, web.Response(status=204))

    async def _receive_alarm(self, request: web.Request) -> web.Response:
        return await self._answered(request, self._judged_alarm, web.Response(text="OK"))

    async def _answered(
        self,
        request: web.Request,
        judge: Callable[[web.Request, bytes, float], Receipt],
        taken: web.Response,
    ) -> web.Response:
        body, at_s = await request.read(), self._clock.now()
        try:
            receipt = judge(request, body, at_s)
        except Refused as refused:
            named = request.headers.get("webhook-id", "")
            receipt = Receipt(at_s, _name(request), Verdict.REFUSED, named, why=refused.why)
            await self._keep(receipt)
            return web.json_response({"error": refused.why}, status=refused.status)
        await self._keep(receipt)
        return taken

    def _judged(self, request: web.Request, body: bytes, at_s: float) -> Receipt:
        name = _name(request)
        if name not in self.secrets:
            raise Refused(404, f"no consumer is named {name!r}")
        check_signature(self.secrets[name], request.headers, body, time.time())
        event = _event(request, body)
        named = request.headers["webhook-id"]
        return Receipt(at_s, name, self._verdict((name, named), body), named, event)

    def _judged_alarm(self, request: web.Request, body: bytes, at_s: float) -> Receipt:
        name, alarm = _name(request), _alarm(request, body)
        try:
            check_alarm(alarm, "alarm" if name == "failure" else "ok")
        except (KeyError, TypeError, ValueError) as error:
            raise Refused(400, "a trait, or when it was generated, cannot be read") from error
        key = (name, alarm["reason_data"]["event"]["message_id"])
        return Receipt(at_s, name, self._verdict(key, body), key[1], alarm)

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


def _alarm(request: web.Request, body: bytes) -> Json:
    if request.content_type != "application/json":
        raise Refused(415, f"{request.content_type} is not application/json")
    if not _REQUEST.fullmatch(request.headers.get("x-openstack-request-id", "")):
        raise Refused(400, "x-openstack-request-id is not req- and a UUID")
    try:
        alarm = json.loads(body)
    except ValueError as error:
        raise Refused(400, "the body is not JSON") from error
    if not isinstance(alarm, dict) or alarm.keys() != _ALARM:
        raise Refused(400, "the body is not an alarm of Aodh's")
    data = alarm["reason_data"]
    if not isinstance(data, dict) or data.keys() != {"type", "event"} or data["type"] != "event":
        raise Refused(400, "reason_data is not an event's")
    if not isinstance(data["event"], dict) or data["event"].keys() != _EVENT:
        raise Refused(400, "the event's fields are not Aodh's")
    return alarm


def check_alarm(alarm: Json, current: str) -> None:
    """Check what an alarm says, and with what its event would be found by Doctor's rule in Aodh."""
    if alarm["severity"] not in _SEVERITIES or alarm["previous"] not in _STATES:
        raise Refused(400, "severity or previous is none of Aodh's")
    if alarm["current"] != current:
        raise Refused(400, f"current is not {current}")
    event = alarm["reason_data"]["event"]
    if event["event_type"] != "compute.instance.update" or not event["message_id"]:
        raise Refused(400, "it is no event about a server")
    datetime.fromisoformat(event["generated"])
    traits: Json = {}
    for name, number, value in event["traits"]:
        if not isinstance(value, _TRAITS[number]) or len(str(value)) > TRAIT_MAX:
            raise Refused(400, f"the trait {name} is not of its type, or too long")
        traits[name] = value
    if not {"instance_id", "tenant_id", "project_id"} <= traits.keys():
        raise Refused(400, "the server or its project is not named")
    if (traits.get("state") == "error") != (current == "alarm"):
        raise Refused(400, "state is error in an alarm, and in nothing else")


def _name(request: web.Request) -> str:
    return request.path.rpartition("/")[2]


def _error(status: int) -> web.Response:
    return web.json_response({"error": "out of order"}, status=status)
