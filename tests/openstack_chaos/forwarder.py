"""A way from the controllers to the real cloud, which listens on the machine's own loopback.

A socket stays in the network namespace that it was made in: what listens is between the
controllers, and what goes on from there is outside. Nothing is added to the machine's own.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager

from tests.chaos.net import CLOUD, Net
from tools.netns import stepped_into

PART = 65_536


@asynccontextmanager
async def forwarding(net: Net, ports: Iterable[int]) -> AsyncIterator[None]:
    """Have connections to these ports of CLOUD go on to the same ones of loopback outside."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server((CLOUD, port))) for port in ports]
        accepting = [asyncio.create_task(_accept(net, one)) for one in listeners]
        try:
            yield
        finally:
            for task in accepting:
                task.cancel()
            await asyncio.wait(accepting)


async def _accept(net: Net, listener: socket.socket) -> None:
    listener.settimeout(0)
    to = ("127.0.0.1", listener.getsockname()[1])
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as carried:
        while True:
            near, _ = await loop.sock_accept(listener)
            carried.create_task(_carry(net, near, to))


async def _carry(net: Net, near: socket.socket, to: tuple[str, int]) -> None:
    with stepped_into(net.outside):
        far = socket.socket()
    with near, far:
        far.settimeout(0)
        try:
            await asyncio.get_running_loop().sock_connect(far, to)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pour(near, far))
                both.create_task(_pour(far, near))
        except* OSError:
            pass  # closing both tells either end


async def _pour(source: socket.socket, to: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while part := await loop.sock_recv(source, PART):
        await loop.sock_sendall(to, part)
    to.shutdown(socket.SHUT_WR)
