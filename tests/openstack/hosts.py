"""One pretended host: its nova-compute, its node exporter, and the guests on its disks.

A crash takes the processes and leaves the guests running, which is the case that kills data: only
cutting the power stops those. What cuts it here is the host's BMC and nothing else.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from tests.openstack.guests import record_stops
from tests.openstack.testbed.processes import Processes
from tests.openstack.testbed.services import Services
from tests.openstack.testbed.site import Site

_EXPORTER = "/usr/bin/prometheus-node-exporter"


class Host:
    """Used by the tests, and by the BMC's process when power changes."""

    def __init__(self, site: Site, name: str) -> None:
        self.site = site
        self.name = name
        self._services = Services(site)
        self._exporter = f"exporter-{name}"

    @property
    def processes(self) -> Processes:
        return self._services.processes

    def start(self) -> None:
        """What a host starts at boot; its guests stay off, as Nova has it by default."""
        self._services.start_compute(self.name)
        self.start_exporter()

    def start_exporter(self) -> None:
        address = f"127.0.0.1:{self.site.port(self._exporter)}"
        argv = [_EXPORTER, f"--web.listen-address={address}", "--collector.disable-defaults"]
        self.processes.launch(self._exporter, [*argv, "--collector.loadavg"])

    def stop_exporter(self) -> None:
        self.processes.end([self._exporter], signal.SIGKILL)

    def crash(self) -> None:
        """nova-compute and the exporter die at once; the guests go on running."""
        self.processes.end([self.name, self._exporter], signal.SIGKILL)

    def cut_power(self) -> None:
        """Everything on the host stops. It returns once it is so, and not before."""
        self.crash()
        guests = self.guests()
        for guest in guests.values():
            guest["state"] = "SHUTDOWN"
        self._write(guests)
        record_stops(self.site.guests_record, self.name, "power cut")

    def wipe(self) -> None:
        """Forget the guests of a host whose power is off: their servers are deleted."""
        self._write({})

    def spawns(self, **behaviour: object) -> None:
        """How its hypervisor starts guests from now on: ``spawn_s``, ``spawn_error``, or as usual.

        It is asked at the beginning of each start.
        """
        path = self.site.state(self.name) / "behaviour.json"
        if behaviour:
            _replace(path, behaviour)
        else:
            path.unlink(missing_ok=True)

    def alive(self) -> bool:
        """Whether nova-compute and the exporter run."""
        return bool(self.processes.pid(self.name) and self.processes.pid(self._exporter))

    def running_guests(self) -> set[str]:
        return {uuid for uuid, guest in self.guests().items() if guest["state"] == "RUNNING"}

    def guests(self) -> dict[str, Any]:
        """What the hypervisor has on its disks: name and state by server."""
        path = self.site.state(self.name) / "guests.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def _write(self, guests: dict[str, Any]) -> None:
        _replace(self.site.state(self.name) / "guests.json", guests)


def _replace(path: Path, content: dict[str, Any]) -> None:
    scratch = path.with_suffix(".off")
    scratch.write_text(json.dumps(content, indent=1))
    scratch.replace(path)
