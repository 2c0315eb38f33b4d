"""A program beside the daemon: started without a shell, read line by line, and ended as a whole.

It leads a process group of its own, and at its end, whichever way it comes, all that is still in
that group is killed. What it writes is bounded: a line, and the end of what it says on standard
error. It is given no more of our environment than where programs are.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.wire import cleaned

LINE_MAX = 65_536
TAIL_BYTES = 4096
TAIL_MAX = 300
END_S = 2.0
"""How long a program may take to end when it is told to."""
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


class Program:
    """One run of a program."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Read what a process writes."""
        self._process = process
        self._tail = b""

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield its lines. Raise Temporary for one that is too long."""
        stdout = self._process.stdout
        while stdout is not None:
            try:
                line = await stdout.readline()
            except ValueError:
                msg = f"the program has written a line of more than {LINE_MAX} bytes"
                raise Temporary(msg) from None
            if not line:
                return
            yield line

    async def status(self) -> int:
        """Wait for its end; return its exit status, negative for a signal."""
        return await self._process.wait()

    def words(self) -> str:
        """Return the end of what it has said on standard error, fit to be shown."""
        return cleaned(self._tail.decode(errors="replace"), TAIL_MAX)

    async def drain(self) -> None:
        """Read standard error until its end, and keep the last of it."""
        stderr = self._process.stderr
        while stderr is not None and (some := await stderr.read(TAIL_BYTES)):
            self._tail = (self._tail + some)[-TAIL_BYTES:]

    async def end(self) -> None:
        """End it and all its children: at first kindly."""
        pid = self._process.pid
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)
                os.killpg(pid, signal.SIGCONT)  # one that is stopped acts on nothing else
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), END_S)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        await self._process.wait()
        # Pipes outlive it: what nobody has read is in them, or a child that has left holds them.
        self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - no other way
        await asyncio.sleep(0)


@asynccontextmanager
async def running(argv: Sequence[str]) -> AsyncIterator[Program]:
    """Run a program until the block ends. Raise Temporary when it cannot be started."""
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            limit=LINE_MAX,
        )
    except OSError as error:
        msg = f"{argv[0]} cannot be started: {error.strerror}"
        raise Temporary(msg) from None
    program = Program(process)
    draining = asyncio.create_task(program.drain())
    try:
        yield program
    finally:
        try:
            await asyncio.shield(program.end())
        finally:
            draining.cancel()
            await asyncio.wait((draining,))
