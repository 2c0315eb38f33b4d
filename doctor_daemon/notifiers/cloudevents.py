"""A notice as a CloudEvent: structured JSON, one audience each. Source: CloudEvents 1.0.2.

A tenant's body is put together from a fixed list of words about its own servers. Nothing that was
written for operators goes in, however harmless it looks: a text may name a host, an address or
another tenant's server. That makes it safe by construction, not by a search for names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.notices import OPERATORS, Notice
from doctor_daemon.core.upkeep import Turn
from doctor_daemon.notifiers.ifa005 import alarm, alarm_id, severity

MEDIA_TYPE = "application/cloudevents+json"
TYPE = "doctor-daemon.host.{}"
BODY_MAX = 524_288
"""Bytes of a body; the servers that do not fit are left out, and it says so."""
NAME_MAX = 255
"""Letters of a server's name, as in Nova."""
TEXT_MAX = 4000
_ENVELOPE_MAX = 65_536
"""Bytes kept for all but the servers."""
_MOMENTS_MAX = 64
"""Moments whose text is remembered: the notices of a step are all of the same few."""

_REASONS: Mapping[NoticeKind, str] = {
    NoticeKind.SUSPECTED: "the host of these servers is suspected to have failed",
    NoticeKind.WITHDRAWN: "what was said about these servers is taken back: "
    "their host did not fail, or they are not on it",
    NoticeKind.CONFIRMED: "the host of these servers has failed: it is off, and Nova knows",
    NoticeKind.HELD: "the host of these servers may have failed: the cloud's operators must decide",
    NoticeKind.RECOVERED: "the host on which these servers were is back in service",
    NoticeKind.MAINTENANCE: "the maintenance of the host of these servers has begun or ended",
    NoticeKind.SERVICE: "the host of these servers is alive and they run, but its nova-compute is "
    "down: nothing can be changed of them until it is back",
    NoticeKind.ALARM: "something about this host is not as it was left: its operators see to it",
}
_OUTCOMES: Mapping[str, str] = {
    Stage.MOVED: "these servers were rebuilt elsewhere, and are there now",
    Stage.SKIPPED: "these servers were left as they are: nothing was rebuilt",
    Stage.FAILED: "these servers could not be rebuilt elsewhere, and are still down",
    Stage.WAITING: "these servers are down and wait, before they are moved, for a word of their "
    "project",
    Stage.UNKNOWN: "it is not known whether these servers were rebuilt elsewhere",
}

_UPKEEP: Mapping[str, str] = {
    Turn.BEGUN: "maintenance of the host of these servers has begun: it takes no new ones",
    Turn.ENDED: "maintenance has ended of the host on which these servers are, or were at its "
    "beginning",
}

Body = dict[str, object]


def event(notice: Notice, id_: str, sequence: int) -> str:
    """Return the whole event as ASCII JSON of at most `BODY_MAX` bytes."""
    servers = _shown(notice)
    body = _event(notice, id_, sequence, servers, whole=True)
    if len(body) <= BODY_MAX:
        return body
    return _event(notice, id_, sequence, _fitting(servers), whole=False)


def _event(notice: Notice, id_: str, sequence: int, servers: list[Body], *, whole: bool) -> str:
    for_operators = notice.project == OPERATORS
    data: Body = {
        "kind": notice.kind,
        "sequence": sequence,
        "incident": notice.incident,
        "fenced": notice.fenced,
        "outcome": notice.outcome or None,
        "cause": notice.cause or None,
        "reason": reason(notice),
        "project_id": None if for_operators else notice.project,
        "servers": servers,
        "servers_truncated": not whole,
        "servers_as_of": _time(notice.servers_wall_s) if notice.servers_wall_s else None,
        "alarm": alarm(notice, _time(notice.raised_wall_s or notice.wall_s), _time(notice.wall_s)),
    }
    if for_operators:
        data |= {
            "cloud": notice.host.cloud,
            "host": notice.host.name,
            "text": notice.text[:TEXT_MAX],
        }
    return _json(
        {
            "specversion": "1.0",
            "id": id_,
            "source": f"/doctor-daemon/{quote(notice.host.cloud, safe='', errors='replace')}",
            "type": TYPE.format(notice.kind),
            "time": _time(notice.wall_s),
            "subject": notice.host.name if for_operators else notice.incident,
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def reason(notice: Notice) -> str:
    """Return what happened in a sentence that names nobody."""
    if notice.kind is NoticeKind.OUTCOME:
        return _OUTCOMES.get(notice.outcome, _OUTCOMES[Stage.UNKNOWN])
    if notice.kind is NoticeKind.MAINTENANCE and notice.outcome in _UPKEEP:
        return _UPKEEP[notice.outcome]
    return _REASONS[notice.kind]


def _shown(notice: Notice) -> list[Body]:
    for_operators, alarmed = notice.project == OPERATORS, severity(notice) is not None
    return [
        {
            "id": one.id,
            "name": one.name[:NAME_MAX],
            **({"project_id": one.project} if for_operators else {}),
            **({"alarmId": alarm_id(notice.incident, one.id)} if alarmed else {}),
        }
        for one in notice.servers
    ]


def _fitting(servers: list[Body]) -> list[Body]:
    """Return as many servers as fit beside the rest, in order."""
    left = BODY_MAX - _ENVELOPE_MAX
    for number, server in enumerate(servers):
        left -= len(_json(server)) + 1
        if left < 0:
            return servers[:number]
    return servers


def _json(value: Body) -> str:
    """Escape all that is not ASCII: half a surrogate pair in a name then breaks nothing."""
    return json.dumps(value, separators=(",", ":"))


@lru_cache(maxsize=_MOMENTS_MAX)
def _time(unix_s: float) -> str:
    """Write a moment as RFC 3339 has it, in UTC, to the millisecond."""
    text = datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
