"""What is shown of the ports of fenced hosts: plain values, ready for JSON."""

from __future__ import annotations

from typing import Any

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.port_tasks import PortStage, PortTask
from doctor_daemon.engine.port_gates import shut
from doctor_daemon.engine.ward import Ward


def ports_of(host: HostId, incident: Incident | None, ward: Ward) -> dict[str, Any] | None:
    """Show the task of a host, unless it is over and of an earlier incident."""
    task = ward.stock.ports.get(host)
    id_ = incident.id if incident else None
    if task is None or (task.over and task.incident != id_):
        return None
    return _shown(task, ward)


def ports_waiting(ward: Ward) -> list[dict[str, Any]]:
    """Show the tasks that need a human, in short."""
    return [
        {"host": str(task.host), "why": task.why}
        for task in ward.stock.ports.values()
        if task.stage is PortStage.HELD
    ]


def _shown(task: PortTask, ward: Ward) -> dict[str, Any]:
    return {
        "incident": task.incident,
        "stage": task.stage.value,
        "marked": len(task.ours),
        "why": task.why,
        "frees": task.frees,
        "shut": "" if task.over else shut(ward, task.host),
        "story": [{"wall_s": line.at.wall_s, "text": line.text} for line in task.story],
    }
