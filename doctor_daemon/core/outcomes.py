"""The records of a host's servers, put into the incident: each outcome is told, in few lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from doctor_daemon.core.causes import cause
from doctor_daemon.core.context import Context
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.host import Server, ServerId
from doctor_daemon.core.incident import Incident, NoticeKind

NAMES_MAX = 5

Records = Mapping[ServerId, Evacuation]


def put(incident: Incident, records: Records, context: Context) -> Incident:
    """Save the records, and tell of each outcome: those of one kind in one line."""
    old, now = incident.evacuations, context.now
    if records == old:
        return incident
    turned = [r for id_, r in records.items() if id_ not in old or old[id_].stage is not r.stage]
    went_on = any(record.stage.ended or record.stage is Stage.UNDER_WAY for record in turned)
    progress_at = now if went_on else incident.progress_at  # merely trying again is none
    ended: dict[tuple[Stage, str, str], list[Server]] = {}
    for record in turned:
        if record.stage.ended:
            ended.setdefault((record.stage, record.to, record.why), []).append(record.server)
    incident = replace(incident, evacuations=records, progress_at=progress_at)
    for (stage, to, why), servers in ended.items():
        where = f" to {to}" if to and stage is Stage.MOVED else ""
        text = f"{stage}{where}: {names(servers)}" + (f": {why}" if why else "")
        word = cause(stage, why) or ""
        incident = incident.tell(
            now, text, NoticeKind.OUTCOME, tuple(servers), outcome=stage.value, cause=word
        )
    return incident


def names(servers: list[Server]) -> str:
    """Name some servers, and say how many more there are."""
    named = ", ".join(server.name or server.id for server in servers[:NAMES_MAX])
    more = len(servers) - NAMES_MAX
    return f"{named} and {more} more" if more > 0 else named


def tally(incident: Incident) -> str:
    """Say in a line what has become of the servers."""
    records = incident.evacuations.values()
    counts = {stage: sum(r.stage is stage for r in records) for stage in Stage}
    said = ", ".join(f"{count} {stage}" for stage, count in counts.items() if count)
    return f"{len(records)} servers: {said}" if records else "no server was on it"
