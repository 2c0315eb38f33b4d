"""A network on which one request to etcd takes its time, and all others go through."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.stores.etcd_relay import Relay


class Held(Relay):
    """Holds back whatever is asked for with these words in it."""

    def __init__(self, port: int, words: str) -> None:
        super().__init__(port)
        self._words = words.encode()
        self.free = asyncio.Event()
        """Set: it is held back no more."""

    async def _there(self, reader: StreamReader, writer: StreamWriter, asked: bytearray) -> None:
        while data := await reader.read(65536):
            if self._words in data:
                await self.free.wait()
            asked += data
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def held(port: int, words: str) -> AsyncIterator[Held]:
    relay = Held(port, words)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()
