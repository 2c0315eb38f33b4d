"""The processes of a run: the lab, the consumer and the daemon, each one of its own.

What each writes to standard error stays in the run's folder. All are ended by their own id.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientError, ClientSession

from benchmarks.plan import Delays, Json

START_S = 60.0
STOP_S = 30.0
LOOK_S = 0.05
LINE_MAX = 16 * 1024 * 1024
UNIT = Path(__file__).parent.parent / "systemd" / "doctor-daemon.service"
Process = asyncio.subprocess.Process


@asynccontextmanager
async def process(
    name: str, argv: Sequence[str], folder: Path, beside: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """Run `python -m ARGV` until the block ends, with what is put `beside` the environment."""
    with (folder / f"{name}.log").open("ab") as told:
        made = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=told,
            env={**os.environ, **(beside or {})},
            limit=LINE_MAX,
        )
    try:
        yield made
    finally:
        await _ended(made)


async def _ended(made: Process) -> None:
    if made.returncode is None:
        made.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await made.wait()
    except TimeoutError:
        made.kill()
        await made.wait()


async def first_line(made: Process) -> Json:
    """Return what a process says when it is ready."""
    if made.stdout is None:
        msg = "its standard output is not read"
        raise RuntimeError(msg)
    async with asyncio.timeout(START_S):
        found: Json = json.loads(await made.stdout.readline())
    return found


def lab(hosts: int, projects: int, delays: Delays) -> tuple[str, ...]:
    """Return the command line of a lab without servers, whose hosts boot in no time."""
    numbers = {
        "hosts": hosts,
        "projects": projects,
        "servers-per-host": 0,
        "zones": 1,
        "compute-start-s": 0,
        "rpc-timeout-s": 0,
        "keystone-delay-s": delays.keystone_s,
        "nova-delay-s": delays.nova_s,
        "bmc-delay-s": delays.bmc_s,
        "power-s": delays.power_s,
    }
    words = [word for name, value in numbers.items() for word in (f"--{name}", str(value))]
    return ("doctor_daemon.lab", *words)


def daemon(configuration: Path) -> tuple[str, ...]:
    """Return the command line of a daemon, as its unit has it."""
    return ("doctor_daemon.cli.entry", "run", "--config", str(configuration))


def unit_environment() -> dict[str, str]:
    """Return the variables that the unit sets."""
    lines = UNIT.read_text().splitlines()
    words = [line.partition("=")[2] for line in lines if line.startswith("Environment=")]
    return dict(word.split("=", 1) for word in words)


def free_port() -> int:
    """Return a free port below those that the kernel gives to whoever asks for any."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


async def ready(made: Process, session: ClientSession, metrics_url: str, folder: Path) -> None:
    """Wait until the daemon says that it is ready. Raise RuntimeError with its last words."""
    for _ in range(int(START_S / LOOK_S)):
        if made.returncode is not None:
            break
        try:
            async with session.get(f"{metrics_url}/readyz") as answer:
                if answer.ok:
                    return
        except (ClientError, OSError):
            pass
        await asyncio.sleep(LOOK_S)
    msg = f"the daemon is not ready: {(folder / 'daemon.log').read_text()[-4000:]}"
    raise RuntimeError(msg)
