"""The socket at which hosts' watchdogs ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from typing_extensions import override

Address = tuple[str, int]


class Door(asyncio.DatagramProtocol):
    """Hands each datagram to `take`, and sends what that returns to where it came from."""

    def __init__(self, take: Callable[[bytes], bytes | None]) -> None:
        """Wait for the socket."""
        self._take = take
        self._transport: asyncio.DatagramTransport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    @override
    def datagram_received(self, data: bytes, addr: Address) -> None:
        answer = self._take(data)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)
