"""What Masakari's API shows, out of what the daemon knows: the same fields, read only.

A notification's status is that of the incident which it belongs to, now. Segments do not exist
here: there is one, with every configured host in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase
from doctor_daemon.inspectors.masakari_notice import Notice, name_id, number
from doctor_daemon.inspectors.masakari_versions import DETAILS, ENABLED, Version
from doctor_daemon.inspectors.wire import Found, shown
from doctor_daemon.ports.refusal import Refusal

View = dict[str, Any]
PAGE_MAX = 1000
DETAILS_MAX = 100
"""Lines of a timeline that are shown as the details of a recovery: the last ones."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATUSES = {
    Phase.SUSPECTED: "new",
    Phase.FENCING: "running",
    Phase.FORCING_DOWN: "running",
    Phase.EVACUATING: "running",
    Phase.HELD: "error",
    Phase.DISMISSED: "ignored",
}
_MOVES = {
    Stage.WAITING: "pending",
    Stage.POSTING: "ongoing",
    Stage.CHECKING: "ongoing",
    Stage.UNDER_WAY: "ongoing",
    Stage.MOVED: "succeeded",
    Stage.SKIPPED: "ignored",
    Stage.FAILED: "failed",
    Stage.UNKNOWN: "failed",
}
_STATES = {"new": "PENDING", "running": "RUNNING", "finished": "SUCCESS", "ignored": "IGNORE"}


def status_of(notice: Notice, incident: Incident | None) -> str:
    """Return how far a notification is, in Masakari's words.

    `error` is what waits for a human. `failed`: all is done, and servers of the host did not get
    away. What is about no host's death is `ignored`, and a host that came back is `finished`.
    """
    if not notice.accuses:
        return "finished" if notice.payload.get("cluster_status") else "ignored"
    if incident is None:
        return "finished"
    if (word := _STATUSES.get(incident.phase)) is not None:
        return word
    lost = (Stage.FAILED, Stage.UNKNOWN)
    return "failed" if any(e.stage in lost for e in incident.evacuations.values()) else "finished"


def notification_view(notice: Notice, incident: Incident | None, version: Version) -> View:
    """Show one notification; from 1.1 on with what has been done about it."""
    status = status_of(notice, incident)
    view: View = {
        "id": number(notice.id),
        "notification_uuid": notice.id,
        "generated_time": notice.generated.replace(" ", "T"),
        "source_host_uuid": host_id(notice.host),
        "type": notice.type.value,
        "payload": dict(notice.payload),
        "status": status,
        "failover_segment_uuid": segment_id(notice.host.cloud),
        "message": incident.held.why if incident and incident.held else None,
        **_persistent(notice.at_wall_s),
    }
    if version >= DETAILS:
        view["recovery_workflow_details"] = _details(incident, status) if incident else []
    return view


def _details(incident: Incident, status: str) -> list[View]:
    """Show a timeline as the one task of a recovery workflow."""
    over = status not in ("new", "running", "error")
    lines = [
        {"timestamp": _time(entry.at.wall_s), "message": entry.text, "progress": "0.0"}
        for entry in incident.timeline[-DETAILS_MAX:]
    ]
    state = _STATES.get(status, "FAILURE")
    progress = 1.0 if over else 0.0
    name = f"incident {incident.id}"
    return [{"name": name, "state": state, "progress": progress, "progress_details": lines}]


def move_views(notice: Notice, incident: Incident | None) -> list[View]:
    """Show the evacuations of a notification's host."""
    if incident is None:
        return []
    return [_move(notice, incident, one) for one in incident.evacuations.values()]


