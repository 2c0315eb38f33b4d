"""Three controllers in their namespaces: a daemon and a member of etcd each, before a cloud."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout

from doctor_daemon.cli.client import Unanswered, ask
from doctor_daemon.cli.demo.alerts import alert
from doctor_daemon.core.audit import Link
from tests import clock
from tests.chaos.audit import exported
from tests.chaos.configuration import CLIENTS, EVIDENCE, PEERS, Json, name_of, written
from tests.chaos.disk import disk, empty, fill
from tests.chaos.net import Net
from tests.chaos.plan import CONTROLLERS
from tests.chaos.program import Program, kept
from tests.chaos.world import World
from tests.slice.monitor import BEARER
from tools.netns import within

START_S, LOOK_S = 120.0, 0.2
POST_S, REPEAT_S = 5.0, 1.0
CLOCK, DISK = "wall-clock", "disk"


class LateError(Exception):
    """What should have come did not, within its bound; the text says how it stood."""


@dataclass
class Estate:
    """What runs, and the cloud that it is for."""

    net: Net
    world: World
    folder: Path
    members: list[Program]
    daemons: list[Program]
    accepted: set[str] = field(default_factory=set)
    """Hosts of whose death a daemon has said that it took the alert."""
    noted: Link | None = None
    """The last line of the audit, as it was when it was last followed."""

    def step(self, number: int, seconds: int) -> None:
        """Have one daemon's wall clock be off by so many seconds."""
        clock.step(self.place(number) / CLOCK, seconds)

    def fill(self, number: int) -> None:
        """Leave no room on the disk of one member of etcd."""
        fill(self.place(number) / DISK)

    def empty(self, number: int) -> None:
        """Make room again."""
        empty(self.place(number) / DISK)

    async def accuse(self, host: str, began_s: float) -> None:
        """Alert every daemon as Alertmanager does: again until one has taken it.

        `began_s`: since when the alert fires (Unix time). It is the same in each repetition.
        """
        body = alert(host, began_s)
        headers = {"Authorization": f"Bearer {BEARER}"}
        limit = ClientTimeout(total=POST_S)
        async with ClientSession(timeout=limit, headers=headers) as session:
            while True:
                posts = (self._posted(session, number, body) for number in range(CONTROLLERS))
                if any(await asyncio.gather(*posts)):
                    self.accepted.add(host)
                    return
                await asyncio.sleep(REPEAT_S)

    async def _posted(self, session: ClientSession, number: int, body: Json) -> bool:
        url = f"http://{self.net.address(number)}:{EVIDENCE}/v1/alertmanager"
        with suppress(OSError, ClientError, TimeoutError):
            async with session.post(url, json=body) as answer:
                return answer.ok
        return False

    # the operators

    async def ask(self, number: int, method: str, resource: str, body: Json | None = None) -> Json:
        """Ask one daemon as an operator does. Raise Unanswered."""
        socket = self.place(number) / "operators.sock"
        found: Json = await asyncio.to_thread(ask, socket, method, resource, body)
        return found

    def place(self, number: int) -> Path:
        return self.folder / name_of(number)

    async def audit(self, number: int) -> list[Json]:
        """Follow the audit as one daemon has it, on from what was noted; return its records.

        Raise Unanswered, or ValueError where it is broken.
        """
        file, socket = self.folder / "audit.jsonl", self.place(number) / "operators.sock"
        records, self.noted = await asyncio.to_thread(exported, socket, file, self.noted)
        return records

    async def incident(self, number: int, host: str) -> Json | None:
        """Return what one daemon has to say of a host's last incident."""
        found = (await self.ask(number, "GET", f"/v1/hosts/{host}"))["incident"]
        assert found is None or isinstance(found, dict)
        return found

    async def leader(self, within_s: float) -> int:
        """Wait until one leads and both others could take over; return its number.

        Raise LateError when it does not come to that.
        """
        until_s = time.monotonic() + within_s
        stand = ""
        while time.monotonic() < until_s:
            found = [await self._standing(number) for number in range(CONTROLLERS)]
            leads = [k for k, one in enumerate(found) if one.get("role") == "leading"]
            if len(leads) == 1 and len(found[leads[0]]["ready"]) == CONTROLLERS - 1:
                return leads[0]
            if wrong := self.ended_daemons():
                raise LateError("; ".join(wrong))
            stand = "; ".join(str(one) for one in found)
            await asyncio.sleep(LOOK_S)
        raise LateError(f"no daemon leads with both others ready, after {within_s:g} s: {stand}")

    async def _standing(self, number: int) -> Json:
        try:
            found = (await self.ask(number, "GET", "/v1/status"))["leadership"]
        except Unanswered as error:
            return {"role": f"unanswered: {error}"}
        assert isinstance(found, dict)
        return found

    async def arm(self, within_s: float) -> int:
        """Wait for a leader and arm it; return its number. Raise LateError, Unanswered."""
        leads = await self.leader(within_s)
        await self.ask(leads, "POST", "/v1/arm", {"why": "a test"})
        return leads

    # the end of all faults

    def heal(self) -> None:
        """Undo every fault: begin what was killed, let go what stands still, join the network.

        Those of the cloud are over when they have lasted.
        """
        for number in range(CONTROLLERS):
            self.net.join(number)
            self.step(number, 0)
            self.empty(number)
        for one in (*self.members, *self.daemons):
            one.go_on()
            one.start()

    def ended_daemons(self) -> list[str]:
        """Say which daemons ended by themselves in a way that nothing explains."""
        every = ((k, status) for k, one in enumerate(self.daemons) for status in one.ends)
        return [f"{name_of(k)} ended with {status}" for k, status in every if status not in ENDS]

    def ended_members(self) -> list[str]:
        """Say which members of etcd have ended by themselves since this was asked last."""
        found = []
        for number, one in enumerate(self.members):
            found += [f"etcd of {name_of(number)} ended with {status}" for status in one.ends]
            one.ends.clear()
        return found


