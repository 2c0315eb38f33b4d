"""A small site: a lab, a configuration for it, and the daemon's process.

Everything between the two is real: HTTP, signatures, files of secrets, signals. The monitor that
sends the alerts is this module.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientSession, ClientTimeout

from doctor_daemon.cli.client import Unanswered, ask
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.redfish import USER, RedfishOptions
from doctor_daemon.lab.world import Timing

Json = dict[str, Any]
BEARER = "a-bearer-that-only-the-alertmanager-knows"
START_S = 20.0
LIMIT_S = 40.0
POWER_S = 0.2


def free_port() -> int:
    """Return a port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Site:
    """The lab and the files of one test."""

    lab: Lab
    folder: Path
    evidence_port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    manual: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        """The operators' socket."""
        return self.folder / "operators.sock"

    @property
    def config(self) -> Path:
        """Write the configuration, and return its path."""
        path = self.folder / "doctor-daemon.yaml"
        path.write_text(yaml.safe_dump({**self._options(), **self.changes}))
        return path

    def _options(self) -> Json:
        found = self.lab.describe()
        self._secret("bearer", BEARER)
        hook = found["consumers"]["operators"]
        tenants = found["consumers"]["project-1"]
        return {
            "mode": "fence",
            "listen": f"127.0.0.1:{self.evidence_port}",
            "metrics_listen": f"127.0.0.1:{self.metrics_port}",
            "operators": {"socket": str(self.socket), "group": "nobody-uses-this-group"},
            "state": {"type": "sqlite", "path": str(self.folder / "state" / "state.sqlite3")},
            "log": {"format": "text", "level": "info"},
            "timing": {"grace_s": 0.5},
            "cloud": {"type": "nova", "clouds_file": found["clouds"], "cloud": found["cloud"]},
            "sources": [
                {
                    "name": "alerts",
                    "type": "alertmanager",
                    "trust": "alone",
                    "auth": {"bearer_file": str(self.folder / "bearer")},
                }
            ],
            "consumers": [
                self._consumer("operators", hook, {"operators": True}),
                self._consumer("tenants", tenants, {"projects": [tenants["project_id"]]}),
            ],
            "hosts": [self._host(name, host, found) for name, host in found["hosts"].items()],
        }

    def _consumer(self, name: str, hook: Json, audience: Json) -> Json:
        return {
            "name": name,
            "type": "webhook",
            "url": hook["url"],
            "ca_file": str(self.lab.ca),
            "secret_file": hook["secret_file"],
            "audience": audience,
        }

    def _host(self, name: str, host: Json, found: Json) -> Json:
        device = {
            "type": "redfish",
            "url": host["system"],
            "username": USER,
            "password_file": found["bmc"]["password_file"],
            "ca_file": str(self.lab.ca),
            "uuid": host["uuid"],
        }
        levels: list[Any] = [[device], *(["manual"] if self.manual else [])]
        return {"names": [name], "domain": host["zone"], "mode": "fence", "levels": levels}

    def _secret(self, name: str, text: str) -> None:
        path = self.folder / name
        path.touch(0o600)
        path.write_text(text)

    # the monitor

    async def alert(self, host: str, *, status: str = "firing") -> int:
        """Send one alert as Alertmanager does; return the status that it was answered with."""
        body = alert(host, status)
        url = f"http://127.0.0.1:{self.evidence_port}/v1/alertmanager"
        headers = {"Authorization": f"Bearer {BEARER}"}
        limit = ClientTimeout(total=10)
        async with (
            ClientSession(timeout=limit) as session,
            session.post(url, json=body, headers=headers) as answer,
        ):
            await answer.read()
            return answer.status

    async def accuse(self, host: str) -> None:
        """Send an alert until it is taken, as Alertmanager does."""
        for _ in range(100):
            try:
                if await self.alert(host) == 200:
                    return
            except OSError:
                pass
            await asyncio.sleep(0.1)
        msg = "no daemon takes the alert"
        raise AssertionError(msg)

    # the operators

    async def ask(self, method: str, resource: str, body: Json | None = None) -> Json:
        """Ask the daemon as an operator."""
        found = await asyncio.to_thread(ask, self.socket, method, resource, body)
        assert isinstance(found, dict)
        return found

    async def arm(self) -> None:
        await self.ask("POST", "/v1/arm", {"why": "a test"})

    async def incident(self, host: str) -> Json | None:
        """Return a host's last incident, as `explain` shows it."""
        found = (await self.ask("GET", f"/v1/hosts/{host}"))["incident"]
        assert found is None or isinstance(found, dict)
        return found

    async def until(self, host: str, phase: str, limit_s: float = LIMIT_S) -> Json:
        """Wait until a host's incident stands in a phase."""
        last: Json | None = None
        for _ in range(int(limit_s / 0.05)):
            try:
                last = await self.incident(host)
            except Unanswered:
                last = None
            if last is not None and last["phase"] == phase:
                return last
            await asyncio.sleep(0.05)
        msg = f"{host} is not {phase} after {limit_s:g} s: {json.dumps(last, indent=1)}"
        raise AssertionError(msg)

    def heard(self, consumer: str) -> list[Json]:
        """Return the events that a consumer has verified, each once, in order."""
        return [
            receipt.event
            for receipt in self.lab.consumer.receipts
            if receipt.consumer == consumer and receipt.verdict == "new"
        ]

    async def metrics(self) -> str:
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        limit = ClientTimeout(total=10)
        async with ClientSession(timeout=limit) as session, session.get(url) as answer:
            return await answer.text()


