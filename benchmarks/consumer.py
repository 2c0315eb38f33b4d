"""The consumer: `python -m benchmarks.consumer` stamps every notice, answers 204, and reports it.

A process of its own, as a consumer is, and hardly more than a socket: what it did with a notice
would be counted against the daemon. The stamp is CLOCK_MONOTONIC, taken when the last byte has been
read and before anything is made of it. One line of JSON a notice goes to standard output; the first
line is the URL. Signatures are checked elsewhere: the lab's consumer does nothing else.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import time

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class Receiving(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._read = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that has come in whole, and only then look at it."""
        at_s = time.monotonic()
        self._read += data
        while (found := self._whole()) is not None:
            if self._transport is not None:
                self._transport.write(ANSWER)
            asyncio.get_running_loop().call_soon(_report, at_s, *found)

    def _whole(self) -> tuple[bytes, bytes] | None:
        """Take one request: its first line and its body. None: it is not whole yet."""
        end = self._read.find(_HEAD_END)
        if end < 0:
            return None
        head = bytes(self._read[:end])
        length = _LENGTH.search(head)
        begin = end + len(_HEAD_END)
        until = begin + (int(length[1]) if length else 0)
        if len(self._read) < until:
            return None
        body = bytes(self._read[begin:until])
        del self._read[:until]
        return head.partition(b"\r\n")[0], body


def _report(at_s: float, line: bytes, body: bytes) -> None:
    path = line.split(b" ")[1].decode()
    data = json.loads(body)["data"]
    told = {
        "at_s": at_s,
        "consumer": path.rpartition("/")[2],
        "kind": data["kind"],
        "incident": data["incident"],
        "project": data["project_id"] or "",
    }
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(Receiving, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{port}"}) + "\n")
    sys.stdout.flush()
    async with server:
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
