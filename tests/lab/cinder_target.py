"""What the contract of Cinder asks of the Cinder it is run against."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from tests.lab.caller import Caller, Reply
from tests.lab.nova_target import Who

ALPHA, BETA = "control@alpha", "control@beta"
"""The first has a replication target, `spare`; the second has none."""
VOLUME = "cinder-volume"
PATIENCE_S = 30.0
Json = dict[str, Any]


class CinderTarget(Protocol):
    """A Cinder with two backends of one host, which the tests may break; all begin well."""

    def url(self, who: Who) -> str:
        """The endpoint as it stands in the catalogue of somebody, with the project in it."""

    @property
    def root(self) -> str:
        """The endpoint up to its `/v3`."""

    @property
    def caller(self) -> Caller: ...

    @property
    def service_down_s(self) -> float:
        """Cinder's `service_down_time`, and what a report's interval and a slow machine add."""

    @property
    def rpc_timeout_s(self) -> float:
        """Cinder's `rpc_response_timeout`."""

    async def token(self, who: Who) -> str: ...

    async def kill_volume(self) -> None:
        """End cinder-volume of both backends as kill -9 does."""

    async def start_volume(self) -> None:
        """Start it, if it has ended, and wait until both services are up."""


async def ask(
    target: CinderTarget,
    method: str,
    path: str,
    version: str | None = None,
    *,
    who: Who = Who.ADMIN,
    body: object = None,
) -> Reply:
    """Make one request, in a microversion or in none, which is 3.0."""
    headers = {"X-Auth-Token": await target.token(who)}
    if version:
        headers["OpenStack-API-Version"] = f"volume {version}"
    return await target.caller.ask(method, target.url(who) + path, headers=headers, body=body)


def header(reply: Reply, name: str) -> str:
    """Find a header: Cinder writes their names in its own way."""
    return {key.lower(): value for key, value in reply.headers.items()}[name.lower()]


async def put(target: CinderTarget, word: str, body: object, version: str | None = None) -> Reply:
    """Send one order."""
    return await ask(target, "PUT", f"/os-services/{word}", version, body=body)


async def services(target: CinderTarget, query: str = "", version: str | None = None) -> list[Json]:
    reply = await ask(target, "GET", f"/os-services{query}", version)
    assert reply.status == 200, reply.text
    rows: list[Json] = reply.body["services"]
    return rows


async def row(target: CinderTarget, host: str) -> Json:
    """Read the row of a backend."""
    (found,) = await services(target, f"?binary={VOLUME}&host={host}", "3.7")
    return found


async def until(target: CinderTarget, host: str, test: Callable[[Json], bool]) -> Json:
    """Wait until the row of a backend is as it is awaited."""
    until_s = time.monotonic() + PATIENCE_S
    while not test(found := await row(target, host)):
        assert time.monotonic() < until_s, found
        await asyncio.sleep(0.05)
    return found


def named(host: str) -> Json:
    return {"host": host, "binary": VOLUME}


@asynccontextmanager
async def restored(target: CinderTarget, host: str) -> AsyncIterator[None]:
    """Leave a backend as it should be found, by the means that every release has."""
    try:
        yield
    finally:
        await target.start_volume()
        if (await row(target, host))["replication_status"] == "failed-over":
            await put(target, "failover_host", {"host": host, "backend_id": "default"})
            await until(target, host, lambda found: found["replication_status"] == "enabled")
        found = await row(target, host)
        if found["status"] == "disabled" and not found["frozen"]:
            await put(target, "freeze", {"host": host})
        if (await row(target, host))["frozen"]:
            assert (await put(target, "thaw", {"host": host})).status == 200
        found = await row(target, host)
        assert (found["status"], found["frozen"]) == ("enabled", False)
