"""Everything that runs in one run: cloud, name server, agents, monitoring and the daemon.

The cloud, the monitoring and the name server are in this process, in the namespace in the middle;
the daemon has a namespace of its own, and so has each host.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout

from doctor_daemon.cli.client import ask
from doctor_daemon.cli.demo.alerts import alert
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.listeners import Spot
from doctor_daemon.lab.redfish import RedfishOptions
from doctor_daemon.lab.world import Failure, Timing
from tests.clock import step
from tests.clock import stepped as clock_of
from tests.false_positives.configuration import BEATS, EVIDENCE, METRICS, Json, written
from tests.false_positives.names import Names
from tests.false_positives.plan import HOSTS, Without
from tests.heartbeat.beats import OF_ALL, private
from tests.slice.monitor import BEARER
from tools.netns import BMCS, CLOUD, DAEMON, Fleet, within

ZONE = {"cloud.lab.test": CLOUD, "bmc.lab.test": BMCS}
START_S, STOP_S, LOOK_S = 90.0, 30.0, 0.1
ALERT_S, REPEAT_S = 2.0, 2.0
CLOCK = "wall-clock"
BOUND = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
"""Gives a process a resolv.conf of its own: `ip netns exec` has given it mounts of its own."""
Process = asyncio.subprocess.Process


@dataclass
class Estate:
    """What runs, and what is true of the hosts that the cloud does not know of."""

    net: Fleet
    lab: Lab
    folder: Path
    names: Names
    daemon: Process
    agents: Mapping[int, Process]
    dead: dict[int, float] = field(default_factory=dict)
    """Host -> when it died (CLOCK_MONOTONIC)."""
    unseen: set[int] = field(default_factory=set)
    """Living hosts that the monitoring cannot reach."""
    alerting: bool = True
    deaf: set[int] = field(default_factory=set)
    """Living hosts whose reports do not reach Nova."""

    def die(self, number: int) -> None:
        """Let a host die as a machine does whose kernel hangs: its BMC goes on saying On."""
        self.agents[number].kill()
        self.net.port(number, "down")
        self.lab.world.fail(f"compute-{number}", Failure.HOST)
        self.dead[number] = time.monotonic()

    def deafen(self, *numbers: int) -> None:
        """Have Nova hear nothing of these hosts."""
        for number in numbers:
            service = self.lab.world.hosts[f"compute-{number}"].service
            self.lab.world.beat(service)
            service.beats_from_s = None
            self.deaf.add(number)

    def undeafen(self) -> None:
        """Have Nova hear all hosts that live."""
        for number in self.deaf - self.dead.keys():
            host = self.lab.world.hosts[f"compute-{number}"]
            if host.power:
                host.service.beats_from_s = self.lab.world.clock.now()
        self.deaf.clear()

    def step(self, seconds: int) -> None:
        """Step the daemon's wall clock to so many seconds from the machine's."""
        step(self.folder / CLOCK, seconds)

    async def told(self, resource: str) -> Json:
        """Ask the daemon as an operator does."""
        socket = self.folder / "operators.sock"
        found: Json = await asyncio.to_thread(ask, socket, "GET", resource)
        return found

    async def settled(self) -> None:
        """Wait until the daemon is ready and hears every host; then arm it."""
        until_s = time.monotonic() + START_S
        heard = f'doctor_heartbeat_hosts{{source="beats",state="heard"}} {len(HOSTS)}.0'
        async with ClientSession(timeout=ClientTimeout(total=5)) as session:
            for path, text in (("readyz", ""), ("metrics", heard)):
                while text not in await _asked(session, path):
                    if time.monotonic() > until_s or self.daemon.returncode is not None:
                        log = (self.folder / "daemon.log").read_text()
                        raise RuntimeError(f"the daemon is not ready: {log[-4000:]}")
                    await asyncio.sleep(LOOK_S)
        await self.say("/v1/arm", {"why": "a test"})
        await self.probed()

    async def probed(self) -> None:
        """Have every power device probed, as it is within a quarter of an hour of the start."""
        await self.say("/v1/probes", {})
        until_s = time.monotonic() + START_S
        while len(await self.fenceable()) < len(HOSTS):
            if time.monotonic() > until_s:
                raise RuntimeError("the power devices are not ready")
            await asyncio.sleep(LOOK_S)

    async def fenceable(self) -> list[str]:
        """Name the hosts whose power devices have all answered well."""
        found = await self.told("/v1/probes")
        return [str(host["host"]) for host in found["hosts"] if host["good_age_s"] is not None]

    async def say(self, resource: str, body: Json) -> None:
        """Give an operator's order."""
        socket = self.folder / "operators.sock"
        await asyncio.to_thread(ask, socket, "POST", resource, body)

    async def watch(self) -> None:
        """Be the monitoring: alert of hosts that do not answer, until cancelled."""
        url = f"http://{DAEMON}:{EVIDENCE}/v1/alertmanager"
        since: dict[int, tuple[float, float]] = {}
        headers = {"Authorization": f"Bearer {BEARER}"}
        async with (
            ClientSession(timeout=ClientTimeout(total=REPEAT_S), headers=headers) as session,
            asyncio.TaskGroup() as posts,
        ):
            while True:
                gone = self.unseen | self.dead.keys()
                for number in HOSTS:
                    bodies = _alerts(number, since, gone=number in gone)
                    for body in bodies if self.alerting else ():
                        posts.create_task(_posted(session, url, body))
                await asyncio.sleep(REPEAT_S)


