"""The daemon as a process of its own, started, waited for and stopped."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from tests.slice.site import Site

START_S = 30.0
RUN = ("doctor_daemon.cli.main", "run", "--config")
Process = asyncio.subprocess.Process


@asynccontextmanager
async def daemon(place: Site, argv: Sequence[str] = RUN) -> AsyncIterator[Process]:
    """Run the daemon until the block ends; then stop it with SIGTERM, and see that it ends well."""
    async with started(place, argv) as process:
        await ready(place, process)
        yield process
        await stop(process)


@asynccontextmanager
async def started(
    place: Site, argv: Sequence[str] = RUN, env: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """Start a daemon's process; its log goes to a file beside its configuration.

    What still runs at the end is killed.
    """
    with place.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *argv,
            str(place.config),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=env,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ready(place: Site, process: Process) -> None:
    """Wait until the daemon says that it is ready."""
    for _ in range(int(START_S / 0.05)):
        if process.returncode is not None:
            break
        try:
            if (await place.get("/readyz"))[0] == 200:
                return
        except OSError:
            pass
        await asyncio.sleep(0.05)
    msg = f"the daemon is not ready: {place.log.read_text()[-4000:]}"
    raise AssertionError(msg)


async def stop(process: Process) -> None:
    """Stop the daemon as systemd does, if it runs, and see that it ends well."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(START_S):
        assert await process.wait() == 0


async def kill(process: Process) -> None:
    """End the daemon at once, as when its machine loses power."""
    process.kill()
    assert await process.wait() == -signal.SIGKILL
