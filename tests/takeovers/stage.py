"""What kills are played on: a lab, one etcd, one daemon that leads, and others that stand by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.world import Timing
from tests.slice.pair import One
from tests.slice.process import started
from tests.slice.site import LAB, LIMIT_S, Site
from tests.stores.etcd_cluster import Cluster, running
from tests.takeovers.callers import OverheardLab

DIE, REST = 8, 2
"""So many hosts die, one after the other, and so many are there for their servers in the end."""
SERVERS = 3
MOVE_S = 3.0
DAEMONS = 3
LOOK_S = 0.01
CLOUD = replace(LAB, hosts=DIE + REST, servers_per_host=SERVERS, timing=Timing(evacuate_s=MOVE_S))


@dataclass
class Stage:
    """The lab and the daemons before it; the processes change from kill to kill."""

    lab: OverheardLab
    ones: list[One]
    leader: One
    exits: AsyncExitStack

    async def kill(self) -> None:
        """Kill the leader, and wait until it is gone with all its connections."""
        self.lab.witness.pids.discard(self.leader.process.pid)
        self.leader.process.kill()
        await self.leader.process.wait()

    async def begin(self, one: One) -> None:
        """Begin a daemon that was killed anew, as one that stands by."""
        one.process = await self.exits.enter_async_context(started(one.place))
        self.lab.witness.pids.add(one.process.pid)
        await one.stands("standing by")

    def follow(self, pid: int) -> One:
        """Call that one the leader from here on; return the one that was."""
        was = self.leader
        (self.leader,) = (one for one in self.ones if one.process.pid == pid)
        return was

    async def settled(self) -> None:
        """Wait until one leads and all others could take over."""
        await self.leader.stands("leading", ready=len(self.ones) - 1)

    async def until(self, seen: Callable[[], object], what: str) -> None:
        """Wait for something that is to be seen in the lab. Raises TimeoutError."""
        try:
            async with asyncio.timeout(LIMIT_S):
                while not seen():  # noqa: ASYNC110 - no event of the lab tells it
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise TimeoutError(f"{what} did not come in {LIMIT_S:g} s") from None


@asynccontextmanager
async def stage(folder: Path, lease_s: int, daemons: int = DAEMONS) -> AsyncIterator[Stage]:
    """Set everything up, armed; whatever runs at the end is killed."""
    async with AsyncExitStack() as exits:
        etcd = exits.enter_context(running(folder / "etcd"))
        lab = await exits.enter_async_context(OverheardLab(replace(CLOUD, folder=folder)))
        ones: list[One] = []
        for number in range(daemons):
            place = _place(lab, folder, etcd, f"ctl-{number + 1}", lease_s)
            ones.append(One(place, await exits.enter_async_context(started(place))))
            await ones[-1].stands("standing by" if number else "leading")
        lab.witness.pids.update(one.process.pid for one in ones)
        made = Stage(lab, ones, ones[0], exits)
        await made.settled()
        await made.leader.place.arm()
        yield made


def _place(lab: Lab, folder: Path, etcd: Cluster, name: str, lease_s: int) -> Site:
    """Return one daemon's own folder and ports."""
    (folder / name).mkdir()
    options = {"type": "etcd", "endpoints": list(etcd.urls), "lease_s": lease_s, "name": name}
    made = Site(lab, folder / name, mode="evacuate", changes={"state": options})
    made.log.touch()
    return made
