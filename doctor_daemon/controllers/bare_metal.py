"""One cloud's Ironic, as all power devices of that cloud share it: one account, one token.

Five hundred hosts have five hundred devices; a token for each, and a thread at Keystone for each of
them at once, is what an outage would be made worse by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from typing_extensions import override

from doctor_daemon.controllers.cloud_service import READ_KEEP_S, CloudService, Login
from doctor_daemon.controllers.compute import Endpoint, Product
from doctor_daemon.controllers.http import Answer
from doctor_daemon.controllers.keystone import BARE_METAL, Grant
from doctor_daemon.controllers.microversions import Version
from doctor_daemon.controllers.nodes import IRONIC, NODE, Node, fields, read_node, read_offer
from doctor_daemon.core.instant import Instant
from doctor_daemon.ports import Clock, Permit

CONNECTIONS = 8

_shared: dict[tuple[object, ...], BareMetal] = {}


class BareMetal(CloudService):
    """The client. It goes with the last device that uses it."""

    def __init__(self, login: Login, timeout_s: float, clock: Clock) -> None:
        """Read the cloud's entry, connect to nothing. Raise ConfigError."""
        super().__init__(login, clock, BARE_METAL, _versioned)
        self.users = 0
        reads = self._way(CONNECTIONS, READ_KEEP_S, timeout_s)
        writes = self._way(CONNECTIONS, 0.0, timeout_s)
        self._endpoint = _Endpoint(self._tokens, PRODUCT, reads=reads, writes=writes)
        self._renewal: asyncio.Task[None] | None = None

    async def node(self, uuid: str) -> tuple[Node, Instant]:
        """Return a node, and a moment before it was asked for. Raise a DoctorError."""
        self._renew()
        version = await self._endpoint.version(NODE)
        got = await self._endpoint.get(f"nodes/{uuid}", fields(version), NODE, read_node)
        return got.value, got.asked_at

    async def order(self, uuid: str, target: str, permit: Permit) -> Answer:
        """Ask once for a node's power. Raise as `Endpoint.put`."""
        body = {"target": target}
        return await self._endpoint.put(f"nodes/{uuid}/states/power", body, NODE, permit)

    async def close(self) -> None:
        """Let go of the connections and of the token."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait((self._renewal,))
        await self._tokens.close()
        await self._endpoint.close()

    def _renew(self) -> None:
        """Have the token renewed before it expires, so that no cut has to wait for Keystone."""
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._tokens.run())


class _Endpoint(Endpoint):
    """Ironic's endpoint. Its own header of the microversion is the one that every release knows."""

    @override
    def _pinned(self, version: Version) -> Mapping[str, str]:
        return {"X-OpenStack-Ironic-API-Version": str(version)}


PRODUCT = Product(IRONIC, "baremetal", read_offer)


def joined(login: Login, timeout_s: float, clock: Clock) -> BareMetal:
    """Return the client of a cloud, made for the first who asks. Raise ConfigError."""
    key = (login.clouds_file.path, login.cloud, timeout_s)
    client = _shared.get(key)
    if client is None:
        client = _shared[key] = BareMetal(login, timeout_s, clock)
    client.users += 1
    return client


async def left(client: BareMetal) -> None:
    """Leave a client; the last one out closes it."""
    client.users -= 1
    if client.users > 0:
        return
    for key in [key for key, other in _shared.items() if other is client]:
        del _shared[key]
    await client.close()


def _versioned(grant: Grant) -> Grant:
    """Most catalogues name Ironic's root, some its version 1 already."""
    url = grant.url.rstrip("/")
    return grant if url.endswith("/v1") else replace(grant, url=f"{url}/v1")
