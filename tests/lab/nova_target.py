"""What the contract of Nova asks of the Nova it is run against."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from enum import StrEnum
from typing import Any, Protocol

from tests.lab.caller import Caller, Reply

NEWEST = "2.90"
"""The highest microversion that the daemon asks for."""


class Who(StrEnum):
    """On whose behalf a request is made."""

    ADMIN = "admin"
    MEMBER = "member"  # owns the servers that the target boots
    UNSCOPED = "unscoped"  # the admin, without a project


class NovaTarget(Protocol):
    """A Nova with two hosts, `hosts`, that the tests may break; both are well at the beginning.

    Servers are the member's. What a test changes it changes back.
    """

    @property
    def url(self) -> str:
        """The compute endpoint, which ends in `/v2.1`."""

    @property
    def caller(self) -> Caller: ...

    @property
    def hosts(self) -> tuple[str, str]: ...

    @property
    def service_down_s(self) -> float:
        """Nova's `service_down_time`, and what a heartbeat's interval and a slow machine add."""

    @property
    def rpc_timeout_s(self) -> float:
        """Nova's `rpc_response_timeout`."""

    async def token(self, who: Who) -> str: ...

    async def kill_compute(self, host: str) -> None:
        """End nova-compute as kill -9 does: its guests run on, and Nova has not noticed."""

    async def start_compute(self, host: str) -> None:
        """Start it, if it has ended, and wait until its service is up."""

    async def boot(self, host: str) -> str:
        """Boot a server on the host and wait until it is ACTIVE; its id."""

    async def delete(self, server_id: str) -> None:
        """Delete a server and wait until it is gone."""


async def ask(
    target: NovaTarget,
    method: str,
    path: str,
    version: str | None = NEWEST,
    *,
    who: Who = Who.ADMIN,
    body: object = None,
) -> Reply:
    """Make one request, in a microversion or in none."""
    headers = {"X-Auth-Token": await target.token(who)}
    if version:
        headers["OpenStack-API-Version"] = f"compute {version}"
    return await target.caller.ask(method, target.url + path, headers=headers, body=body)


async def row(target: NovaTarget, host: str, version: str = NEWEST) -> dict[str, Any]:
    """Read the service row of a host's nova-compute."""
    reply = await ask(target, "GET", f"/os-services?host={host}&binary=nova-compute", version)
    rows: list[dict[str, Any]] = reply.body["services"]
    assert len(rows) == 1
    return rows[0]


async def put(target: NovaTarget, host: str, body: object, version: str = "2.53") -> Reply:
    """Change the service of a host's nova-compute by its UUID."""
    service = (await row(target, host))["id"]
    return await ask(target, "PUT", f"/os-services/{service}", version, body=body)


@asynccontextmanager
async def restored(target: NovaTarget, host: str) -> AsyncIterator[None]:
    """Leave a host's service as it should be found: alive, enabled and not forced down."""
    try:
        yield
    finally:
        # In this order: a status sent while nova-compute is dead waits for it in vain.
        await put(target, host, {"forced_down": False})
        await target.start_compute(host)
        await put(target, host, {"status": "enabled"})


@asynccontextmanager
async def booted(target: NovaTarget, *hosts: str) -> AsyncIterator[list[str]]:
    """Boot a server on each host named, and delete them afterwards, whatever fails."""
    async with AsyncExitStack() as stack:

        async def boot(host: str) -> str:
            server = await target.boot(host)
            stack.push_async_callback(target.delete, server)
            return server

        yield [await boot(host) for host in hosts]
