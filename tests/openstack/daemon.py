"""The daemon under test: a process of its own, told what to do as an operator tells it.

Nothing of it is imported. What it is configured with stands in one function.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.openstack import rack
from tests.openstack.alerting import TOKEN, webhook
from tests.openstack.estate import OPERATOR_KEY, TENANT_KEY, Estate
from tests.openstack.testbed.calls import ask
from tests.openstack.testbed.processes import Processes, wait_for
from tests.openstack.testbed.site import HOSTS

PROGRAM = Path(sys.executable).with_name("doctor-daemon")
_NAME = "doctor-daemon"
ANSWERS_TOKEN = "what-a-project-answers-with"
# Short, so that a scenario can wait until a proof has expired; the time-outs below are its least.
PROOF_AGE_S = 7.0
# Short, so that a scenario with a lost answer can wait for it.
EVACUATION = {
    "settle_s": 10.0,
    "guard_every_s": 1.0,
    "follow_every_s": 1.0,
    "no_host_wait_s": 1.0,
}


def daemon_config(estate: Estate, folder: Path, timing: Mapping[str, float]) -> dict[str, Any]:
    """The whole configuration. Secrets and the inventory are files beside it."""
    redfish = {
        "type": "redfish",
        "uuid": "{bmc_uuid}",
        "url": "https://127.0.0.1:{bmc_port}/redfish/v1/Systems/{bmc_uuid}",
        "ca_file": str(estate.bmcs[HOSTS[0]].tls.ca),
        "username": rack.USER,
        "password_file": "bmc-password",
        "timeout_s": 2.0,
    }
    port, _ = webhook()
    return {
        "mode": "fence",
        "listen": f"127.0.0.1:{port}",
        "metrics_listen": f"127.0.0.1:{estate.site.port('metrics')}",
        "operators": {"socket": str(folder / "socket"), "group": "root"},
        "state": {"type": "sqlite", "path": str(folder / "state.sqlite3")},
        "timing": {"grace_s": 2.0, "warm_up_s": 0, "proof_age_s": PROOF_AGE_S, **timing},
        "evacuation": EVACUATION,
        "mass": {"total": 100, "ratio_from": 100, "all_from": 100},
        "cloud": {
            "type": "nova",
            "clouds_file": "clouds.yaml",
            "cloud": "admin",
            "force_down_timeout_s": 5.0,
        },
        "sources": [
            {
                "type": "alertmanager",
                "name": "alertmanager",
                "trust": "alone",
                "auth": {"bearer_file": "alertmanager-token"},
            }
        ],
        "consumers": [
            _consumer("operator", estate.operator.url, operators=True),
            _consumer("owner", estate.owner.url, projects="all"),
        ],
        "hosts": [
            {
                "names": "compute-[1-4]",
                "mode": "fence",
                "inventory_file": "inventory.yaml",
                "levels": [[redfish], "manual"],
            }
        ],
    }


def evacuating(
    estate: Estate, config: Mapping[str, Any], evacuation: Mapping[str, float]
) -> dict[str, Any]:
    """The same, with leave to evacuate, and with a VNFM that is told as Aodh would tell it."""
    vnfm = {
        "type": "doctor",
        "name": "vnfm",
        "url": estate.vnfm.failure_url,
        "ok_url": estate.vnfm.ok_url,
        "audience": {"projects": "all"},
    }
    projects = {
        "type": "answers",
        "name": "projects",
        "auth": {"bearer_file": "answers-token"},
        "projects": "all",
    }
    return {
        **config,
        "mode": "evacuate",
        "evacuation": {**EVACUATION, **evacuation},
        "sources": [*config["sources"], projects],
        "consumers": [*config["consumers"], vnfm],
        "hosts": [
            {**hosts, "mode": "evacuate", "shared_storage": True} for hosts in config["hosts"]
        ],
    }


def _consumer(name: str, url: str, **audience: object) -> dict[str, Any]:
    return {
        "type": "webhook",
        "name": name,
        "url": url,
        "secret_file": f"{name}-key",
        "audience": audience,
    }


def _write_files(estate: Estate, folder: Path, config: Mapping[str, Any], nova: str) -> None:
    secrets = {
        "bmc-password": rack.PASSWORD,
        "alertmanager-token": TOKEN,
        "answers-token": ANSWERS_TOKEN,
        "operator-key": OPERATOR_KEY,
        "owner-key": TENANT_KEY,
        "clouds.yaml": clouds(estate, nova),
    }
    for name, text in secrets.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text)
    inventory = {
        host: {"bmc_uuid": bmc.uuid, "bmc_port": estate.site.port(f"bmc-{host}")}
        for host, bmc in estate.bmcs.items()
    }
    (folder / "inventory.yaml").write_text(yaml.safe_dump(inventory))
    (folder / "doctor-daemon.yaml").write_text(yaml.safe_dump(dict(config), sort_keys=False))


def clouds(estate: Estate, nova: str) -> str:
    """The testbed's clouds.yaml, with another address in the place of Nova's."""
    found = yaml.safe_load((estate.site.run / "clouds.yaml").read_text())
    found["clouds"]["admin"]["compute_endpoint_override"] = nova + "/v2.1"
    return str(yaml.safe_dump(found))


@dataclass(frozen=True, slots=True)
class Daemon:
    """One daemon with a database of its own; it may be started more than once."""

    estate: Estate
    folder: Path

    def start(self) -> None:
        """Start it and wait until it is ready. TimeoutError: it is not, and its log says why."""
        argv = [PROGRAM, "run", "--config", self.folder / "doctor-daemon.yaml"]
        self._processes.launch(_NAME, argv)
        wait_for("the daemon to be ready", self._ready, 30)

    def kill(self) -> None:
        """At once, as when its machine loses power."""
        self._processes.end([_NAME], signal.SIGKILL)

    def stop(self) -> None:
        """As systemd does. Nothing happens to one that does not run."""
        self._processes.end([_NAME], patience_s=20)

    def tell(self, command: str, *words: str) -> str:
        """Give an operator's command; what it prints. AssertionError: the daemon says no."""
        argv = [str(PROGRAM), command, "--socket", str(self.folder / "socket"), *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def incident(self, host: str) -> dict[str, Any]:
        """The host's latest incident as the daemon explains it; empty: there is none."""
        return json.loads(self.tell("explain", "--json", host))["incident"] or {}

    def await_phase(self, host: str, phase: str, limit_s: float = 60.0) -> dict[str, Any]:
        """The incident, once it has come to a phase."""

        def reached() -> dict[str, Any] | None:
            incident = self.incident(host)
            return incident if incident.get("phase") == phase else None

        found = wait_for(f"{host} to be {phase}", reached, limit_s)
        assert found is not None
        return found

    def answer(self, server: str, word: str) -> str:
        """What a project says of its server, and what becomes of it."""
        port, _ = webhook()
        body = {"answers": [{"server": server, "answer": word}]}
        headers = {"Authorization": f"Bearer {ANSWERS_TOKEN}"}
        got = ask("POST", f"http://127.0.0.1:{port}/v1/answers", body, headers=headers)
        assert got.status == 200, got.text
        [receipt] = got.json["receipts"]
        return str(receipt["outcome"])

    def metric(self, name: str) -> float:
        """The sum of a metric over all its labels."""
        text = ask("GET", self.estate.site.url("metrics", "/metrics")).text
        rows = [line.rpartition(" ") for line in text.splitlines()]
        return sum(float(value) for series, _, value in rows if series.split("{")[0] == name)

    def _last_words(self) -> str:
        log = self.estate.site.run / "log" / f"{_NAME}.log"
        return "\n".join(log.read_text().splitlines()[-20:])

    @property
    def _processes(self) -> Processes:
        return Processes(self.estate.site.run)

    def _ready(self) -> bool:
        assert self._processes.pid(_NAME), f"the daemon ended, saying:\n{self._last_words()}"
        try:
            return ask("GET", self.estate.site.url("metrics", "/readyz")).status == 200
        except ConnectionError:
            return False


@contextmanager
def running(
    estate: Estate,
    evacuation: Mapping[str, float] | None = None,
    release: Mapping[str, float] | None = None,
    hosts: Mapping[str, object] | None = None,
    *,
    nova: str = "",
    storage: Mapping[str, object] | None = None,
    more: Mapping[str, object] | None = None,
    **timing: float,
) -> Iterator[Daemon]:
    """A daemon that is ready and armed, stopped at the end whatever happened.

    ``evacuation``, ``release`` and ``timing`` are options of those sections, in the place of
    the scenarios' own; without the first nothing is evacuated. ``hosts`` are options of all
    hosts, ``storage`` those of the section of Cinder, and ``more`` are further sections.
    ``nova``: another address for it than the recording proxy's, which is to lead there.
    """
    folder = estate.scene_folder()
    config = {**daemon_config(estate, folder, timing), "release": dict(release or {})}
    config |= more or {}
    if evacuation is not None:
        config = evacuating(estate, config, evacuation)
    config["hosts"] = [{**one, **(hosts or {})} for one in config["hosts"]]
    if storage is not None:
        cinder = {"type": "cinder", "clouds_file": "clouds.yaml", "cloud": "admin"}
        config["storage"] = {**cinder, **storage}
    _write_files(estate, folder, config, nova or estate.proxy.url)
    daemon = Daemon(estate, folder)
    try:
        daemon.start()
        daemon.tell("arm", "--why", "a scenario")
        yield daemon
    finally:
        daemon.stop()