def _move(notice: Notice, incident: Incident, one: Evacuation) -> View:
    id_ = name_id(f"vmove/{incident.id}/{one.server.id}")
    began = one.sent_at.wall_s if one.sent_at else None
    return {
        "id": number(id_),
        "uuid": id_,
        "notification_uuid": notice.id,
        "instance_uuid": one.server.id,
        "instance_name": one.server.name,
        "source_host": incident.host.name,
        "dest_host": one.to or None,
        "start_time": None if began is None else _time(began),
        "end_time": _time(one.since.wall_s) if one.stage.ended else None,
        "type": "evacuation",
        "status": _MOVES[one.stage],
        "message": one.why or None,
        **_persistent(incident.opened_at.wall_s, one.since.wall_s),
    }


def segment_view(cloud: str, version: Version, began_wall_s: float) -> View:
    """Show the one segment there is."""
    id_ = segment_id(cloud)
    view: View = {
        "id": number(id_),
        "uuid": id_,
        "name": cloud,
        "description": "every host in the configuration of doctor-daemon",
        "service_type": "COMPUTE",
        "recovery_method": "auto",
        **_persistent(began_wall_s),
    }
    return {**view, "enabled": True} if version >= ENABLED else view


def host_view(host: HostId, segment: View, began_wall_s: float, *, maintained: bool) -> View:
    """Show one host."""
    id_ = host_id(host)
    return {
        "id": number(id_),
        "uuid": id_,
        "name": host.name,
        "failover_segment_id": segment["uuid"],
        "failover_segment": segment,
        "type": "COMPUTE",
        "control_attributes": "doctor-daemon",
        "reserved": False,
        "on_maintenance": maintained,
        **_persistent(began_wall_s),
    }


def segment_id(cloud: str) -> str:
    """Return the UUID of the segment."""
    return name_id(f"segment/{cloud}")


def host_id(host: HostId) -> str:
    """Return the UUID of a host."""
    return name_id(f"host/{host.cloud}/{host.name}")


def _persistent(created_wall_s: float, updated_wall_s: float | None = None) -> View:
    updated = None if updated_wall_s is None else _time(updated_wall_s)
    created = {"created_at": _time(created_wall_s), "updated_at": updated}
    return {**created, "deleted_at": None, "deleted": False}


def _time(wall_s: float) -> str:
    """Write a moment as Masakari does: UTC, without saying so."""
    at = (_EPOCH + timedelta(seconds=wall_s)).replace(tzinfo=None)
    return at.isoformat(timespec="microseconds")


def page(views: Iterable[View], query: Mapping[str, str], *filters: str) -> Sequence[View]:
    """Return the page that a query asks for. Raise Refusal (400).

    `marker` is a UUID, or the number beside it, which is what openstacksdk takes for the id.
    """
    limit = _limit(query.get("limit"))
    wanted = {name: query[name] for name in filters if name in query}
    found = [v for v in views if all(_said(v.get(n)) == w.lower() for n, w in wanted.items())]
    if (key := query.get("sort_key")) is not None:
        found.sort(key=lambda view: str(view.get(key, "")), reverse=_descending(query))
    elif not _descending(query):
        found.reverse()
    return found[_after(found, query.get("marker")) :][:limit]


def _said(value: object) -> str:
    return str(value).lower()


def _descending(query: Mapping[str, str]) -> bool:
    word = query.get("sort_dir", "desc")
    if word not in ("asc", "desc"):
        raise Found(word, "sort_dir").wrong("asc or desc", "wrong_value")
    return word == "desc"


def _limit(found: str | None) -> int:
    if found is None:
        return PAGE_MAX
    if not (found.isascii() and found.isdecimal() and 0 < len(found) <= len("1000000")):
        raise Found(found, "limit").wrong("a whole number", "wrong_value")
    return min(int(found), PAGE_MAX)


def _after(views: Sequence[View], marker: str | None) -> int:
    if marker is None:
        return 0
    for index, view in enumerate(views):
        if marker in (view.get("uuid", view.get("notification_uuid")), str(view["id"])):
            return index + 1
    raise Refusal(400, "no_marker", f"there is no {shown(marker)} here", field="marker")
