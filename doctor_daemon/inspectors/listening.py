"""The listener's process, seen from the daemon: started, told what to do, heard, ended.

What it is told goes through its standard input, the keys too: an argument or a variable of the
environment can be read by others. When this end goes away, it ends by itself.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from doctor_daemon.errors import Temporary

MODULE = "doctor_daemon.heartbeat.listener"
LINE_MAX = 1_048_576
HUNG_S = 10.0
"""It says every second how it stands; one that has said nothing for so long is started anew."""
END_S = 5.0
NAMES_MAX = 200
Said = Mapping[str, Any]


class Ear:
    """A running listener."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Speak to this process."""
        self._process = process

    async def hear(self) -> Said:
        """Return what it says next. Raise Temporary when it has ended, or says nothing any more."""
        if self._process.stdout is None:
            msg = "the listener's output is not read"
            raise Temporary(msg)
        try:
            async with asyncio.timeout(HUNG_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            msg = f"the listener has said nothing for {HUNG_S:g} s"
            raise Temporary(msg) from None
        if not line.endswith(b"\n"):
            msg = "the listener has ended"
            raise Temporary(msg)
        said: Said = json.loads(line)
        if "failed" in said:
            msg = f"the listener cannot listen: {said['failed']}"
            raise Temporary(msg)
        return said

    async def want(self, names: Sequence[tuple[str, str]]) -> None:
        """Ask for the next beat of each of these hosts."""
        for start in range(0, len(names), NAMES_MAX):
            await self.tell({"want": names[start : start + NAMES_MAX]})

    async def tell(self, what: Mapping[str, object]) -> None:
        """Tell it something. Raise Temporary when it does not take it."""
        if self._process.stdin is None:
            return
        try:
            async with asyncio.timeout(HUNG_S):
                self._process.stdin.write(json.dumps(what).encode() + b"\n")
                await self._process.stdin.drain()
        except (TimeoutError, ConnectionError):
            msg = "the listener does not take what it is told"
            raise Temporary(msg) from None

    async def end(self) -> None:
        """Have it end, and wait for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(END_S):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def listening(orders: Mapping[str, object]) -> AsyncIterator[Ear]:
    """Run a listener until the block ends. Raise Temporary when it cannot be started."""
    pipe = asyncio.subprocess.PIPE
    argv: Iterable[str] = (sys.executable, "-m", MODULE)
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=pipe, stdout=pipe, limit=LINE_MAX
        )
    except OSError as error:
        msg = f"the listener cannot be started: {error.strerror}"
        raise Temporary(msg) from None
    ear = Ear(process)
    try:
        await ear.tell(orders)
        yield ear
    finally:
        await asyncio.shield(ear.end())
