"""Waiting, in virtual time, for something to come true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

LOOK_S = 1.0
"""Between two looks at how everything stands."""
LIMIT_S = 1200.0
"""How long a story may wait for one thing to come true."""


class Stuck(Exception):
    """What a story waits for does not come true."""


async def comes(true: Callable[[], Awaitable[bool]], what: str, limit_s: float = LIMIT_S) -> None:
    """Wait for something durable to come true. Raise Stuck."""
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + limit_s
    while not await true():
        if loop.time() >= ends_s:
            raise Stuck(f"waited {limit_s:g} s for {what}")
        await asyncio.sleep(LOOK_S)


async def until(true: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> None:
    """Wait for something of the world to come true. Raise Stuck."""

    async def so() -> bool:
        return true()

    await comes(so, what, limit_s)


async def perhaps(true: Callable[[], bool], limit_s: float) -> None:
    """Wait for something that may not come true."""
    with suppress(Stuck):
        await until(true, "what may be", limit_s)
