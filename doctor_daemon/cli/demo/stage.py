"""The stage: a lab, and a folder with the configuration and the secrets of a daemon for it.

It is what an operator would write for such a cloud, but for the times: nobody wants to watch a
grace of ten seconds. What makes a proof a proof is left as it is shipped. The lab speaks plain HTTP
here, on loopback, so that the demonstration needs nothing that the daemon does not need.
"""

from __future__ import annotations

import grp
import os
import secrets
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import randrange
from typing import Any

import yaml

from doctor_daemon.cli.demo.facts import Facts
from doctor_daemon.lab.cloud import ADMIN, LabOptions
from doctor_daemon.lab.redfish import USER, RedfishOptions
from doctor_daemon.lab.witness import WatchedLab
from doctor_daemon.lab.world import Timing

Json = dict[str, Any]
PORTS = (20_000, 32_000)
"""Below those that the kernel gives to whoever asks for any: between the choice of a port and its
use nobody else is given it."""
DEAD = "compute-1"
"""The host that dies."""
RACK = 5
"""Hosts of one failure domain."""
SHORTER: Mapping[str, float] = {
    "grace_s": 2.0,
    "warm_up_s": 0.0,
    "read_every_s": 0.5,
    "off_timeout_s": 6.0,
    "tries_per_level": 1,
    "backoff_s": 0.2,
    "backoff_max_s": 1.0,
}
EVACUATION: Mapping[str, float] = {
    "follow_every_s": 0.5,
    "guard_every_s": 1.0,
    "settle_s": 10.0,
    "no_host_wait_s": 1.0,
}
SHORTENED = (
    "Shorter than shipped, so that it is over in seconds: 2 s of grace instead of 10, one try of a "
    "power device instead of two, shorter pauses. As shipped: 3 readings of Off over 2 s."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the cloud is."""

    hosts: int = 20
    servers: int = 10
    """On each host."""
    evacuate_s: float = 1.0
    """How long Nova takes to rebuild a server."""


@dataclass
class Stage:
    """The lab and the files of one daemon."""

    lab: WatchedLab
    folder: Path
    evidence_port: int = 0
    metrics_port: int = 0
    bearer: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def socket(self) -> Path:
        """The operators' socket."""
        return self.folder / "daemon.sock"

    @property
    def config(self) -> Path:
        return self.folder / "doctor-daemon.yaml"

    @property
    def log(self) -> Path:
        """What the daemon writes, one process after the other."""
        return self.folder / "daemon.log"

    @property
    def alerts_url(self) -> str:
        return f"http://127.0.0.1:{self.evidence_port}/v1/alertmanager"

    @property
    def ready_url(self) -> str:
        return f"http://127.0.0.1:{self.metrics_port}/readyz"

    def facts(self, detected_s: float) -> Facts:
        """Gather what has happened so far."""
        return Facts(
            host=DEAD,
            detected_s=detected_s,
            daemon=ADMIN,
            entries=self.lab.record.entries,
            requests=self.lab.witness.requests,
            receipts=self.lab.consumer.receipts,
            judged=self.lab.violations(),
        )

    def write(self) -> None:
        """Choose the daemon's ports, and write its configuration and the secrets beside it."""
        self.evidence_port, self.metrics_port = free_port(), free_port()
        bearer = self.folder / "alertmanager-token"
        bearer.touch(0o600)
        bearer.write_text(self.bearer)
        self.config.write_text(yaml.safe_dump(self._options(bearer.name), sort_keys=False))

    def _options(self, bearer: str) -> Json:
        found = self.lab.describe()
        alerts: Json = {"name": "alerts", "type": "alertmanager", "trust": "alone"}
        return {
            "mode": "evacuate",
            "listen": f"127.0.0.1:{self.evidence_port}",
            "metrics_listen": f"127.0.0.1:{self.metrics_port}",
            "operators": {"socket": str(self.socket), "group": _group()},
            "state": {"type": "sqlite", "path": str(self.folder / "state" / "state.sqlite3")},
            "log": {"format": "text", "level": "info"},
            "timing": dict(SHORTER),
            "evacuation": dict(EVACUATION),
            "cloud": {
                "type": "nova",
                "clouds_file": found["clouds"],
                "cloud": found["cloud"],
                "force_down_timeout_s": 3,
            },
            "sources": [{**alerts, "auth": {"bearer_file": bearer}}],
            "consumers": [_consumer(name, hook) for name, hook in found["consumers"].items()],
            "hosts": [
                _host(number, name, found) for number, name in enumerate(self.lab.world.hosts)
            ],
        }


@asynccontextmanager
async def staged(folder: Path, size: Size) -> AsyncIterator[Stage]:
    """Run a lab until the block ends."""
    options = LabOptions(
        hosts=size.hosts,
        servers_per_host=size.servers,
        projects=3,
        timing=Timing(report_interval_s=1.0, evacuate_s=size.evacuate_s),
        redfish=RedfishOptions(power_s=0.5),
        folder=folder,
    )
    async with WatchedLab(options) as lab:
        yield Stage(lab, folder)


def free_port() -> int:
    """Return a port of loopback that is free."""
    while True:
        port = randrange(*PORTS)  # noqa: S311 - a port is no secret
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def _group() -> str:
    """Name our own group: there need not be one for operators here."""
    try:
        return grp.getgrgid(os.getegid()).gr_name
    except KeyError:
        return "doctor-daemon"


def _consumer(name: str, hook: Json) -> Json:
    """Have each consumer of the lab told: the operators of all, a project of its own."""
    project = hook["project_id"]
    return {
        "name": name,
        "type": "webhook",
        "url": hook["url"],
        "timeout_s": 2,
        "secret_file": hook["secret_file"],
        "audience": {"projects": [project]} if project else {"operators": True},
    }


def _host(number: int, name: str, found: Json) -> Json:
    device = {
        "type": "redfish",
        "url": found["hosts"][name]["system"],
        "username": USER,
        "password_file": found["bmc"]["password_file"],
        "uuid": found["hosts"][name]["uuid"],
        "timeout_s": 1,
    }
    rack = f"rack-{number // RACK + 1}"
    return {
        "names": name,
        "domain": rack,
        "mode": "evacuate",
        "shared_storage": True,
        "levels": [[device], "manual"],
    }
