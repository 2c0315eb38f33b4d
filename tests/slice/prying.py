"""Who looks for secrets where none may be: peers that repeat all they hear, and eyes on /proc."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

LOOK_S = 0.02
USERS = ("us", "ops")
"""Whom the secrets are passwords of, in tests."""


@asynccontextmanager
async def echo(status: int) -> AsyncIterator[tuple[str, list[str]]]:
    """Serve a peer that answers with all that it was sent; yield its URL, and what it has heard."""
    heard: list[str] = []

    async def repeat(request: web.Request) -> web.Response:
        headers = " ".join(f"{name}: {value}" for name, value in request.headers.items())
        said = f"{request.rel_url} {headers} {(await request.read())[:2000].decode()}"
        heard.append(said)
        return web.json_response({"status": "error", "error": said, "message": said}, status=status)

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", repeat)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}", heard
    finally:
        await runner.cleanup()


@asynccontextmanager
async def echo_of_amqp() -> AsyncIterator[tuple[str, list[str]]]:
    """Serve a broker that refuses whoever logs in, and says with what; yield as `echo` does.

    Source: AMQP 0-9-1, "The Connection Class": start, and close once start-ok has come.
    """
    heard: list[str] = []

    def frame(method: int, arguments: bytes) -> bytes:
        payload = struct.pack(">HH", 10, method) + arguments
        return struct.pack(">BHI", 1, 0, len(payload)) + payload + b"\xce"

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readexactly(8)
            texts = b"".join(struct.pack(">I", len(one)) + one for one in (b"", b"PLAIN", b"en_US"))
            writer.write(frame(10, b"\x00\x09" + texts))
            _, _, size = struct.unpack(">BHI", await reader.readexactly(7))
            said = (await reader.readexactly(size + 1)).rpartition(b"PLAIN")[2]
            heard.append("".join(chr(one) for one in said if 32 <= one < 127))
            text = heard[-1].encode()[:200]
            writer.write(frame(50, struct.pack(">HB", 403, len(text)) + text + bytes(4)))
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", heard


def forms(secret: str) -> Iterator[str]:
    """Yield a secret as it may be written."""
    raw = secret.encode()
    yield secret
    yield raw.hex()
    yield base64.b64encode(raw).decode().rstrip("=")
    yield quote(secret, safe="")
    yield hashlib.sha256(raw).hexdigest()
    for user in USERS:
        yield base64.b64encode(f"{user}:{secret}".encode()).decode()


class Eyes:
    """What everybody on the machine can see of a process and its children, while they run."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.seen: set[bytes] = set()
        """Every command line and environment."""
        self.programs: set[str] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Look until the block ends."""
        task = asyncio.create_task(self._look())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def _look(self) -> None:
        while True:
            self._once()
            await asyncio.sleep(LOOK_S)

    def _once(self) -> None:
        for pid in (self._pid, *self._below(self._pid)):
            with suppress(OSError):
                said = Path("/proc", str(pid), "cmdline").read_bytes()
                self.seen |= {said, Path("/proc", str(pid), "environ").read_bytes()}
                self.programs.add(os.fsdecode(said.replace(b"\0", b" ")))

    def _below(self, pid: int) -> Iterator[int]:
        with suppress(OSError):
            for task in Path("/proc", str(pid), "task").iterdir():
                with suppress(OSError):
                    for child in map(int, (task / "children").read_text().split()):
                        yield child
                        yield from self._below(child)