def _alerts(number: int, since: dict[int, tuple[float, float]], *, gone: bool) -> list[Json]:
    """Return what is to be posted of one host now."""
    host, now_s = f"compute-{number}", time.monotonic()
    if gone:
        began_s, wall_s = since.setdefault(number, (now_s, time.time()))
        return [alert(host, wall_s)] if now_s - began_s >= ALERT_S else []
    if number not in since:
        return []
    _, wall_s = since.pop(number)
    return [alert(host, wall_s, over=True)]


async def _posted(session: ClientSession, url: str, body: Json) -> None:
    """Post an alert; what is not taken comes again with the next."""
    with suppress(OSError, ClientError, TimeoutError):
        async with session.post(url, json=body) as answer:
            await answer.read()


async def _asked(session: ClientSession, path: str) -> str:
    """Return what the daemon answers to a scrape; nothing it could have said where it does not."""
    with suppress(OSError, ClientError, TimeoutError):
        async with session.get(f"http://{DAEMON}:{METRICS}/{path}") as answer:
            if answer.ok:
                return " " + await answer.text()
    return ""


@asynccontextmanager
async def estate(
    net: Fleet, folder: Path, without: AbstractSet[Without], *, stepped: bool
) -> AsyncIterator[Estate]:
    """Run everything, armed, until the block ends. `stepped`: its wall clock can be stepped."""
    options = LabOptions(
        hosts=len(HOSTS),
        servers_per_host=1,
        zones=1,
        timing=Timing(report_interval_s=2.0, service_down_s=12.0),
        redfish=RedfishOptions(power_s=0.2),
        folder=folder,
        cloud=Spot(CLOUD, "cloud.lab.test"),
        bmcs=Spot(BMCS, "bmc.lab.test"),
    )
    async with AsyncExitStack() as stack:
        loop = asyncio.get_running_loop()
        transport, names = await loop.create_datagram_endpoint(
            lambda: Names(ZONE), local_addr=(CLOUD, 53)
        )
        stack.callback(transport.close)
        lab = await stack.enter_async_context(Lab(options))
        log = stack.enter_context((folder / "daemon.log").open("ab"))
        agents = {}
        for number in HOSTS:
            argv = _agent(net, folder, number)
            agents[number] = await stack.enter_async_context(_running(argv, log.fileno()))
        config = written(folder, lab, net, without)
        argv = _daemon(net, folder, config, stepped=stepped)
        daemon = await stack.enter_async_context(_running(argv, log.fileno()))
        made = Estate(net, lab, folder, names, daemon, agents)
        watching = asyncio.create_task(made.watch())
        stack.push_async_callback(_cancelled, watching)
        await made.settled()
        yield made
        await _stopped(daemon)


def _agent(net: Fleet, folder: Path, number: int) -> tuple[str, ...]:
    """Write an agent's files; return its command line."""
    host = f"compute-{number}"
    private(folder / f"{host}.key", OF_ALL.of(host.encode()).line())
    config = folder / f"{host}.toml"
    config.write_text(
        f'host = "{host}"\nlisteners = ["{DAEMON}:{BEATS}"]\n'
        f'interval_s = 0.2\nkey_file = "{host}.key"\n'
    )
    argv = ("-m", "doctor_daemon.cli.entry", "heartbeat", "--config", str(config))
    return within(net.host(number), sys.executable, *argv)


def _daemon(net: Fleet, folder: Path, config: Path, *, stepped: bool) -> tuple[str, ...]:
    """Return the daemon's command line: with its own resolv.conf and, if wanted, wall clock."""
    (folder / "resolv.conf").write_text(f"nameserver {CLOUD}\n")
    bound = ("/bin/sh", "-c", BOUND, str(folder / "resolv.conf"))
    argv = ("run", "--config", str(config))
    clock = clock_of(folder / CLOCK) if stepped else {}
    env = ("/usr/bin/env", *(f"{name}={value}" for name, value in clock.items()))
    python = (sys.executable, "-m", "doctor_daemon.cli.main")
    return within(net.daemon, *bound, *env, *python, *argv)


@asynccontextmanager
async def _running(argv: tuple[str, ...], log: int) -> AsyncIterator[Process]:
    """Run a process until the block ends; what still runs then is killed."""
    made = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
    )
    try:
        yield made
    finally:
        if made.returncode is None:
            made.kill()
            await made.wait()


async def _stopped(daemon: Process) -> None:
    """End the daemon as systemd does."""
    if daemon.returncode is None:
        daemon.send_signal(signal.SIGTERM)
    async with asyncio.timeout(STOP_S):
        status = await daemon.wait()
    if status:
        raise RuntimeError(f"the daemon ended with {status}")


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait((task,))
