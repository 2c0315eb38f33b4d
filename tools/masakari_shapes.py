"""What is told and shown by Masakari's API: the schemas of its bodies, and examples.

Source: Masakari's API reference, and doctor_daemon.inspectors.masakari_notice and _views.
"""

from __future__ import annotations

from doctor_daemon.core.host import HostId
from doctor_daemon.inspectors.masakari_notice import (
    WORD_MAX,
    ClusterStatus,
    Event,
    HostStatus,
    Type,
    key_of,
    name_id,
    read_notification,
)
from doctor_daemon.inspectors.masakari_versions import HIGHEST, LOWEST
from doctor_daemon.inspectors.masakari_versions import text as spelt
from doctor_daemon.inspectors.wire import Found
from tools.shapes import Schema, one_of, some, text, whole

DAY = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
ZONE = "([Zz]|[+-][0-9]{2}:[0-9]{2})?"

HOST = HostId("default", "compute-1")
SOURCE = "masakari"
DIED = {
    "type": "COMPUTE_HOST",
    "hostname": HOST.name,
    "generated_time": "2025-11-21T10:00:00.000000",
    "payload": {"event": "STOPPED", "host_status": "NORMAL", "cluster_status": "OFFLINE"},
}
CRASHED = {
    "type": "VM",
    "hostname": HOST.name,
    "generated_time": "2025-11-21 10:00:00",
    "payload": {
        "instance_uuid": "5f8a3d5c-1111-4222-8333-444455556666",
        "vir_domain_event": "STOPPED_FAILED",
        "event": "LIFECYCLE",
    },
}
EXAMPLES = ({"notification": DIED}, {"notification": CRASHED})
"""The second is taken at any time: a word about a host counts only while it is news."""
NOTED = name_id(key_of(SOURCE, HOST, read_notification(Found(EXAMPLES[1]))))
"""Its UUID, once it was posted."""

word: Schema = {"type": "string", "minLength": 1, "maxLength": WORD_MAX}
words: Schema = {"type": "string"}
maybe: Schema = {"type": ["string", "null"]}
flag: Schema = {"type": "boolean"}
uuid: Schema = {"type": "string", "format": "uuid"}
time: Schema = {"type": "string", "pattern": rf"^{DAY}T{CLOCK}\.[0-9]{{6}}$"}
generated: Schema = {
    "type": "string",
    "pattern": rf"^{DAY}[Tt ]{CLOCK}(\.[0-9]{{1,9}})?{ZONE}$",
    "description": "Without a zone it is UTC.",
}
event: Schema = {
    "type": "string",
    "enum": [*map(str, Event), *(one.lower() for one in Event)],
    "description": "In upper or lower case.",
}


def ref(name: str) -> Schema:
    """Return a schema that stands under `components`."""
    return {"$ref": f"#/components/schemas/{name}"}


maybe_time: Schema = {"anyOf": [ref("Time"), {"type": "null"}]}


def listed(of: Schema) -> Schema:
    """Return the schema of a list, which may be empty."""
    return {"type": "array", "items": of}


OF_SERVER = whole(instance_uuid=word, vir_domain_event=word, event=word)


def payloads(happened: Schema) -> dict[Type, Schema]:
    """Return what each type of notification says; `happened`: how an event is spelt."""
    return {
        Type.COMPUTE_HOST: whole(
            {"host_status": one_of(*HostStatus), "cluster_status": one_of(*ClusterStatus)},
            event=happened,
        ),
        Type.PROCESS: whole(process_name=word, event=happened),
        Type.VM: OF_SERVER,
    }


def sent(type_: Type, payload: Schema) -> Schema:
    """Return the schema of a notification of one type, as it is sent."""
    return whole(type=one_of(type_), hostname=text, generated_time=generated, payload=payload)


NOTIFICATION: Schema = {
    **whole(notification={"oneOf": [sent(*one) for one in payloads(event).items()]}),
    "examples": list(EXAMPLES),
}

PERSISTENT: dict[str, Schema] = {
    "created_at": ref("Time"),
    "updated_at": maybe_time,
    "deleted_at": {"type": "null"},
    "deleted": {"const": False},
}
number: Schema = {"type": "integer", "minimum": 0}
STATUS = one_of("new", "running", "error", "ignored", "finished", "failed")
DETAIL = whole(
    name=words,
    state=one_of("PENDING", "RUNNING", "SUCCESS", "IGNORE", "FAILURE"),
    progress={"type": "number"},
    progress_details=listed(whole(timestamp=ref("Time"), message=words, progress=words)),
)
NOTICE: dict[str, Schema] = {
    "id": number,
    "notification_uuid": uuid,
    "generated_time": generated,
    "source_host_uuid": uuid,
    "type": one_of(*Type),
    "payload": ref("Payload"),
    "status": STATUS,
    "failover_segment_uuid": uuid,
    "message": maybe,
    **PERSISTENT,
}
MOVE = whole(
    id=number,
    uuid=uuid,
    notification_uuid=uuid,
    instance_uuid=words,
    instance_name=words,
    source_host=words,
    dest_host=maybe,
    start_time=maybe_time,
    end_time=maybe_time,
    type=one_of("evacuation"),
    status=one_of("pending", "ongoing", "succeeded", "ignored", "failed"),
    message=maybe,
    **PERSISTENT,
)
OF_SEGMENT: dict[str, Schema] = {
    "id": number,
    "uuid": uuid,
    "name": words,
    "description": words,
    "service_type": one_of("COMPUTE"),
    "recovery_method": one_of("auto"),
    **PERSISTENT,
}
MEMBER = whole(
    id=number,
    uuid=uuid,
    name=words,
    failover_segment_id=uuid,
    failover_segment=ref("Segment"),
    type=one_of("COMPUTE"),
    control_attributes=words,
    reserved=flag,
    on_maintenance=flag,
    **PERSISTENT,
)
VERSION: dict[str, Schema] = {
    "id": one_of("v1.0"),
    "status": one_of("CURRENT"),
    "version": one_of(spelt(HIGHEST)),
    "min_version": one_of(spelt(LOWEST)),
    "updated": {"type": "string", "format": "date-time"},
    "links": some(whole(rel=one_of("self"), href=words)),
}
MEDIA: dict[str, Schema] = {"media-types": some(whole(base=words, type=words))}
SCHEMAS: dict[str, Schema] = {
    "Time": {**time, "description": "UTC."},
    "Payload": {"anyOf": list(payloads(one_of(*Event)).values())},
    "Notification": whole({"recovery_workflow_details": listed(DETAIL)}, **NOTICE),
    "NotificationListed": whole(**NOTICE),
    "Move": MOVE,
    "Segment": whole({"enabled": flag}, **OF_SEGMENT),
    "Host": MEMBER,
    "Version": whole(**VERSION, **MEDIA),
}
"""What stands under `components`, since it is shown in several places."""
