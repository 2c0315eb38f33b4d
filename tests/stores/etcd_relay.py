"""A network between the daemon and etcd that loses, holds back and cuts what goes through it."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Relay:
    """Passes connections on to a port, of whose end on this side etcd learns nothing.

    So what was held back is done, though nobody waits for it any more.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.answers = asyncio.Event()
        """Not set: answers are lost; what was asked for is done."""
        self.asked = asyncio.Event()
        """Not set: what is asked for is held back."""
        self.shut = False
        """Connections are cut as soon as they are made."""
        self.left: int | None = None
        """So many answers more are told, and no other."""
        self.mute = b""
        """Where this was asked for nothing is told after the word that it has begun."""
        self.heard = b""
        """What has come back from etcd, lost answers too."""
        self.news = asyncio.Event()
        """Set whenever something has come back."""
        self.answers.set()
        self.asked.set()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", self._port)
        asked = bytearray()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._there(reader, to_there, asked))
                both.create_task(self._back(there, writer, asked))
        except* OSError:
            pass
        finally:
            writer.close()
            to_there.close()

    async def _there(self, reader: StreamReader, writer: StreamWriter, asked: bytearray) -> None:
        while data := await reader.read(65536):
            await self.asked.wait()
            asked += data
            writer.write(data)
            await writer.drain()

    async def _back(self, reader: StreamReader, writer: StreamWriter, asked: bytearray) -> None:
        told = False
        while data := await reader.read(65536):
            self.heard += data
            self.news.set()
            muted = told and bool(self.mute) and self.mute in asked
            told = told or b'"created":true' in data
            if self.answers.is_set() and self.left != 0 and not muted:
                self.left = None if self.left is None else self.left - 1
                with suppress(OSError):
                    writer.write(data)
                    await writer.drain()

    async def hears(self, words: bytes) -> None:
        """Wait until etcd has answered with these words."""
        async with asyncio.timeout(20):
            while words not in self.heard:
                self.news.clear()
                await self.news.wait()

    def lead(self, port: int) -> None:
        """Lead elsewhere from now on: what is connected is cut."""
        self._port = port
        self.cut()

    def cut(self) -> None:
        """Cut what is connected."""
        for task in self._tasks:
            task.cancel()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", 0)

    def _begin(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self.shut:
            writer.close()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()


@asynccontextmanager
async def relayed(port: int) -> AsyncIterator[Relay]:
    relay = Relay(port)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()
