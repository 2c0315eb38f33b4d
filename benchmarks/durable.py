"""Where a storm's state lies, and how often it was made durable there.

SQLite has the kernel do it in the daemon's own process: a library that is preloaded counts. etcd
counts for itself.
"""

from __future__ import annotations

import asyncio
import os
import re
import struct
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientError, ClientSession

from benchmarks.plan import Json
from benchmarks.processes import free_port

COMPILE_S, START_S, STOP_S, LOOK_S = 60, 30.0, 10.0, 0.1
SYNCS = re.compile(r"^etcd_disk_wal_fsync_duration_seconds_count ([0-9.e+]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Durable:
    """One kind of store. `state` is the daemon's configuration of it; None: SQLite, as shipped."""

    name: str
    state: Json | None
    beside: Mapping[str, str]
    """What is put into the daemon's environment."""
    syncs: Callable[[], Awaitable[int]]
    """How often data was made durable so far."""


@asynccontextmanager
async def sqlite() -> AsyncIterator[Durable]:
    """Have the daemon's own calls counted."""
    with tempfile.TemporaryDirectory(prefix="doctor-bench-") as made:
        count, library = Path(made, "count"), Path(made, "synced.so")
        await asyncio.to_thread(_prepared, count, library)

        async def syncs() -> int:
            return await asyncio.to_thread(_counted, count)

        beside = {"LD_PRELOAD": str(library), "SYNCED": str(count)}
        yield Durable("sqlite", None, beside, syncs)


def _prepared(count: Path, library: Path) -> None:
    count.write_bytes(bytes(8))
    source = Path(__file__).with_name("synced.c")
    argv = ("gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(library), str(source))
    subprocess.run(argv, check=True, timeout=COMPILE_S)  # noqa: S603 - our own words


def _counted(count: Path) -> int:
    (found,) = struct.unpack("=Q", count.read_bytes())
    return int(found)


@asynccontextmanager
async def etcd() -> AsyncIterator[Durable]:
    """Run one etcd on loopback, with its data where SQLite's would be."""
    with tempfile.TemporaryDirectory(prefix="doctor-bench-") as made:
        url, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        argv = (
            *("etcd", "--data-dir", str(Path(made, "data")), "--name", "one"),
            *("--listen-client-urls", url, "--advertise-client-urls", url),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", f"one={peer}"),
        )
        nowhere, path = asyncio.subprocess.DEVNULL, {"PATH": os.environ["PATH"], "HOME": made}
        member = await asyncio.create_subprocess_exec(
            *argv, stdin=nowhere, stdout=nowhere, stderr=nowhere, env=path
        )
        try:
            async with ClientSession() as session:

                async def syncs() -> int:
                    async with session.get(f"{url}/metrics", raise_for_status=True) as answer:
                        found = SYNCS.search(await answer.text())
                    if found is None:
                        raise RuntimeError("etcd does not tell how often it synchronised")
                    return int(float(found[1]))

                await _ready(session, url)
                yield Durable("etcd", {"type": "etcd", "endpoints": [url]}, {}, syncs)
        finally:
            await _ended(member)


async def _ready(session: ClientSession, url: str) -> None:
    """Wait until a majority answers: of one, itself."""
    async with asyncio.timeout(START_S):
        while True:
            try:
                async with session.post(f"{url}/v3/kv/range", json={"key": "YQ=="}) as answer:
                    if answer.ok:
                        return
            except (ClientError, OSError):
                pass
            await asyncio.sleep(LOOK_S)


async def _ended(member: asyncio.subprocess.Process) -> None:
    if member.returncode is None:
        member.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await member.wait()
    except TimeoutError:
        member.kill()
        await member.wait()
