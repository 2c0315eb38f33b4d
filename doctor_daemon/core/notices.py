"""What consumers are told, derived from what is saved and from nothing else.

A notice is made from a timeline entry in the step that saves the entry, so a notice can never claim
what has not been recorded, and nothing recorded goes untold. Tenants hear of their own servers only
and never learn the name of a physical host; operators hear everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from doctor_daemon.core.context import Context
from doctor_daemon.core.host import HostId, Mode, Server
from doctor_daemon.core.incident import Entry, Incident, IncidentId, NoticeKind
from doctor_daemon.core.phases import Phase

OPERATORS = ""
"""The project of a notice that is for the operators."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message for one audience. `sequence` grows by one for each consumer and host."""

    kind: NoticeKind
    incident: IncidentId
    host: HostId
    project: str
    """The project it is for; `OPERATORS`: it may name the host and the reason."""
    servers: tuple[Server, ...]
    servers_wall_s: float
    """When the list that named these servers was asked for, in Unix seconds; 0: never."""
    fenced: str
    """no | pending | confirmed."""
    text: str
    entry: int
    wall_s: float
    outcome: str = ""
    """With OUTCOME: waiting, moved, skipped, failed, unknown; with MAINTENANCE: begun or ended."""
    cause: str = ""
    """With OUTCOME: why they were not moved, as `Cause` has it."""
    raised_wall_s: float = 0.0
    """When the failure that this belongs to was first heard of, in Unix seconds; 0: it is none."""


def notices(incident: Incident, after: int, context: Context) -> Iterator[Notice]:
    """Yield the notices of the timeline entries after number `after`, for every audience."""
    for entry in incident.timeline[after:]:
        if entry.tell is not None and _audible(entry, context):
            yield from _for_all(entry, entry.tell, incident, context)


def _audible(entry: Entry, context: Context) -> bool:
    """Tell whether consumers hear of this at all: not in a dry run, nor of planned work."""
    if min(context.mode, context.plan.mode) is Mode.OBSERVE:
        return False
    window = context.maintenance
    planned = window is not None and not context.now.reached(window.until)
    return not (planned and entry.tell is NoticeKind.SUSPECTED)


def audiences(named: tuple[Server, ...]) -> Iterator[tuple[str, tuple[Server, ...]]]:
    """Yield who is told of these servers: the operators of all, each project of its own."""
    owned: dict[str, list[Server]] = {}
    for server in named:
        owned.setdefault(server.project, []).append(server)
    owned.pop(OPERATORS, None)
    yield OPERATORS, named
    for project, servers in sorted(owned.items()):
        yield project, tuple(servers)


def _for_all(
    entry: Entry, kind: NoticeKind, incident: Incident, context: Context
) -> Iterator[Notice]:
    named = tuple(incident.servers.values()) if entry.servers is None else entry.servers
    for project, servers in audiences(named):
        if kind is NoticeKind.ALARM and project != OPERATORS:
            continue  # it says what operators are to look after
        yield Notice(
            kind=kind,
            incident=incident.id,
            host=incident.host,
            project=project,
            servers=servers,
            servers_wall_s=incident.servers_wall_s,
            fenced=_fenced(entry, incident, context),
            text=entry.text,
            entry=entry.seq,
            wall_s=entry.at.wall_s,
            outcome=entry.outcome,
            cause=entry.cause,
            raised_wall_s=incident.opened_at.wall_s,
        )


def _fenced(entry: Entry, incident: Incident, context: Context) -> str:
    if entry.phase is Phase.SUSPECTED and entry.tell in (NoticeKind.WITHDRAWN, NoticeKind.SERVICE):
        return "no"  # nothing of that host's is going to be cut
    held = entry.phase is Phase.HELD and entry.seq > 1
    phase = incident.timeline[entry.seq - 2].phase if held else entry.phase
    if phase in (Phase.EVACUATING, Phase.DOWN):
        return "confirmed"
    if phase is Phase.RELEASING:
        return "no" if incident.release.lifted else "confirmed"
    may = min(context.mode, context.plan.mode) >= Mode.FENCE
    pending = may and entry.phase in (
        Phase.SUSPECTED,
        Phase.FENCING,
        Phase.FORCING_DOWN,
    )
    return "pending" if pending else "no"
