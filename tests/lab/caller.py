"""A caller of HTTP services that decides nothing: the contracts look at what comes back."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

LIMIT_S = 100.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, and how long it took. `body` is None where there was no JSON."""

    status: int
    headers: Mapping[str, str]
    text: str
    body: Any
    seconds: float

    @property
    def message(self) -> str:
        """Find the text of an error in the form of Nova, Keystone or Redfish."""
        inner: dict[str, str] = next(iter(self.body.values()))
        return inner["message"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Asks, and measures. It follows no redirects."""

    session: aiohttp.ClientSession

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        raw: bytes | None = None,
    ) -> Reply:
        """Send `body` as JSON, or `raw` as it is, and read all of the answer."""
        data = raw if body is None else json.dumps(body).encode()
        sent = {} if data is None else {"Content-Type": "application/json"}
        began_s = time.monotonic()
        async with self.session.request(
            method, url, data=data, headers=sent | dict(headers or {}), allow_redirects=False
        ) as answer:
            text = await answer.text()
        seconds = time.monotonic() - began_s
        return Reply(answer.status, dict(answer.headers), text, _json(text), seconds)


@asynccontextmanager
async def caller() -> AsyncIterator[Caller]:
    timeout = aiohttp.ClientTimeout(total=LIMIT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Caller(session)


def basic(user: str, password: str) -> dict[str, str]:
    word = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {word}"}


def _json(text: str) -> Any:  # noqa: ANN401 - whatever the service sent
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
