"""Starts of a daemon: how long each takes from exec until it is ready, and how much memory."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession

from benchmarks import processes
from benchmarks.cloud import Cloud
from benchmarks.configuration import Configuration, Wishes
from benchmarks.history import Names
from benchmarks.samples import of_process

Json = dict[str, Any]
READY_S, LOOK_S, SETTLED_S, STILL_S = 120.0, 0.01, 120.0, 3.0
ROOM: Mapping[str, int] = {"size_max_mib": 16_384}
"""So that a hundred thousand incidents are kept in SQLite: 512 MiB, as shipped, hold fewer."""
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the daemon."""

    ready_s: float
    cpu_s: float
    """Of processors, until then."""
    rss_kib: int
    """When it was ready."""
    incidents: int
    """That it says are open."""
    settled_s: float = 0.0
    """Until its memory grew no more: what is over has been read, or looked through."""
    settled_rss_kib: int = 0
    sound_s: float = 0.0
    """Until it knew that all that is stored is sound: before that it begins no effect."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A lab, and where the daemons that are measured have their files."""

    folder: Path
    cloud: Cloud

    def configured(self, name: str, state: Json | None = None) -> Configuration:
        """Return the configuration of one daemon."""
        folder = self.folder / name
        folder.mkdir()
        wishes = Wishes(one_consumer=True, plain=True, state=state, kept=ROOM)
        return Configuration(folder, self.cloud.about, "http://127.0.0.1:9", wishes)

    async def forced_down(self, names: Sequence[Names]) -> None:
        """Have Nova show the hosts of open incidents as they would be."""
        limit = asyncio.Semaphore(AT_ONCE)

        async def one(named: Names) -> None:
            reason = f"doctor-daemon:{named.id}: the host has been fenced"
            how = {"forced_down": True, "status": "disabled", "disabled_reason": reason}
            async with limit:
                await self.cloud.fail(named.host)
                await self.cloud.nova("PUT", f"os-services/{named.service}", how)

        await asyncio.gather(*(one(named) for named in names))

    async def starts(self, configuration: Configuration, count: int) -> list[Start]:
        """Start a daemon so often; the last time it is watched until it has settled."""
        return [
            await self._start(configuration, settle=number == count - 1) for number in range(count)
        ]

    async def _start(self, configuration: Configuration, *, settle: bool) -> Start:
        folder, url = configuration.path.parent, configuration.metrics_url
        began_s = time.monotonic()
        argv = processes.daemon(configuration.path)
        beside = {
            **processes.unit_environment(),
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self.folder / "compiled"),
        }
        async with processes.process("daemon", argv, folder, beside) as daemon:
            await _ready(self.cloud.session, url, daemon, folder)
            ready_s, cpu_s = time.monotonic() - began_s, _cpu_s(daemon.pid)
            rss_kib = of_process(daemon.pid)[0]["VmRSS"]
            incidents = int(await self._metric(url, "doctor_incidents"))
            found = Start(ready_s, cpu_s, rss_kib, incidents)
            if not settle:
                return found
            await self._sound(url)
            found = replace(found, sound_s=time.monotonic() - began_s)
            return await _settled(found, daemon.pid, began_s)

    async def _sound(self, url: str) -> None:
        """Wait until it knows that all that is stored is sound."""
        async with asyncio.timeout(SETTLED_S):
            while True:
                if await self._metric(url, "doctor_store_sound"):
                    return
                await asyncio.sleep(LOOK_S)

    async def _metric(self, url: str, name: str) -> float:
        """Return a metric, added up."""
        async with self.cloud.session.get(f"{url}/metrics", raise_for_status=True) as answer:
            lines = (await answer.text()).splitlines()
        some = (line for line in lines if line.startswith((f"{name}{{", f"{name} ")))
        return sum(float(line.rpartition(" ")[2]) for line in some)


def _cpu_s(pid: int) -> float:
    """Return how long processors have worked for a process, as /proc says it."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


async def _ready(session: ClientSession, url: str, daemon: processes.Process, folder: Path) -> None:
    """Ask without a pause until it is ready. Raise RuntimeError with its last words."""
    limit_s = time.monotonic() + READY_S
    while daemon.returncode is None and time.monotonic() < limit_s:
        try:
            async with session.get(f"{url}/readyz") as answer:
                if answer.ok:
                    return
        except (ClientError, OSError):
            pass
        await asyncio.sleep(LOOK_S)
    told = (folder / "daemon.log").read_text()[-4000:]
    raise RuntimeError(f"the daemon is not ready: {told}")


async def _settled(start: Start, pid: int, began_s: float) -> Start:
    """Wait until its memory grows no more, and say when that was."""
    most, at_s = start.rss_kib, time.monotonic()
    limit_s = at_s + SETTLED_S
    while time.monotonic() < min(at_s + STILL_S, limit_s):
        await asyncio.sleep(LOOK_S)
        now = of_process(pid)[0]["VmRSS"]
        if now > most * 1.01:
            most, at_s = now, time.monotonic()
    return replace(start, settled_s=at_s - began_s, settled_rss_kib=most)
