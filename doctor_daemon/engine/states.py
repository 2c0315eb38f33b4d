"""How servers stand: what Nova shows of them now, beside what the open incidents say of them.

Nova is asked for each answer, by one page. What the poller has is some seconds old, and an operator
who asks how a server stands is about to rely on it. Few are asked for at once: they go by the same
connections as the looks that incidents wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.server_state import ServerState, status_of
from doctor_daemon.engine.desk import Desk
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import Temporary
from doctor_daemon.ports.states import StatesPage, StatesWanted

ASK_S = 12.0
"""An operator's command waits 15 s for an answer, and is to hear why there is none."""
SILENT_MAX = 20
"""Hosts that are named of those of which Nova could say nothing."""


async def server_states(wanted: StatesWanted, desk: Desk, ward: Ward) -> dict[str, Any]:
    """Ask Nova for one page, and show it as plain values. Raise DoctorError."""
    try:
        async with asyncio.timeout(ASK_S), ward.asking:
            page = await ward.tools.controller.states(wanted)
    except TimeoutError:
        msg = f"Nova has not shown the servers within {ASK_S:g} s; it was only asked"
        raise Temporary(msg) from None
    incidents = [case.incident for case in desk.cases.values()]
    return {
        "as_of_wall_s": page.asked_wall_s,
        "host": _host(wanted.host, page),
        "servers": [_server(state, incidents, ward.rules.cloud) for state in page.states],
        "marker": page.marker or None,
        "silent": {"count": len(page.silent), "hosts": sorted(page.silent)[:SILENT_MAX]},
        "blind": page.blind,
    }


def _host(host: HostId | None, page: StatesPage) -> dict[str, Any] | None:
    """Show how a host stands that was asked for: it may have no server to be seen by."""
    service = page.service
    if host is None or service is None:
        return None
    return {
        "name": str(host),
        "host_status": status_of(service).value,
        "state": service.state,
        "status": service.status,
        "forced_down": service.forced_down,
        "reason": service.reason,
    }


def _server(state: ServerState, incidents: Sequence[Incident], cloud: str) -> dict[str, Any]:
    server, status = state.server, state.host_status
    incident = _concerned(state, incidents, cloud)
    return {
        "id": server.id,
        "name": server.name,
        "project": server.project,
        "status": server.status,
        "task": server.task_state or None,
        "host": state.host or None,
        "host_status": None if status is None else status.value,
        "incident": None if incident is None else _said(state, incident),
    }


def _concerned(state: ServerState, incidents: Sequence[Incident], cloud: str) -> Incident | None:
    """Return the incident of the server's host, or else one that the server was moved in."""
    host, id_ = HostId(cloud, state.host), state.server.id
    own = [one for one in incidents if one.host == host]
    moved = [one for one in incidents if id_ in one.evacuations or id_ in one.servers]
    return next(iter((*own, *moved)), None)


def _said(state: ServerState, incident: Incident) -> dict[str, Any]:
    record = incident.evacuations.get(state.server.id)
    return {
        "id": incident.id,
        "host": str(incident.host),
        "phase": incident.phase.value,
        "stage": record.stage.value if record else None,
        "to": record.to if record else "",
        "why": record.why if record else "",
    }
