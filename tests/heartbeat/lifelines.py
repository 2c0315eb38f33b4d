"""A daemon's end of the lifelines for tests, and agents with a stand-in for the hardware."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from doctor_daemon.engine.lifelines import Lifelines
from doctor_daemon.engine.withheld import write
from doctor_daemon.metrics import Metrics
from doctor_daemon.ports import Clock
from tests.fakes.clock import BootClock
from tests.heartbeat.beats import OF_ALL, private
from tests.heartbeat.hardware import Hardware

HOST = "cmp-1"
UUID = "abcdef00-0000-4000-8000-000000000001"
LEASE_S, TIMEOUT_S = 4.0, 3
LIMIT_S = 60.0


class Incidents(dict[str, str]):
    """The open incidents, by host."""

    def of(self, host: str) -> str:
        return self.get(host, "")


def lifelines(
    folder: Path,
    incidents: Incidents | None = None,
    clock: Clock | None = None,
    put: Callable[[Path, str], None] = write,
    metrics: Metrics | None = None,
) -> Lifelines:
    file, now = folder / "watchdogs.json", clock or BootClock()
    found = Lifelines(("127.0.0.1", 0), (OF_ALL,), file, now, metrics or Metrics(), put=put)
    found.incident = (incidents if incidents is not None else Incidents()).of
    return found


@asynccontextmanager
async def listening(made: Lifelines, port: int = 0) -> AsyncIterator[int]:
    """Have them listen until the block ends; yield the port."""
    made._listen = ("127.0.0.1", port)  # noqa: SLF001 - a restarted daemon has the port of before
    if made.incident is not None:
        await made.restore(made.incident)
    task = asyncio.create_task(made.run())
    try:
        await until(lambda: made.port)
        yield made.port
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def until(come: Callable[[], object]) -> None:
    """Wait for something to come true."""
    async with asyncio.timeout(LIMIT_S):
        while not come():  # noqa: ASYNC110 - it is another process's doing
            await asyncio.sleep(0.02)


def config(folder: Path, port: int) -> Path:
    """Write an agent's configuration; return its path."""
    private(folder / "agent.key", OF_ALL.of(HOST.encode()).line())
    file = folder / "agent.toml"
    file.write_text(
        f'host = "{HOST}"\nlisteners = ["127.0.0.1:9"]\nkey_file = "agent.key"\n'
        f'[watchdog]\ndaemon = "127.0.0.1:{port}"\nuuid = "{UUID}"\n'
    )
    return file


@contextmanager
def agent(
    folder: Path, port: int, hardware: Hardware, *, disarms: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Run an agent until the block ends; it is the host that the hardware resets."""
    words = (str(config(folder, port)), str(folder / "dog"), str(LEASE_S), str(TIMEOUT_S))
    argv = (sys.executable, "-m", "tests.heartbeat.standin", *words, str(int(disarms)))
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as made:
        hardware.host = made.pid
        try:
            yield made
        finally:
            hardware.host = None
            if made.poll() is None:
                made.kill()