ENDS = (1, 75)
"""The statuses of a daemon that leads no more, or that has handed over."""


@asynccontextmanager
async def running(net: Net, folder: Path, world: World) -> AsyncIterator[Estate]:
    """Run three controllers before a cloud, armed, until the block ends."""
    async with AsyncExitStack() as stack:
        members, daemons = _members(net, folder), _daemons(net, folder, world)
        for number in range(CONTROLLERS):
            stack.enter_context(disk(folder / name_of(number) / DISK))
        for one in (*members, *daemons):
            stack.enter_context(kept(one))
        for one in members:
            one.start()
        await _healthy(net)
        for one in daemons:
            one.start()
        made = Estate(net, world, folder, members, daemons)
        await made.arm(START_S)
        yield made
        await asyncio.gather(*(one.stop() for one in daemons))


def _members(net: Net, folder: Path) -> list[Program]:
    peers = [f"http://{net.address(number)}:{PEERS}" for number in range(CONTROLLERS)]
    cluster = ",".join(f"{name_of(number)}={url}" for number, url in enumerate(peers))
    return [_member(net, folder, number, cluster) for number in range(CONTROLLERS)]


def _member(net: Net, folder: Path, number: int, cluster: str) -> Program:
    place, own = folder / name_of(number), net.address(number)
    (place / DISK).mkdir(parents=True)
    client, peer = f"http://{own}:{CLIENTS}", f"http://{own}:{PEERS}"
    argv = (
        *("etcd", "--name", name_of(number), "--data-dir", str(place / DISK / "etcd")),
        *("--listen-client-urls", client, "--advertise-client-urls", client),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
        *("--initial-cluster", cluster, "--initial-cluster-state", "new"),
        *("--logger", "zap"),
    )
    return Program(within(net.controller(number), *argv), place / "etcd.log")


def _daemons(net: Net, folder: Path, world: World) -> list[Program]:
    found = []
    for number in range(CONTROLLERS):
        place = folder / name_of(number)
        config = str(written(place, world.options(place), net, number))
        env = (f"{name}={value}" for name, value in clock.stepped(place / CLOCK).items())
        python = ("/usr/bin/env", *env, sys.executable, "-m", "doctor_daemon.cli.main")
        argv = (*python, "run", "--config", config)
        found.append(Program(within(net.controller(number), *argv), place / "daemon.log"))
    return found


async def _healthy(net: Net) -> None:
    """Wait until every member of etcd has a leader. Raise LateError."""
    left: Sequence[int] = range(CONTROLLERS)
    until_s = time.monotonic() + START_S
    async with ClientSession(timeout=ClientTimeout(total=POST_S)) as session:
        while left:
            if time.monotonic() > until_s:
                raise LateError(f"etcd's members {list(left)} have no leader")
            left = [k for k in left if not await _has_leader(session, net.address(k))]
            await asyncio.sleep(LOOK_S)


async def _has_leader(session: ClientSession, address: str) -> bool:
    with suppress(OSError, ClientError, TimeoutError):
        async with session.get(f"http://{address}:{CLIENTS}/health") as answer:
            return answer.ok
    return False
