"""A monitor's event as bytes, an inspector that does as it is told, and answers taken apart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from aiohttp import web

from doctor_daemon.api.connection import Limits
from doctor_daemon.core.evidence import Trust
from doctor_daemon.inspectors.alertmanager import Alertmanager
from doctor_daemon.inspectors.doctor import Doctor
from doctor_daemon.ports import Gatekeeper, Intake
from tests.inspectors.rig import Json, terms

EVENT = {
    "time": "2026-11-21T10:00:00",
    "type": "compute.host.down",
    "details": {"hostname": "cmp-1"},
}
BODY = json.dumps([EVENT]).encode()
HEAD = b"PUT /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
QUICK = Limits(head_s=0.3, body_s=0.3, handle_s=0.3, life_s=0.8)


def doctor(name: str = "doctor", **options: str) -> Doctor:
    return Doctor(Doctor.Config.model_validate(options), terms(name, Trust.OPEN))


def alertmanager(name: str, **options: str) -> Alertmanager:
    return Alertmanager(Alertmanager.Config.model_validate(options), terms(name))


class Scripted:
    """An inspector with one route, which does what a test likes."""

    api: ClassVar[int] = 1

    def __init__(
        self,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
        path: str = "/scripted",
        name: str = "scripted",
    ) -> None:
        self.name = name
        self.path = path
        self.handler = handler

    async def run(self, intake: Intake) -> None:
        await asyncio.Event().wait()

    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        return [web.post(self.path, self.handler)]


def raising(error: Exception) -> Scripted:
    async def handler(_request: web.Request) -> web.StreamResponse:
        raise error

    return Scripted(handler)


def parse(answer: bytes) -> tuple[int, dict[str, str], Json]:
    head, _, body = answer.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert headers["Server"] == "doctor-daemon"
    assert headers["Connection"] == "close"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert int(headers["Content-Length"]) == len(body)
    found = json.loads(body)["error"]
    assert isinstance(found, dict)
    return int(first.split()[1]), headers, found


def error(code: str, field: str, message: str, expected: str) -> Json:
    return {"code": code, "field": field, "message": message, "expected": expected}


def length(number: int) -> bytes:
    return f"Content-Length: {number}\r\n\r\n".encode()
