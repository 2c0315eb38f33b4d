"""What a source of type `masakari` serves: Masakari's API, as tools/surface.py has the rest."""

from __future__ import annotations

from doctor_daemon.inspectors.masakari_notice import Type
from doctor_daemon.inspectors.masakari_views import host_id, segment_id
from tools.masakari_shapes import (
    HOST,
    NOTED,
    NOTIFICATION,
    STATUS,
    VERSION,
    flag,
    generated,
    listed,
    ref,
    uuid,
    words,
)
from tools.shapes import MASAKARI, Operation, Schema, one_of, some, text, whole

LIMIT_MAX = 9_999_999
"""More is answered with what one page holds."""

OPEN = (400, 408, 429, 503)
"""What anybody may hear who asks for versions."""
READING = (400, 401, 403, 406, 408, 413, 415, 429, 503)
"""What one may hear who asks with a token."""
OF_ONE = (*READING[:3], 404, *READING[3:])
TELLING = (*READING[:5], 409, *READING[5:])

LISTS: dict[str, Schema] = {
    "limit": {"type": "integer", "minimum": 0, "maximum": LIMIT_MAX},
    "marker": text,
    "sort_key": text,
    "sort_dir": one_of("asc", "desc"),
}


def opened(path: str, summary: str, answer: Schema) -> Operation:
    """Return what is told to anybody."""
    return Operation(MASAKARI, "GET", path, summary, errors=OPEN, answer=answer)


def lists(path: str, summary: str, name: str, of: Schema, /, **query: Schema) -> Operation:
    """Return a list that can be asked for."""
    return Operation(
        MASAKARI,
        "GET",
        path,
        summary,
        query={**LISTS, **query},
        errors=OF_ONE if "{" in path else READING,
        answer=whole(**{name: listed(of)}),
        places=PLACES,
        versioned=True,
    )


def shows(path: str, summary: str, name: str, of: Schema) -> Operation:
    """Return one thing that can be asked for."""
    answer = whole(**{name: of})
    return Operation(
        MASAKARI,
        "GET",
        path,
        summary,
        errors=OF_ONE,
        answer=answer,
        places=PLACES,
        versioned=True,
    )


PLACES = {"id": NOTED, "segment": segment_id(HOST.cloud), "host": host_id(HOST)}
VERSION_ONE = whole(version=ref("Version"))
OPERATIONS: tuple[Operation, ...] = (
    opened("/", "Versions: told to anybody", whole(versions=some(whole(**VERSION)))),
    opened("/v1", "The one version: told to anybody", VERSION_ONE),
    opened("/v1/", "The same", VERSION_ONE),
    Operation(
        MASAKARI,
        "POST",
        "/v1/notifications",
        "A notification of Masakari's monitors: it is on disk when this is answered",
        NOTIFICATION,
        errors=TELLING,
        good=202,
        answer=whole(notification=ref("Notification")),
        versioned=True,
    ),
    lists(
        "/v1/notifications",
        "Notifications of the last hour, the newest first",
        "notifications",
        ref("NotificationListed"),
        **{
            "status": STATUS,
            "source_host_uuid": uuid,
            "type": one_of(*Type),
            "generated-since": generated,
        },
    ),
    shows("/v1/notifications/{id}", "What became of one", "notification", ref("Notification")),
    lists(
        "/v1/notifications/{id}/vmoves",
        "What became of the servers of its host",
        "vmoves",
        ref("Move"),
        status=words,
        type=words,
    ),
    shows(
        "/v1/notifications/{id}/vmoves/{move}", "What became of one server", "vmove", ref("Move")
    ),
    lists(
        "/v1/segments",
        "The one segment",
        "segments",
        ref("Segment"),
        name=text,
        recovery_method=text,
        service_type=text,
        enabled=flag,
    ),
    shows("/v1/segments/{segment}", "The same, by its UUID", "segment", ref("Segment")),
    lists(
        "/v1/segments/{segment}/hosts",
        "The hosts of the configuration",
        "hosts",
        ref("Host"),
        name=text,
        type=text,
        on_maintenance=flag,
        reserved=flag,
    ),
    shows("/v1/segments/{segment}/hosts/{host}", "One of them, by its UUID", "host", ref("Host")),
)
