"""The sources of the daemon that is asked: one of each type that is told by HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from doctor_daemon.inspectors.alertmanager import Alertmanager
from doctor_daemon.inspectors.answers import Answers
from doctor_daemon.inspectors.doctor import Doctor
from doctor_daemon.inspectors.evidence import EvidenceApi
from doctor_daemon.ports import Inspector
from tests.inspectors.rig import terms


def bearer() -> dict[str, str]:
    """Return how most of them are known: made anew, since the file may hold no aliases."""
    return {"bearer_file": "bearer"}


SOURCES: list[Mapping[str, Any]] = [
    {"name": "alerts", "type": "alertmanager", "trust": "alone", "auth": bearer()},
    {"name": "scripts", "type": "evidence", "kind": "script", "auth": bearer()},
    {"name": "monitors", "type": "doctor", "maintenance_s": 3600, "auth": bearer()},
    {"name": "projects", "type": "answers", "projects": "all", "auth": bearer()},
]
"""As the configuration has them."""


def made_sources() -> list[Inspector]:
    """Return the same as inspectors."""
    return [
        Alertmanager(Alertmanager.Config(), terms("alerts")),
        EvidenceApi(EvidenceApi.Config(), terms("scripts")),
        Doctor(Doctor.Config(maintenance_s=3600), terms("monitors")),
        Answers(Answers.Config(projects="all"), terms("projects")),
    ]
