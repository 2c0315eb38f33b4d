"""What the list of servers corrects that is asked for after force-down.

Consumers were told early, by a map that may have been a little old. Only this list says who was on
the host.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.host import Server, ServerList
from doctor_daemon.core.incident import Incident, NoticeKind
from doctor_daemon.core.selection import bare


def listed(incident: Incident, fresh: ServerList, context: Context) -> Incident:
    """Correct what consumers were told, by the list that was asked for after force-down."""
    now, told = context.now, incident.servers
    there = {server.id: bare(server) for server in fresh.servers}
    added = tuple(server for id_, server in there.items() if id_ not in told)
    wrong = tuple(server for id_, server in told.items() if id_ not in there)
    incident = replace(incident, servers=there, servers_wall_s=fresh.asked_wall_s, listings=-1)
    incident = incident.note(now, f"Nova lists {len(there)} servers on the host")
    incident = _tell(incident, context, added, NoticeKind.CONFIRMED, "were missing from the map")
    return _tell(incident, context, wrong, NoticeKind.WITHDRAWN, "were wrongly named")


def _tell(
    incident: Incident,
    context: Context,
    servers: tuple[Server, ...],
    kind: NoticeKind,
    what: str,
) -> Incident:
    if not servers:
        return incident
    return incident.tell(context.now, f"{len(servers)} servers {what}", kind, servers)
