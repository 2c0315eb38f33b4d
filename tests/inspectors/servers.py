"""Real servers beside a test: started, waited for, and ended by their own pid."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

LIMIT_S = 90.0
Process = asyncio.subprocess.Process


async def until(what: str, true: Callable[[], Awaitable[bool]], limit_s: float = LIMIT_S) -> None:
    """Wait until something is true."""
    try:
        async with asyncio.timeout(limit_s):
            while not await true():  # noqa: ASYNC110 - another process does not set our events
                await asyncio.sleep(0.05)
    except TimeoutError:
        msg = f"gave up waiting until {what}"
        raise AssertionError(msg) from None


@asynccontextmanager
async def server(folder: Path, name: str, argv: Sequence[object]) -> AsyncIterator[Process]:
    """Run a server until the block ends. Its output is in `NAME.log`."""
    with (folder / f"{name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *map(str, argv), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            await process.wait()