def alert(host: str, status: str = "firing") -> Json:
    """Make the body of Alertmanager's webhook, version 4, for one alert."""
    labels = {"alertname": "HostDown", "host": host, "severity": "critical"}
    one = {
        "status": status,
        "labels": labels,
        "annotations": {"summary": f"{host} does not answer"},
        "startsAt": "2026-11-21T02:13:37.563Z",
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-21T02:20:00.000Z",
        "generatorURL": "http://127.0.0.1:9090/graph",
        "fingerprint": f"bd94936aa4d9{host[-1:]:0>4}",
    }
    return {
        "receiver": "doctor-daemon",
        "status": status,
        "alerts": [one],
        "groupLabels": labels,
        "commonLabels": labels,
        "commonAnnotations": {},
        "externalURL": "http://127.0.0.1:9093",
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
    }


@asynccontextmanager
async def site(folder: Path, hosts: int = 3, **wanted: Any) -> AsyncIterator[Site]:  # noqa: ANN401 - options of Site
    """Run a lab, and prepare the files of a daemon for it."""
    options = LabOptions(
        hosts=hosts,
        servers_per_host=2,
        zones=1,
        folder=folder,
        tls=True,
        timing=Timing(),
        redfish=RedfishOptions(power_s=POWER_S),
    )
    async with Lab(options) as lab:
        yield Site(lab, folder, **wanted)


@asynccontextmanager
async def daemon(
    place: Site, argv: Sequence[str] = ("doctor_daemon.cli.main", "run", "--config")
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the daemon until the block ends; then stop it with SIGTERM, and see that it ends well."""
    process = await start(place, argv)
    try:
        await ready(place, process)
        yield process
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(START_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def start(place: Site, argv: Sequence[str]) -> asyncio.subprocess.Process:
    """Start a daemon's process; its log goes to a file beside its configuration."""
    with (place.folder / "daemon.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *argv,
            str(place.config),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


async def ready(place: Site, process: asyncio.subprocess.Process) -> None:
    """Wait until the daemon says that it is ready."""
    url = f"http://127.0.0.1:{place.metrics_port}/readyz"
    async with ClientSession(timeout=ClientTimeout(total=2)) as session:
        for _ in range(int(START_S / 0.05)):
            if process.returncode is not None:
                break
            try:
                async with session.get(url) as answer:
                    if answer.status == 200 and place.socket.exists():
                        return
            except OSError:
                pass
            await asyncio.sleep(0.05)
    msg = f"the daemon is not ready: {(place.folder / 'daemon.log').read_text()[-4000:]}"
    raise AssertionError(msg)
