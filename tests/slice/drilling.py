"""What the tests of the drill share: a site whose first host may be drilled, and the command."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from doctor_daemon.lab.cloud import LabOptions
from doctor_daemon.lab.rows import Server
from doctor_daemon.lab.servers import FLAVOR, IMAGE_ID
from doctor_daemon.lab.world import Timing
from tests.slice.process import daemon
from tests.slice.site import LAB, LIMIT_S, LOOK_S, Json, Site, site
from tests.slice.site import QUICK as TIMES

HOST, OTHER = "compute-1", "compute-2"
QUICK = replace(LAB, timing=Timing(report_interval_s=1.0, evacuate_s=0.3, compute_start_s=0.3))
RELEASE = {"watch_s": 10, "release_every_s": 1}
TIMING = {**TIMES, "off_timeout_s": 20}
"""Many drills at once are read slowly: none of them is to end at its second level for that."""
ENDS_S = 150.0


def drill(**more: object) -> Json:
    """Return the section of the configuration."""
    return {"hosts": HOST, "image": IMAGE_ID, "flavor": FLAVOR, "boot_timeout_s": 20, **more}


@dataclass(frozen=True, slots=True)
class Told:
    """How a drill ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Json:
        """The last line."""
        found: Json = json.loads(self.out.splitlines()[-1])
        return found


@asynccontextmanager
async def drilled(
    folder: Path,
    lab: LabOptions = QUICK,
    section: Mapping[str, Any] | None = None,
    *,
    armed: bool = True,
    **wanted: Any,  # noqa: ANN401 - options of Site
) -> AsyncIterator[Site]:
    """Run a site and a daemon, with the first host empty."""
    changes = {
        "drill": drill() if section is None else section,
        "release": RELEASE,
        "timing": TIMING,
    }
    changes |= wanted.pop("changes", {})
    mode = wanted.pop("mode", "evacuate")
    async with site(folder, lab, mode=mode, changes=changes, **wanted) as place:
        for server in [one for one in place.lab.world.servers.values() if one.host == HOST]:
            place.lab.world.delete(server.id)
        async with daemon(place):
            if armed:
                await place.arm()
            yield place


@asynccontextmanager
async def typing(place: Site, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Begin the command, and see to it that it ends."""
    argv = ("-m", "doctor_daemon.cli.main", "drill", "--config", str(place.config), *words)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(process: asyncio.subprocess.Process, stdin: str = "") -> Told:
    """Wait for its end."""
    async with asyncio.timeout(ENDS_S):
        out, err = await process.communicate(stdin.encode())
    return Told(process.returncode or 0, out.decode(), err.decode())


async def typed(place: Site, *words: str, host: str = HOST, stdin: str = "") -> Told:
    """Type the command, and wait for its end."""
    async with typing(place, "--canary", host, "--json", *words) as process:
        return await ended(process, stdin)


def birds(place: Site) -> list[Server]:
    """Return the canaries that are there."""
    return [
        one
        for one in place.lab.world.servers.values()
        if one.name.startswith("doctor-daemon-drill-") and one.deleted_at_s is None
    ]


async def bird(place: Site, vm_state: str) -> Server:
    """Wait for the canary to be in a state."""
    for _ in range(int(LIMIT_S / LOOK_S)):
        for one in birds(place):
            if one.vm_state == vm_state:
                return one
        await asyncio.sleep(LOOK_S)
    raise AssertionError([one.vm_state for one in birds(place)])


def interrupted(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send the command a signal."""
    process.send_signal(number)
