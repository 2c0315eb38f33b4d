"""What a host that is in use again does to what is recorded of its servers."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.evacuation import BEFORE, Stage
from doctor_daemon.core.incident import Incident


def in_service(incident: Incident) -> Incident:
    """Take what became of its servers for history: they may come back to a host that is in use."""
    records = {id_: record.of_before() for id_, record in incident.evacuations.items()}
    return replace(incident, evacuations=records, listings=0)


def out_of_service(incident: Incident) -> Incident:
    """Forget its way back, and the servers that had moved before the host was last in use.

    It may have been in use since its flag was gone, whoever had taken it away. What had set it is
    forgotten then, too.
    """
    shown, release = incident.shown, incident.release
    if release.gone_at is not None or release.lifted:
        incident = replace(incident, marking=incident.marking.undone())
    if release.gone_at is not None or (shown is not None and not shown.forced_down):
        incident = in_service(incident)
    away = {
        id_
        for id_, record in incident.evacuations.items()
        if record.stage is Stage.MOVED and record.migration == BEFORE
    }
    there = {id_: server for id_, server in incident.servers.items() if id_ not in away}
    return replace(incident, servers=there, release=release.anew())
