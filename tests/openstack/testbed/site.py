"""Where one testbed lives: its folders, its ports, its hosts.

One value is handed to everything, so that nothing reads the environment behind another's back and
a template can be made in a folder of its own.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "testbed"
HOSTS = ("compute-1", "compute-2", "compute-3", "compute-4")
# Below the range from which the kernel takes ports for outgoing connections: a port found free
# here stays free until its service, which may start seconds later, listens on it.
FIRST_BASE = 18700
BLOCK = 40
_SERVICES = (
    "keystone",
    "placement",
    "nova",
    "stub",
    "mariadb",
    "amqp",
    "erlang",
    "epmd",
    "prometheus",
    "alertmanager",
    "metrics",
    "cinder",
)
_OFFSETS = {
    **{name: offset for offset, name in enumerate(_SERVICES)},
    **{f"bmc-{host}": 20 + offset for offset, host in enumerate(HOSTS)},
    **{f"exporter-{host}": 30 + offset for offset, host in enumerate(HOSTS)},
}


def default_home() -> Path:
    """Folder of the installation; ``DOCTOR_TESTBED_HOME`` overrides it."""
    override = os.environ.get("DOCTOR_TESTBED_HOME")
    return Path(override) if override else Path.home() / ".cache" / "doctor-daemon" / "openstack"


def listening(port: int) -> bool:
    """Whether something accepts connections on this port of loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Site:
    """Folders and ports; ``run`` holds all that one run writes."""

    home: Path
    run: Path
    base: int

    @classmethod
    def choose(cls, home: Path) -> Site:
        """A site on the first free block of ports, written down for the processes it starts."""
        for base in range(FIRST_BASE, FIRST_BASE + 20 * BLOCK, BLOCK):
            if not any(listening(base + offset) for offset in _OFFSETS.values()):
                return cls(home, home / "run", base)
        raise SystemExit(f"no free block of {BLOCK} ports from {FIRST_BASE}")

    def save(self) -> None:
        self.run.mkdir(parents=True, exist_ok=True)
        (self.run / "site.json").write_text(json.dumps({"base": self.base}))

    @classmethod
    def load(cls, home: Path) -> Site:
        """The site of the current run. FileNotFoundError: there is none."""
        run = home / "run"
        return cls(home, run, json.loads((run / "site.json").read_text())["base"])

    def port(self, name: str) -> int:
        return self.base + _OFFSETS[name]

    def url(self, name: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port(name)}{path}"

    @property
    def auth_url(self) -> str:
        return self.url("keystone", "/v3")

    @property
    def bin(self) -> Path:
        return self.home / "venv" / "bin"

    @property
    def template(self) -> Path:
        return self.home / "template"

    def state(self, host: str) -> Path:
        """State path of that host's nova-compute, where its guests are kept."""
        return self.run / "state" / host

    @property
    def guests_record(self) -> Path:
        """The one file to which every start and stop of a guest is appended."""
        return self.run / "state" / "guests.jsonl"
