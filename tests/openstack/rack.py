"""The BMCs as the tests see them: address, faults, and what they wrote down.

Faults: none | stuck | reject | lie-off | always-off | slow:SECONDS | 401 | 503 | badjson | nopower
| other-chassis | hang. A fault is a file that the BMC reads at each request, so it holds at once.
With hang the BMC works, but a host that is switched on starts nothing.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt

from tests.openstack.testbed.calls import Answer, ask
from tests.openstack.testbed.processes import Processes, wait_for
from tests.openstack.testbed.site import HOSTS, Site, listening
from tests.openstack.tls import TlsFiles

USER = "doctor"
PASSWORD = "bmc-secret"
# In the answers of a BMC that was cabled, or addressed, as another machine's.
OTHER_UUID = "99999999-9999-4999-8999-999999999999"
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Change:
    """The power truly changed; ``mono`` is CLOCK_MONOTONIC in seconds."""

    mono: float
    power: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the BMC answered, with the moment of its arrival."""

    mono: float
    method: str
    path: str
    status: int


class Bmc:
    """One host's BMC."""

    def __init__(self, site: Site, host: str) -> None:
        self.site = site
        self.host = host
        self.uuid = f"00000000-0000-4000-8000-{HOSTS.index(host) + 1:012d}"
        self.tls = TlsFiles(site.run / "tls")
        self.folder = site.run / "bmc" / host
        self.htpasswd = site.run / "bmc" / "htpasswd"

    @property
    def url(self) -> str:
        """Root of the service."""
        return f"https://127.0.0.1:{self.site.port(f'bmc-{self.host}')}"

    @property
    def system_path(self) -> str:
        return f"/redfish/v1/Systems/{self.uuid}"

    def fault(self) -> str:
        return self._read("fault", "none")

    def set_fault(self, fault: str) -> None:
        self._write("fault", fault)

    def power(self) -> str:
        """On or Off: the truth, whatever the BMC would say."""
        return self._read("power", "On")

    def set_power(self, power: str) -> None:
        """For the switch alone: the power has changed. Whoever sees it finds it written down."""
        self._append("power.jsonl", {"mono": time.monotonic(), "power": power})
        self._write("power", power)

    def changes(self) -> list[Change]:
        return [Change(**row) for row in self._rows("power.jsonl")]

    def note_request(self, mono: float, method: str, path: str, status: str) -> None:
        code = int(status[:3])
        row = {"mono": mono, "method": method, "path": path, "status": code}
        self._append("requests.jsonl", row)

    def requests(self) -> list[Request]:
        return [Request(**row) for row in self._rows("requests.jsonl")]

    def cuts(self, since: float = 0.0) -> list[Request]:
        """Requests to change the power that came at or after a moment (monotonic seconds)."""
        return [row for row in self.requests() if row.method == "POST" and row.mono >= since]

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """A request as an operator would make it, verified against the run's CA."""
        word = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        tls = ssl.create_default_context(cafile=self.tls.ca)
        return ask(
            method, self.url + path, body, headers={"Authorization": f"Basic {word}"}, tls=tls
        )

    def reset(self, kind: str) -> Answer:
        """Ask for On, ForceOff and so on."""
        path = f"{self.system_path}/Actions/ComputerSystem.Reset"
        return self.ask("POST", path, {"ResetType": kind})

    def turn(self, power: str) -> None:
        """Change the power and wait until it is so."""
        if self.power() != power:
            self.reset("ForceOff" if power == "Off" else "On")
            wait_for(f"{self.host} to be {power}", lambda: self.power() == power, 15)

    def _read(self, name: str, default: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else default

    def _write(self, name: str, text: str) -> None:
        scratch = self.folder / f"{name}.new"
        scratch.write_text(text)
        scratch.replace(self.folder / name)

    def _append(self, name: str, row: dict[str, object]) -> None:
        with (self.folder / name).open("a") as log:
            log.write(json.dumps(row) + "\n")

    def _rows(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def start_bmcs(site: Site) -> dict[str, Bmc]:
    """All BMCs, with the power on, once each accepts connections."""
    bmcs = {host: Bmc(site, host) for host in HOSTS}
    processes = Processes(site.run)
    first = bmcs[HOSTS[0]]
    first.tls.make()
    first.htpasswd.parent.mkdir(parents=True)
    # The cheapest hash: with the usual one each request would cost a quarter of a second.
    word = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    first.htpasswd.write_text(f"{USER}:{word}\n")
    for host, bmc in bmcs.items():
        bmc.folder.mkdir()
        argv = [sys.executable, "-m", "tests.openstack.bmc", site.home, host]
        processes.launch(f"bmc-{host}", argv, cwd=_ROOT)
    ports = [site.port(f"bmc-{host}") for host in bmcs]
    wait_for("the BMCs", lambda: all(map(listening, ports)))
    return bmcs
