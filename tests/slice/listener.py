"""What systemd would hear of a daemon: a datagram socket, and every message that came to it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

SIZE_MAX = 4096
LIMIT_S = 150.0


@dataclass
class Heard:
    """The assignments that came, in order."""

    address: str
    said: list[tuple[str, str]] = field(default_factory=list)

    def environ(self, watchdog_s: float) -> Mapping[str, str]:
        """Return the environment of a daemon that systemd listens to."""
        limit = {"WATCHDOG_USEC": str(round(watchdog_s * 1e6))} if watchdog_s else {}
        return {**os.environ, "NOTIFY_SOCKET": self.address, **limit}

    def count(self, key: str) -> int:
        return sum(found == key for found, _ in self.said)

    @property
    def keys(self) -> list[str]:
        """What was said for the first time, in order."""
        return list(dict.fromkeys(key for key, _ in self.said))

    @property
    def status(self) -> str:
        """The last status."""
        return [value for key, value in self.said if key == "STATUS"][-1]

    async def until(self, key: str, value: str = "", times: int = 1) -> None:
        """Wait until something was said so many more times, with a text in it."""
        known = len(self.said) if times > 1 else 0
        async with asyncio.timeout(LIMIT_S):
            while sum(k == key and value in v for k, v in self.said[known:]) < times:  # noqa: ASYNC110 - a list gives no event
                await asyncio.sleep(0.02)


@asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[Heard]:
    """Listen in a folder, until the block ends."""
    heard = Heard(str(folder / "notify.sock"))
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as made:
        made.settimeout(0)
        made.bind(heard.address)
        reading = asyncio.create_task(_read(made, heard))
        try:
            yield heard
        finally:
            reading.cancel()
            await asyncio.wait((reading,))


async def _read(made: socket.socket, heard: Heard) -> None:
    loop = asyncio.get_running_loop()
    while True:
        message = await loop.sock_recv(made, SIZE_MAX)
        for line in message.decode().splitlines():
            key, _, value = line.partition("=")
            heard.said.append((key, value))
