"""The shipped files make Prometheus and Alertmanager tell the daemon what it needs to hear."""

from __future__ import annotations

import json
import queue
import shutil
from pathlib import Path
from typing import Any

from tests.openstack.alerting import DEPLOY, TOKEN, promtool, webhook
from tests.openstack.estate import Estate
from tests.openstack.listener import Asked, Listener, Reply

HOST = "compute-3"
HERE = Path(__file__).resolve().parent


def test_a_dead_exporter_becomes_a_firing_alert_and_a_living_one_resolves_it(
    estate: Estate,
) -> None:
    came: queue.SimpleQueue[Asked] = queue.SimpleQueue()
    port, path = webhook()

    def keep(asked: Asked) -> Reply:
        came.put(asked)
        return Reply(200)

    with Listener(keep, port):
        estate.hosts[HOST].stop_exporter()
        firing = came.get(timeout=20)
        estate.hosts[HOST].start_exporter()
        resolved = came.get(timeout=20)
    assert (firing.method, firing.path) == ("POST", path)
    assert firing.headers["authorization"] == f"Bearer {TOKEN}"
    assert shown(firing) == ("4", "firing", "HostDown", HOST)
    assert shown(resolved) == ("4", "resolved", "HostDown", HOST)


def shown(asked: Asked) -> tuple[Any, ...]:
    body = json.loads(asked.body)
    [alert] = body["alerts"]
    labels = alert["labels"]
    assert alert["status"] == body["status"]
    return body["version"], body["status"], labels["alertname"], labels["host"]


def test_the_files_that_run_are_the_shipped_ones(estate: Estate) -> None:
    checked = estate.alerting.check()
    rules = (DEPLOY / "prometheus" / "doctor-daemon.rules.yml").read_text(encoding="utf-8")
    assert f"{rules.count('- alert:')} rules found" in checked
    for part, name in (
        ("prometheus", "prometheus.yml"),
        ("prometheus", "doctor-daemon.rules.yml"),
        ("alertmanager", "alertmanager.yml"),
    ):
        assert (estate.site.run / part / name).samefile(DEPLOY / part / name)


def test_the_shipped_folder_is_complete_by_itself() -> None:
    assert "WARNING" not in promtool("check", "config", DEPLOY / "prometheus" / "prometheus.yml")


def test_the_rules_fire_when_they_should_and_not_before(tmp_path: Path) -> None:
    rules = DEPLOY / "prometheus" / "doctor-daemon.rules.yml"
    shutil.copy(HERE / "rules_test.yml", tmp_path)
    (tmp_path / rules.name).symlink_to(rules)
    assert "SUCCESS" in promtool("test", "rules", tmp_path / "rules_test.yml")
