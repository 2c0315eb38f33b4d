"""TCP connections, as a sign of life: whoever accepts or refuses one is there.

A refusal counts as an answer: the machine's kernel has sent it. A firewall that refuses in its
place hides a death, and accuses nobody.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection
from ipaddress import ip_address

from doctor_daemon.inspectors.probing import Sight, judged

AT_ONCE_MAX = 256


class Knock:
    """Connects to one port of many addresses."""

    def __init__(self, port: int) -> None:
        """Connect to this port."""
        self._port = port

    async def round(self, addresses: Collection[str], timeout_s: float) -> dict[str, Sight]:
        """Try each address once; each has the whole time from its own beginning."""
        turns = asyncio.Semaphore(AT_ONCE_MAX)

        async def one(address: str) -> Sight:
            async with turns:
                return await self._knock(address, timeout_s)

        found = await asyncio.gather(*map(one, addresses))
        return dict(zip(addresses, found, strict=True))

    async def _knock(self, address: str, timeout_s: float) -> Sight:
        family = socket.AF_INET6 if ip_address(address).version > 4 else socket.AF_INET  # noqa: PLR2004 - the version
        try:
            with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as made:
                async with asyncio.timeout(timeout_s):
                    loop = asyncio.get_running_loop()
                    await loop.sock_connect(made, (address, self._port))
        except TimeoutError:
            return Sight.LOST
        except (ConnectionRefusedError, ConnectionResetError):
            return Sight.ANSWERED
        except OSError as error:
            return judged(error)
        return Sight.ANSWERED

    def close(self) -> None:
        """Close nothing: no connection is kept."""
