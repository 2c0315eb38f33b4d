"""What the contract of Nova asks of the Nova it is run against."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from enum import StrEnum
from typing import Any, Protocol

from doctor_daemon.lab.servers import OwnerSees
from tests.lab.caller import Caller, Reply

NEWEST = "2.90"
"""The highest microversion that the daemon asks for."""


class Who(StrEnum):
    """On whose behalf a request is made."""

    ADMIN = "admin"
    MEMBER = "member"  # owns the servers that the target boots
    UNSCOPED = "unscoped"  # the admin, without a project


class NovaTarget(Protocol):
    """A Nova with hosts, the first two of which, `hosts`, the tests may break; all begin well.

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
    def image(self) -> str:
        """An image that servers are booted from."""

    @property
    def flavor(self) -> str:
        """A flavor of which there is room on every host."""

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

    async def launch_compute(self, host: str) -> None:
        """Start it, if it has ended, and wait for nothing: its host may be forced down."""

    async def register(self, host: str) -> None:
        """Start it on a host whose service was deleted, and wait until Nova has it in use."""

    async def set_state(self, server_id: str, state: str) -> None:
        """Have the server's owner stop or pause it (`stopped`, `paused`), and wait until it is."""

    async def runs_on(self, server_id: str) -> AbstractSet[str]:
        """Name the hosts on which a guest of the server truly runs."""

    def nothing_scheduled(self) -> AbstractAsyncContextManager[None]:
        """Let nothing that Nova has accepted go on, until the end."""

    def failing_spawns(self, host: str) -> AbstractAsyncContextManager[None]:
        """Let no guest start on a host, for reasons of its hypervisor, until the end."""

    def shown_to_owners(self, sees: OwnerSees) -> AbstractAsyncContextManager[None]:
        """Let policy show owners this much of `host_status`, until the end: then nothing again."""

    def slow_spawns(self, host: str) -> AbstractAsyncContextManager[None]:
        """Let guests that begin to start on a host meanwhile take longer than nova-compute does."""

    async def write(self, server_id: str, metadata: Mapping[str, str]) -> None:
        """Have the server's owner write its metadata."""

    async def lock(self, server_id: str) -> None:
        """Have the server's owner lock it."""

    def tagged(self, host: str, metadata: Mapping[str, str]) -> AbstractAsyncContextManager[None]:
        """Let a host be in one more aggregate, with such metadata, until the end."""

    def grouped(
        self, policy: str, *hosts: str
    ) -> AbstractAsyncContextManager[tuple[str, list[str]]]:
        """Boot a server on each host named, all of one new group; its id and theirs, until the end.

        Of an anti-affinity group as many may be on a host as are named there.
        """

    async def boot(self, host: str, specs: Mapping[str, str] | None = None) -> str:
        """Boot a server on the host and wait until it is ACTIVE; its id.

        `specs`: the extra specs of its flavor.
        """

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
async def booted(
    target: NovaTarget, *hosts: str, specs: Mapping[str, str] | None = None
) -> AsyncIterator[list[str]]:
    """Boot a server on each host named, and delete them afterwards, whatever fails."""
    async with AsyncExitStack() as stack:

        async def boot(host: str) -> str:
            server = await target.boot(host, specs)
            stack.push_async_callback(target.delete, server)
            return server

        yield [await boot(host) for host in hosts]


IN_FLIGHT = ("accepted", "pre-migrating")
PATIENCE_S = 60.0


async def evacuate(target: NovaTarget, server: str, version: str = "2.68") -> Reply:
    """Ask for an evacuation in the way the daemon does."""
    return await ask(target, "POST", f"/servers/{server}/action", version, body={"evacuate": {}})


async def migrations(target: NovaTarget, query: str, version: str = "2.59") -> list[dict[str, Any]]:
    """List evacuations."""
    path = f"/os-migrations?migration_type=evacuation&{query}"
    reply = await ask(target, "GET", path, version)
    assert reply.status == 200, reply.text
    found: list[dict[str, Any]] = reply.body["migrations"]
    return found


async def server_row(target: NovaTarget, server: str) -> dict[str, Any]:
    """Show one server."""
    reply = await ask(target, "GET", f"/servers/{server}")
    shown: dict[str, Any] = reply.body["server"]
    return shown


async def ended(target: NovaTarget, *servers: str) -> dict[str, dict[str, Any]]:
    """Wait until nothing is in flight for these servers; each one's newest migration."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        found = [row for one in servers for row in await migrations(target, f"instance_uuid={one}")]
        if found and not [row for row in found if row["status"] in IN_FLIGHT]:
            return {row["instance_uuid"]: row for row in reversed(found)}
        assert time.monotonic() < until_s, found
        await asyncio.sleep(0.05)


@asynccontextmanager
async def fallen(target: NovaTarget, host: str) -> AsyncIterator[None]:
    """Let nova-compute of a host die and the host be forced down; bring it back in the end.

    It may be started again for that: see test_trap_9_a_source_that_returns_early_needs_two_starts.
    """
    async with restored(target, host):
        await target.kill_compute(host)
        assert (await put(target, host, {"forced_down": True})).status == 200
        try:
            yield
        finally:
            await cleaned(target, host)


async def cleaned(target: NovaTarget, host: str) -> None:
    """Start nova-compute of a host as often as it takes to complete every evacuation from it.

    One start completes one migration of each server, the newest.
    """
    for _ in range(3):
        await target.kill_compute(host)
        left = await _left(target, host)
        newest = {row["instance_uuid"]: row["uuid"] for row in reversed(left)}
        await target.launch_compute(host)
        until_s = time.monotonic() + PATIENCE_S
        while {row["uuid"] for row in await _left(target, host)} & {*newest.values()}:
            if time.monotonic() > until_s:
                break
            await asyncio.sleep(0.05)
        if not await _left(target, host):
            return
    msg = f"{host} has evacuations that are not completed"
    raise TimeoutError(msg)


async def _left(target: NovaTarget, host: str) -> list[dict[str, Any]]:
    """List the evacuations from a host that it has not completed, the newest first."""
    rows = await migrations(target, f"source_compute={host}")
    return [row for row in rows if row["status"] in (*IN_FLIGHT, "done")]


async def computes(target: NovaTarget) -> set[str]:
    """Name every host."""
    reply = await ask(target, "GET", "/os-services?binary=nova-compute")
    return {row["host"] for row in reply.body["services"]}


@asynccontextmanager
async def only_destination(target: NovaTarget, source: str, *fit: str) -> AsyncIterator[None]:
    """Let an evacuation from a host have no destination but those that are fit."""
    names = await computes(target) - {source, *fit}
    try:
        for host in names:
            assert (await put(target, host, {"status": "disabled"})).status == 200
        yield
    finally:
        for host in names:
            await put(target, host, {"status": "enabled"})
