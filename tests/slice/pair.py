"""Two daemons before one lab, with their state in one etcd."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from doctor_daemon.cli.client import Unanswered
from doctor_daemon.lab.cloud import Lab, LabOptions
from tests.slice.process import Process, started
from tests.slice.site import LAB, LIMIT_S, LOOK_S, Json, Site, site
from tests.stores.etcd_cluster import Cluster, running

LEASE_S = 5


@dataclass
class One:
    """One of the two: what is to be seen of it, and its process while it runs."""

    place: Site
    process: Process

    async def leadership(self) -> Json:
        """Return how it says that it stands."""
        found = (await self.place.ask("GET", "/v1/status"))["leadership"]
        assert isinstance(found, dict)
        return found

    async def stands(self, role: str, *, ready: int = 0) -> float:
        """Wait until it stands so, with so many others that could take over; return when it did."""
        last: Json | str = ""
        for _ in range(int(LIMIT_S / LOOK_S)):
            try:
                last = await self.leadership()
            except Unanswered as error:
                last = str(error)
            if isinstance(last, dict) and last["role"] == role and len(last["ready"]) >= ready:
                return time.monotonic()
            await asyncio.sleep(LOOK_S)
        raise AssertionError(f"it is not {role}: {last}; {self.place.log.read_text()[-4000:]}")

    async def ended(self) -> int:
        """Wait for its end; return its status."""
        async with asyncio.timeout(LIMIT_S):
            return await self.process.wait()


@dataclass
class Pair:
    """The first leads, the second stands by."""

    first: One
    second: One
    lab: Lab
    etcd: Cluster


def place_of(lab: Lab, folder: Path, etcd: Cluster, name: str, mode: str) -> Site:
    """Return one daemon's own folder and ports."""
    folder.mkdir()
    options = {
        "type": "etcd",
        "endpoints": list(etcd.urls),
        "lease_s": LEASE_S,
        "name": name,
    }
    made = Site(lab, folder, mode=mode, changes={"state": options})
    made.log.touch()
    return made


@asynccontextmanager
async def pair(folder: Path, options: LabOptions = LAB, mode: str = "fence") -> AsyncIterator[Pair]:
    """Run both until the block ends, and judge what has happened."""
    with running(folder / "etcd") as etcd:
        async with site(folder, options) as whole:
            places = [
                place_of(whole.lab, folder / name, etcd, name, mode) for name in ("ctl-1", "ctl-2")
            ]
            async with started(places[0]) as leads:
                first = One(places[0], leads)
                await first.stands("leading")
                async with started(places[1]) as follows:
                    second = One(places[1], follows)
                    await second.stands("standing by")
                    await first.stands("leading", ready=1)
                    yield Pair(first, second, whole.lab, etcd)
            for place in places:
                place.judge()
