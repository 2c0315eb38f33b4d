"""Doors before the power devices of a site, which open once somebody waits at each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from yarl import URL

CHUNK_BYTES = 65_536


class _Doors:
    """Relays connections, and holds all of them until each door was knocked at."""

    def __init__(self, count: int) -> None:
        self._shut = set(range(count))
        self._open = asyncio.Event()

    async def pass_on(
        self, number: int, to: URL, near: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> None:
        self._shut.discard(number)
        if not self._shut:
            self._open.set()
        await self._open.wait()
        far, on = await asyncio.open_connection(to.host, to.port)
        await asyncio.gather(_copied(near, on), _copied(far, back))


async def _copied(near: asyncio.StreamReader, far: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await near.read(CHUNK_BYTES):
            far.write(data)
            await far.drain()
    far.close()


@asynccontextmanager
async def doors(peers: Sequence[str]) -> AsyncIterator[Sequence[str]]:
    """Put a door before each URL; yield the URLs of the doors."""
    meeting, urls = _Doors(len(peers)), list[str]()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        passing: set[asyncio.Task[None]] = set()
        for number, peer in enumerate(map(URL, peers)):

            def come(
                near: asyncio.StreamReader,
                back: asyncio.StreamWriter,
                number: int = number,
                peer: URL = peer,
            ) -> None:
                passing.add(tasks.create_task(meeting.pass_on(number, peer, near, back)))

            server = await asyncio.start_server(come, "127.0.0.1", 0)
            await stack.enter_async_context(server)
            urls.append(str(peer.with_port(server.sockets[0].getsockname()[1])))
        yield urls
        for task in passing:
            task.cancel()
