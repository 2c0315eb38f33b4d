"""The shipped files make Prometheus and Alertmanager tell the daemon what it needs to hear."""

from __future__ import annotations

import json
import queue
import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.openstack.alerting import DEPLOY, TOKEN, promtool, webhook
from tests.openstack.estate import Estate
from tests.openstack.listener import Asked, Listener, Reply

HOST = "compute-3"
HERE = Path(__file__).resolve().parent
SHIPPED = DEPLOY / "prometheus" / "doctor-daemon.rules.yml"


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
    assert f"{len(alerts(SHIPPED))} rules found" in estate.alerting.check()
    for part, name in (
        ("prometheus", "prometheus.yml"),
        ("prometheus", "doctor-daemon.rules.yml"),
        ("alertmanager", "alertmanager.yml"),
    ):
        assert (estate.site.run / part / name).samefile(DEPLOY / part / name)


def test_the_shipped_folder_is_complete_by_itself() -> None:
    assert "WARNING" not in promtool("check", "config", DEPLOY / "prometheus" / "prometheus.yml")


def test_the_rules_fire_when_they_should_and_not_before(tmp_path: Path) -> None:
    shutil.copy(HERE / "rules_test.yml", tmp_path)
    (tmp_path / SHIPPED.name).symlink_to(SHIPPED)
    assert "SUCCESS" in promtool("test", "rules", tmp_path / "rules_test.yml")


def test_each_shipped_alert_is_shown_to_fire_and_to_keep_still() -> None:
    cases = [
        case
        for test in yaml.safe_load((HERE / "rules_test.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    for fires in (True, False):
        tried = {case["alertname"] for case in cases if bool(case["exp_alerts"]) is fires}
        assert tried == alerts(SHIPPED)


def alerts(rules: Path) -> set[str]:
    groups = yaml.safe_load(rules.read_text())["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"]}
