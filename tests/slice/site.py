"""A small site: a lab, a configuration for it, and what is to be seen of the daemon.

Everything between the two is real: HTTP, signatures, files of secrets, signals.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pwd
import random
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientSession, ClientTimeout

from doctor_daemon.cli.client import Unanswered, ask
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.redfish import USER, RedfishOptions
from doctor_daemon.lab.rows import Host
from tests.slice.monitor import BEARER, Monitor

Json = dict[str, Any]
ME = pwd.getpwuid(os.geteuid()).pw_name
"""Who gives the orders here, as the record has it."""
LIMIT_S = 150.0
LOOK_S = 0.05
LAB = LabOptions(
    hosts=3, servers_per_host=2, zones=1, tls=True, redfish=RedfishOptions(power_s=0.2)
)
QUICK = {
    "grace_s": 0.5,
    "warm_up_s": 0,
    "read_every_s": 0.2,
    "off_timeout_s": 5,
    "tries_per_level": 1,
    "backoff_s": 0.2,
    "backoff_max_s": 1,
}
"""Timing for tests: nothing of it makes a proof weaker."""
MOVES = {"settle_s": 10, "follow_every_s": 0.3, "guard_every_s": 1}
"""How servers are evacuated in tests: as fast as the configuration lets it be."""


_given: set[int] = set()


def free_port() -> int:
    """Return a port of loopback that is free, and that nobody else here is given.

    It lies below those that the kernel gives to whoever asks for any: many sites begin at once, and
    between the choice of a port and its use another lab would be given it.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            if port not in _given and probe.connect_ex(("127.0.0.1", port)) != 0:
                _given.add(port)
                return port


