"""The other end of the wire, byte by byte: a server that can be as rude as the network.

It speaks just enough HTTP/1.1 to know what it was asked, counts every byte that reached it, and
answers with whatever bytes a test gives it, as slowly as the test likes, or not at all.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """What came in. The names of headers are in lower case."""

    method: str
    path: str
    headers: Headers
    body: bytes


Answer = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def raw(status: int, body: bytes = b"", headers: Headers | None = None) -> bytes:
    """Write a whole answer down, its length included."""
    lines = {"Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Some Reason\r\n{head}\r\n".encode() + body


def answering(status: int, body: bytes = b"", headers: Headers | None = None) -> Answer:
    """Answer every request alike."""
    return sending(raw(status, body, headers))


def telling(value: object, status: int = 200) -> Answer:
    """Answer every request with JSON."""
    return answering(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def sending(content: bytes) -> Answer:
    """Send bytes, whatever they are."""

    async def answer(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()

    return answer


def dripping(content: bytes, every_s: float) -> Answer:
    """Send one byte at a time, and never come to an end."""

    async def answer(_request: Request, writer: asyncio.StreamWriter) -> None:
        for number in range(1_000_000):
            at = min(number, len(content) - 1)
            writer.write(content[at : at + 1])
            await writer.drain()
            await asyncio.sleep(every_s)

    return answer


async def hanging(_request: Request, _writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def closing(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Close the connection without a word."""
    writer.close()


async def resetting(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Reset the connection, as a dying machine's firewall does."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def in_turn(*answers: Answer) -> Answer:
    """Answer the first request by the first, and so on; the last one from then on."""
    left = list(answers)

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(request, writer)

    return answer


class Peer:
    """The server, on a port that the kernel chose or on a socket that is bound already.

    `answer` may be changed at any time.
    """

    def __init__(
        self,
        answer: Answer,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        sock: socket.socket | None = None,
    ) -> None:
        self.answer = answer
        self._sock = sock or socket.create_server((host, 0))
        self._host = host
        self.connected: Callable[[], None] = lambda: None
        """Called when a connection stands and nothing has been read from it."""
        self.requests: list[Request] = []
        self.connections = 0
        self.bytes_read = 0
        self.at_once_max = 0
        self._at_once = 0
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, sock=self._sock, ssl=self._tls)
        port = self._sock.getsockname()[1]
        self.origin = f"{'https' if self._tls else 'http'}://{self._host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Close every connection, and listen no more."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.connected()
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while not writer.is_closing():
                    await self._one(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await self._read(reader)
        self.requests.append(request)
        self._at_once += 1
        self.at_once_max = max(self.at_once_max, self._at_once)
        try:
            await self.answer(request, writer)
        finally:
            self._at_once -= 1

    async def _read(self, reader: asyncio.StreamReader) -> Request:
        head = await self._counted(reader.readuntil(b"\r\n\r\n"))
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        method, path, _ = first.split(" ")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await self._counted(reader.readexactly(int(headers.get("content-length", "0"))))
        return Request(method, path, headers, body)

    async def _counted(self, reading: Awaitable[bytes]) -> bytes:
        try:
            content = await reading
        except asyncio.IncompleteReadError as error:
            self.bytes_read += len(error.partial)
            raise
        self.bytes_read += len(content)
        return content
