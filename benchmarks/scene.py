"""One scene: a lab, a consumer and the daemon as running processes, and what is sent to it."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout, TCPConnector

from benchmarks import processes
from benchmarks.cloud import Cloud
from benchmarks.configuration import Configuration, Wishes
from benchmarks.hearing import Hearing
from benchmarks.plan import MAP_SERVERS, REFRESH_S_PER_SERVER, Delays, Json
from doctor_daemon.cli.client import ask

CLOSE_S = 60.0
LOOK_S = 0.3


@dataclass(frozen=True, slots=True)
class Layout:
    """How the servers of a scene lie."""

    hosts: Mapping[int, int]
    """Host's number -> its servers; the hosts that are not named are spare."""
    count: int
    projects: int


@dataclass
class Scene:
    """Running processes. `servers` has the ids of those that were booted, by host."""

    cloud: Cloud
    hearing: Hearing
    configuration: Configuration
    session: ClientSession
    servers: dict[str, list[str]] = field(default_factory=dict)
    daemon: int = 0
    """The process id of the daemon."""

    async def say(self, host: str, verdict: str) -> tuple[float, Json]:
        """Send evidence; return when it was sent, and the receipt."""
        statement = {
            "host": host,
            "verdict": verdict,
            "kind": "bench",
            "id": uuid.uuid4().hex,
            "observed_at": datetime.now(UTC).isoformat(),
            "summary": "a measurement",
        }
        body = json.dumps({"evidence": [statement]}).encode()
        headers = {
            "Authorization": f"Bearer {self.configuration.bearer}",
            "Content-Type": "application/json",
        }
        sent_s = time.monotonic()
        async with self.session.post(
            self.configuration.evidence_url, data=body, headers=headers, raise_for_status=True
        ) as answer:
            receipt: Json = (await answer.json())["receipts"][0]
        return sent_s, receipt

    async def order(self, host: str, order: str) -> None:
        """Give an operator's order about a host."""
        body = {"order": order, "why": "a measurement"}
        path = f"/v1/hosts/{host}/orders"
        await asyncio.to_thread(ask, self.configuration.socket, "POST", path, body)

    async def close(self, host: str) -> None:
        """End a host's incident, and wait until it has ended."""
        await self.order(host, "close")
        path = f"/v1/hosts/{host}"
        for _ in range(int(CLOSE_S / LOOK_S)):
            found = await asyncio.to_thread(ask, self.configuration.socket, "GET", path)
            if found["incident"]["phase"] == "resolved":
                return
            await asyncio.sleep(LOOK_S)
        msg = f"{host}: its incident does not end"
        raise RuntimeError(msg)


@asynccontextmanager
async def scene(layout: Layout, delays: Delays, wishes: Wishes) -> AsyncIterator[Scene]:
    """Run a scene until the block ends; see at the end that nobody was hurt."""
    async with AsyncExitStack() as stack:
        made = stack.enter_context(tempfile.TemporaryDirectory(prefix="doctor-bench-"))
        folder = Path(made)
        session = await stack.enter_async_context(_session())
        lab = await stack.enter_async_context(
            processes.process("lab", processes.lab(layout.count, layout.projects, delays), folder)
        )
        cloud = Cloud(session, await processes.first_line(lab))
        await cloud.login()
        servers = await _populated(cloud, layout)
        consumer = await stack.enter_async_context(
            processes.process("consumer", ("benchmarks.consumer",), folder)
        )
        hooks_url = str((await processes.first_line(consumer))["url"])
        hearing = Hearing()
        listening = asyncio.create_task(hearing.listen(consumer))
        stack.callback(listening.cancel)
        configuration = Configuration(folder, cloud.about, hooks_url, wishes)
        every_s = REFRESH_S_PER_SERVER * sum(len(found) for found in servers.values())
        read_anew = ("benchmarks.daemon", str(every_s), str(configuration.path))
        argv = processes.daemon(configuration.path) if wishes.plain else read_anew
        unit = processes.unit_environment() if wishes.plain else {}
        daemon = await stack.enter_async_context(
            processes.process("daemon", argv, folder, {**unit, **(wishes.beside or {})})
        )
        await processes.ready(daemon, session, configuration.metrics_url, folder)
        configuration.nice = os.getpriority(os.PRIO_PROCESS, daemon.pid)
        why = {"why": "a measurement"}
        await asyncio.to_thread(ask, configuration.socket, "POST", "/v1/arm", why)
        yield Scene(cloud, hearing, configuration, session, servers, daemon.pid)
        await _judge(cloud, folder)


def _session() -> ClientSession:
    return ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(total=60))


async def _populated(cloud: Cloud, layout: Layout) -> dict[str, list[str]]:
    """Boot the servers of the layout, and on the last host what the map is short of."""
    hosts = cloud.hosts
    wanted = dict(layout.hosts)
    wanted[layout.count - 1] = max(MAP_SERVERS - sum(wanted.values()), 0)
    return {
        hosts[number]: await cloud.boot(hosts[number], servers, layout.projects)
        for number, servers in wanted.items()
    }


async def _judge(cloud: Cloud, folder: Path) -> None:
    """Raise RuntimeError if a promise was broken: being fast would be worth nothing."""
    broken = await cloud.violations()
    told = (folder / "daemon.log").read_text()
    if broken or "internal error" in told:
        msg = f"{broken} violations; the daemon's log ends: {told[-4000:]}"
        raise RuntimeError(msg)
