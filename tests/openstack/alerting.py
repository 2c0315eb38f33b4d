"""A real Prometheus and Alertmanager, run from the very files in ``deploy/``.

The files are linked, not copied or rewritten, into the run's folders; what differs from site to
site, the addresses, stands in files beside them, as it does for an operator.
"""

from __future__ import annotations

import json
import subprocess
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml

from tests.openstack.listener import Listener, Reply
from tests.openstack.testbed.calls import ask
from tests.openstack.testbed.processes import Processes, wait_for
from tests.openstack.testbed.site import HOSTS, Site

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
TOKEN = "alertmanager-token"


def webhook() -> tuple[int, str]:
    """Port and path that the shipped alertmanager.yml sends to; it has no way to vary them."""
    shipped = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
    [url] = [
        config["url"]
        for receiver in shipped["receivers"]
        for config in receiver.get("webhook_configs", [])
    ]
    address, _, path = url.removeprefix("http://127.0.0.1:").partition("/")
    return int(address), f"/{path}"


class Alerting:
    """Prometheus and Alertmanager of one site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._processes = Processes(site.run)
        self._prometheus = site.run / "prometheus"
        self._alertmanager = site.run / "alertmanager"

    def start(self) -> None:
        """Both, once they answer. TimeoutError: one does not."""
        self._lay_out()
        self._start_alertmanager()
        self._start_prometheus()
        both = ("prometheus", "alertmanager")
        wait_for("Prometheus and Alertmanager", lambda: all(map(self._ready, both)))

    def await_targets(self) -> None:
        """Until every host is being watched and none is alerted about."""
        wait_for("all exporters in Prometheus", lambda: self._up() == set(HOSTS), 30)
        wait_for("no alert about a host", lambda: not self.alerts(), 30)

    def alerts(self) -> list[dict[str, Any]]:
        """Alerts about hosts that Alertmanager still has something to say about."""
        groups = json.loads(ask("GET", self.site.url("alertmanager", "/api/v2/alerts/groups")).text)
        alerts = [alert for group in groups for alert in group["alerts"]]
        return [alert for alert in alerts if alert["labels"]["alertname"] == "HostDown"]

    def nodding(self) -> Listener:
        """Somebody in the daemon's place who takes everything in.

        Alertmanager remembers what it could not deliver, and an alert that was never seen to end
        cannot begin again.
        """
        return Listener(lambda _: Reply(200), webhook()[0])

    def check(self) -> str:
        """What promtool and amtool say of the files in use. AssertionError: they object."""
        rules = self._prometheus / "prometheus.yml"
        routes = self._alertmanager / "alertmanager.yml"
        return promtool("check", "config", rules) + _told("amtool", "check-config", routes)

    def _ready(self, name: str) -> bool:
        """Listening is not enough: until it has read its files, Prometheus answers 503."""
        try:
            return ask("GET", self.site.url(name, "/-/ready")).status == HTTPStatus.OK
        except OSError:
            return False

    def _up(self) -> set[str]:
        answer = ask("GET", self.site.url("prometheus", "/api/v1/query?query=up==1")).json
        return {row["metric"].get("host") for row in answer["data"]["result"]} & set(HOSTS)

    def _lay_out(self) -> None:
        targets = self._prometheus / "targets"
        targets.mkdir(parents=True)
        for name in ("prometheus.yml", "doctor-daemon.rules.yml"):
            (self._prometheus / name).symlink_to(DEPLOY / "prometheus" / name)
        exporters = [_target(self.site.port(f"exporter-{host}"), host=host) for host in HOSTS]
        (targets / "compute.yml").write_text(json.dumps(exporters))
        alertmanager = [_target(self.site.port("alertmanager"))]
        (targets / "alertmanager.yml").write_text(json.dumps(alertmanager))
        (targets / "doctor-daemon.yml").write_text(json.dumps([_target(self.site.port("metrics"))]))
        self._alertmanager.mkdir()
        shipped = DEPLOY / "alertmanager" / "alertmanager.yml"
        (self._alertmanager / shipped.name).symlink_to(shipped)
        token = self._alertmanager / "doctor-daemon.token"
        token.touch(mode=0o600)
        token.write_text(TOKEN)

    def _start_alertmanager(self) -> None:
        options = {
            "config.file": self._alertmanager / "alertmanager.yml",
            "storage.path": self._alertmanager / "data",
            "web.listen-address": f"127.0.0.1:{self.site.port('alertmanager')}",
            "web.external-url": self.site.url("alertmanager"),
            # Empty: it is alone, and listens for no other.
            "cluster.listen-address": "",
        }
        self._launch("alertmanager", "/usr/bin/prometheus-alertmanager", options)

    def _start_prometheus(self) -> None:
        options = {
            "config.file": self._prometheus / "prometheus.yml",
            "storage.tsdb.path": self._prometheus / "data",
            "web.listen-address": f"127.0.0.1:{self.site.port('prometheus')}",
            "web.external-url": self.site.url("prometheus"),
        }
        self._launch("prometheus", "/usr/bin/prometheus", options)

    def _launch(self, name: str, program: str, options: dict[str, object]) -> None:
        words = [f"--{option}={value}" for option, value in options.items()]
        self._processes.launch(name, [program, *words])


def promtool(*words: str | Path) -> str:
    """What promtool says. AssertionError: it objects."""
    return _told("promtool", *words)


def _told(program: str, *words: str | Path) -> str:
    argv = [f"/usr/bin/{program}", *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout + done.stderr


def _target(port: int, **labels: str) -> dict[str, Any]:
    return {"targets": [f"127.0.0.1:{port}"], "labels": labels}