@dataclass
class Site:
    """The lab and the files of one test."""

    lab: Lab
    folder: Path
    evidence_port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    mode: str = "fence"
    changes: Mapping[str, Any] = field(default_factory=dict)
    """What stands at the top of the configuration instead of what would."""
    hosts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Host -> what stands in its entry instead of what would."""

    def __post_init__(self) -> None:
        self.monitor = Monitor(f"http://127.0.0.1:{self.evidence_port}/v1/alertmanager")

    @property
    def socket(self) -> Path:
        """The operators' socket."""
        return self.folder / "operators.sock"

    @property
    def log(self) -> Path:
        """What the daemon wrote, one process after the other."""
        return self.folder / "daemon.log"

    def host(self, name: str) -> Host:
        """Return what is true of a host."""
        return self.lab.world.hosts[name]

    # the configuration

    @property
    def config(self) -> Path:
        """Write the configuration, and return its path."""
        path = self.folder / "doctor-daemon.yaml"
        path.write_text(yaml.safe_dump({**self._options(), **self.changes}))
        return path

    def _options(self) -> Json:
        found = self.lab.describe()
        secret(self.folder / "bearer", BEARER)
        return {
            "mode": self.mode,
            "listen": f"127.0.0.1:{self.evidence_port}",
            "metrics_listen": f"127.0.0.1:{self.metrics_port}",
            "operators": {"socket": str(self.socket), "group": "nobody-uses-this-group"},
            "state": {"type": "sqlite", "path": str(self.folder / "state" / "state.sqlite3")},
            "log": {"format": "text", "level": "info"},
            "timing": QUICK,
            "evacuation": MOVES,
            "budget": {"total": 100},
            "probes": {"every_s": 0},  # or a probe might meet the fault that is meant for a cut
            "mass": {"total": 100, "ratio_from": 100, "all_from": 100},
            "cloud": {
                "type": "nova",
                "clouds_file": found["clouds"],
                "cloud": found["cloud"],
                "force_down_timeout_s": 3,
            },
            "sources": [
                {
                    "name": "alerts",
                    "type": "alertmanager",
                    "trust": "alone",
                    "auth": {"bearer_file": "bearer"},
                }
            ],
            "consumers": [self._consumer(name, one) for name, one in found["consumers"].items()],
            "hosts": [self._host(name, host, found) for name, host in found["hosts"].items()],
        }

    def _consumer(self, name: str, hook: Json) -> Json:
        """Have each consumer of the lab told: the operators of all, a project of its own."""
        project = hook["project_id"]
        return {
            "name": name,
            "type": "webhook",
            "url": hook["url"],
            "ca_file": str(self.lab.ca),
            "secret_file": hook["secret_file"],
            "audience": {"projects": [project]} if project else {"operators": True},
        }

    def _host(self, name: str, host: Json, found: Json) -> Json:
        """Let each host be of a failure domain of its own: they share no budget."""
        device = {
            "type": "redfish",
            "url": host["system"],
            "username": USER,
            "password_file": found["bmc"]["password_file"],
            "ca_file": str(self.lab.ca),
            "uuid": host["uuid"],
            "timeout_s": 1,
        }
        entry = {
            "names": name,
            "domain": name,
            "mode": self.mode,
            "shared_storage": True,
            "levels": [[device], "manual"],
        }
        return {**entry, **self.hosts.get(name, {})}

    # the operators

    async def ask(self, method: str, resource: str, body: Json | None = None) -> Json:
        """Ask the daemon as an operator."""
        found = await asyncio.to_thread(ask, self.socket, method, resource, body)
        assert isinstance(found, dict)
        return found

    async def arm(self) -> None:
        await self.ask("POST", "/v1/arm", {"why": "a test"})

    async def order(self, host: str, order: str, /, **more: object) -> None:
        """Give an order about a host."""
        body = {"order": order, "why": "a test", **more}
        await self.ask("POST", f"/v1/hosts/{host}/orders", body)

    async def incident(self, host: str) -> Json | None:
        """Return a host's last incident, as `explain` shows it."""
        found = (await self.ask("GET", f"/v1/hosts/{host}"))["incident"]
        assert found is None or isinstance(found, dict)
        return found

    async def until(self, host: str, phase: str, text: str = "") -> Json:
        """Wait until a host's incident stands in a phase, and its timeline has a text."""
        last: Json | None = None
        for _ in range(int(LIMIT_S / LOOK_S)):
            try:
                last = await self.incident(host)
            except Unanswered:
                last = None
            if last is not None and last["phase"] == phase and text in story(last):
                return last
            await asyncio.sleep(LOOK_S)
        msg = f"{host} is not {phase} after {LIMIT_S:g} s: {json.dumps(last, indent=1)}"
        raise AssertionError(msg)

    # what is to be seen from outside

    def heard(self, consumer: str, host: str = "") -> list[Json]:
        """Return the notices that a consumer has verified, each once, in order."""
        found = [
            receipt.event["data"]
            for receipt in self.lab.consumer.receipts
            if receipt.consumer == consumer and receipt.verdict == "new"
        ]
        return [data for data in found if not host or data.get("host") == host]

    async def told(self, consumer: str, host: str, *kinds: str) -> list[Json]:
        """Wait until a consumer has heard just these kinds of notices about a host."""
        for _ in range(int(LIMIT_S / LOOK_S)):
            if len(self.heard(consumer, host)) >= len(kinds):
                break
            await asyncio.sleep(LOOK_S)
        found = self.heard(consumer, host)
        assert [data["kind"] for data in found] == list(kinds)
        return found

    async def get(self, path: str) -> tuple[int, str]:
        """Ask what Prometheus asks."""
        url = f"http://127.0.0.1:{self.metrics_port}{path}"
        limit = ClientTimeout(total=10)
        async with ClientSession(timeout=limit) as session, session.get(url) as answer:
            return answer.status, await answer.text()

    async def metric(self, series: str) -> float:
        """Return the value of one series, written as Prometheus does; 0 where there is none."""
        _, text = await self.get("/metrics")
        rows = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[:1] != "#")
        return float(rows.get(series, 0))

    async def logged(self, text: str) -> None:
        """Wait for a text in the log, which a thread of its own writes."""
        for _ in range(int(LIMIT_S / LOOK_S)):
            if text in self.log.read_text():
                return
            await asyncio.sleep(LOOK_S)
        raise AssertionError(f"{text!r} is not in {self.log.read_text()}")

    # what holds for every scenario

    def secrets(self) -> Iterator[str]:
        """Name every secret of the site, as it may turn up in a text."""
        identity, password = self.lab.identity, self.lab.redfish.password
        yield from (BEARER, password, base64.b64encode(f"{USER}:{password}".encode()).decode())
        yield from (text.removeprefix("whsec_") for text in self.lab.consumer.secrets.values())
        users = (self.lab.admin, self.lab.operator, *self.lab.members.values())
        yield from (user.password for user in users)
        credential = identity.credential(name="doctor-credential", user=self.lab.admin)
        assert credential is not None
        yield from (credential.secret, "gAAAA")  # as every token of Keystone's begins

    def judge(self) -> None:
        """See that nobody was hurt, nothing went wrong unseen, and no secret was told."""
        assert self.lab.violations() == []
        wrong = [r for r in self.lab.consumer.receipts if r.verdict in ("changed", "refused")]
        assert wrong == []
        said = self.log.read_text()
        for text in ("internal error", "Traceback", "never retrieved"):
            assert text not in said, said[-8000:]
        files = [path for path in (self.folder / "state").glob("*") if path.is_file()]
        told = str([receipt.event for receipt in self.lab.consumer.receipts])
        kept = [told.encode(), *(path.read_bytes() for path in (self.log, *files))]
        for word in self.secrets():
            assert not any(word.encode() in content for content in kept), word


def story(incident: Json) -> str:
    """Return the texts of a timeline."""
    return "\n".join(entry["text"] for entry in incident["timeline"])


def secret(path: Path, text: str) -> None:
    """Write a file that its owner alone can read."""
    path.touch(0o600)
    path.write_text(text)


@asynccontextmanager
async def site(folder: Path, lab: LabOptions = LAB, **wanted: Any) -> AsyncIterator[Site]:  # noqa: ANN401 - options of Site
    """Run a lab, prepare the files of a daemon for it, and judge it all at the end."""
    async with Lab(replace(lab, folder=folder)) as made:
        place = Site(made, folder, **wanted)
        place.log.touch()
        yield place
        place.judge()
