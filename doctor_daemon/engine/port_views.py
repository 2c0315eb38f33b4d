"""What is shown of the ports of fenced hosts, and of hosts in reserve: plain values for JSON."""

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


def reserve_of(host: HostId, incident: Incident | None, ward: Ward) -> dict[str, Any] | None:
    """Show which host in reserve is lent to a host, or was in its last incident."""
    task = ward.stock.reserves.get(host)
    id_ = incident.id if incident else None
    if task is None or (task.over and task.incident != id_):
        return None
    return {
        "incident": task.incident,
        "host": task.reserve,
        "stage": task.stage.value,
        "why": task.why,
        "frees": task.frees,
        "story": [{"wall_s": line.at.wall_s, "text": line.text} for line in task.story],
    }


def reserves_out(ward: Ward) -> list[dict[str, Any]]:
    """Show the hosts in reserve that are lent, in short, and what a human is to see to."""
    return [
        {"host": str(task.host), "reserve": task.reserve, "stage": task.stage.value}
        for task in ward.stock.reserves.values()
        if not task.over
    ]
