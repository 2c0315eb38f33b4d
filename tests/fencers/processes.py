"""Programs that are run within bounds, and the look at what is left of them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from doctor_daemon.ports.process_tree import Call
from doctor_daemon.ports.program import Ended, run

SOON_S = 20.0
"""Far beyond what any of these takes by itself."""


def shell(script: str, *, stdin: bytes = b"", memory_bytes: int = 0) -> Call:
    return Call(("/bin/sh", "-c", script), stdin=stdin, memory_bytes=memory_bytes)


def python(script: str, **options: int) -> Call:
    return Call(("/usr/bin/python3", "-c", script), **options)  # type: ignore[arg-type] # a bound


async def run_for(call: Call, seconds: float = SOON_S) -> Ended:
    return await run(call, asyncio.get_running_loop().time() + seconds)


def living(pids: list[int]) -> list[int]:
    """Which of the processes have not ended: a zombie has."""
    found = []
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
        except OSError:
            continue
        if stat.rpartition(")")[2].split()[0] != "Z":
            found.append(pid)
    return found


def shown(pid: int, name: str) -> bytes:
    """What /proc tells of a process."""
    return Path(f"/proc/{pid}/{name}").read_bytes()


def descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


async def all_gone(pids: list[int]) -> None:
    until = time.monotonic() + SOON_S
    while living(pids):
        assert time.monotonic() < until, f"{living(pids)} are still there"
        await asyncio.sleep(0.01)


def pids_in(file: Path) -> list[int]:
    text = file.read_text(encoding="ascii") if file.exists() else ""
    return [int(line) for line in text.split()]


async def written(file: Path, lines: int) -> list[int]:
    until = time.monotonic() + SOON_S
    while len(pids_in(file)) < lines:
        assert time.monotonic() < until
        await asyncio.sleep(0.01)
    return pids_in(file)
