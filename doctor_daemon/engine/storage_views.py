"""What is shown of the storage of fenced hosts: plain values, ready for JSON."""

from __future__ import annotations

from typing import Any

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.volume_tasks import VolumeTask
from doctor_daemon.engine.storage_gates import shut
from doctor_daemon.engine.ward import Ward


def storage_of(host: HostId, incident: Incident | None, ward: Ward) -> list[dict[str, Any]]:
    """Show the tasks of a host: those that are not over, and those of its last incident."""
    id_ = incident.id if incident else None
    return [
        shown(task, ward)
        for task in ward.stock.tasks.values()
        if task.host == host and (not task.over or task.incident == id_)
    ]


def waiting(ward: Ward) -> list[dict[str, Any]]:
    """Show the tasks that need a human, in short."""
    return [
        {"host": str(task.host), "service": task.service, "why": task.why}
        for task in ward.stock.tasks.values()
        if task.stage.needs_a_human
    ]


def shown(task: VolumeTask, ward: Ward) -> dict[str, Any]:
    """Show one task."""
    return {
        "number": task.number,
        "incident": task.incident,
        "service": task.service,
        "stage": task.stage.value,
        "why": task.why,
        "frees": task.frees,
        "shut": "" if task.over else shut(ward, task.host),
        "trouble": "" if task.over else ward.stock.trouble,
        "story": [{"wall_s": line.at.wall_s, "text": line.text} for line in task.story],
    }
