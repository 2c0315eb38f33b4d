"""One notification as Masakari's monitors send it, read strictly, and kept in the key of its row.

What is kept of a notification has to be told again to whoever asks for it, after a restart too. It
is all in the key under which the event is known: nothing else of it would survive, since of several
events of one fingerprint the store keeps the last one's summary only.

Source: Masakari's API reference, and its schemas of notifications and payloads.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.inspectors.wire import Found, is_time, moment
from doctor_daemon.ports import EvidenceRow

NAMESPACE = uuid.UUID("2f9b5a0e-6a52-4a43-9d2c-0d1f6e0b7c11")
"""Of the names from which ids are made: the same thing has the same id after a restart."""
WORD_MAX = 255


class Type(StrEnum):
    """What a notification is about."""

    COMPUTE_HOST = "COMPUTE_HOST"
    VM = "VM"
    PROCESS = "PROCESS"


class Event(StrEnum):
    """What has happened to a host, or to a process."""

    STARTED = "STARTED"
    STOPPED = "STOPPED"


class HostStatus(StrEnum):
    """What the monitor makes of a host's power. NORMAL means that it takes it for off."""

    NORMAL = "NORMAL"
    UNKNOWN = "UNKNOWN"


class ClusterStatus(StrEnum):
    """How the cluster shows a host."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"


@dataclass(frozen=True, slots=True)
class Sent:
    """A notification as it was sent."""

    type: Type
    hostname: Found
    generated: Found
    payload: Mapping[str, str]

    @property
    def generated_s(self) -> float | None:
        """When it was generated, in Unix seconds. Monitors send UTC, and do not say so."""
        text = self.generated.text()
        return moment(text) if moment(text) is not None else moment(f"{text}Z")


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification as it was recorded."""

    key: str
    type: Type
    host: HostId
    generated: str
    payload: Mapping[str, str]
    at_wall_s: float
    """When it came, in Unix seconds."""
    incident: IncidentId | None

    @property
    def id(self) -> str:
        """Its UUID."""
        return name_id(self.key)

    @property
    def accuses(self) -> bool:
        """Tell whether it says that a host is down."""
        return self.type is Type.COMPUTE_HOST and self.payload.get("event") == Event.STOPPED


def name_id(name: str) -> str:
    """Return the UUID of a name."""
    return str(uuid.uuid5(NAMESPACE, name))


def number(id_: str) -> int:
    """Return the number that stands beside a UUID: no client needs it to be in a row."""
    return int(uuid.UUID(id_).hex[:7], 16)


def read_notification(body: Found) -> Sent:
    """Read a request's body. Raise Refusal (400) that names the field."""
    body.only("notification")
    found = body.must("notification", "a notification")
    found.only("type", "hostname", "generated_time", "payload")
    type_ = found.must("type", "COMPUTE_HOST, VM or PROCESS").choice(Type)
    generated = found.must("generated_time", "a time (ISO 8601)")
    if not is_time(generated.text()):
        raise generated.wrong("a time (ISO 8601), as 2026-11-21T10:00:00.123456")
    hostname = found.must("hostname", "the name of a host")
    hostname.text()
    payload = found.must("payload", "an object")
    return Sent(type_, hostname, generated, _PAYLOADS[type_](payload))


def verdict(payload: Mapping[str, str]) -> Verdict:
    """Return what a payload of COMPUTE_HOST says of its host.

    STOPPED accuses it, whatever else is said: NORMAL is no proof, and UNKNOWN is a suspicion all
    the same. STARTED is a sign of life where the cluster shows it online, and else takes an earlier
    word back.
    """
    if payload["event"] == Event.STOPPED:
        return Verdict.DOWN
    online = payload.get("cluster_status") == ClusterStatus.ONLINE
    return Verdict.UP if online else Verdict.WITHDRAWN


def key_of(source: str, host: HostId, sent: Sent) -> str:
    """Return the key of a notification: all that it says."""
    parts = [sent.type, host.cloud, host.name, sent.generated.text(), sent.payload]
    return f"{source}|{json.dumps(parts, sort_keys=True)}"


def noted(row: EvidenceRow) -> Notice | None:
    """Return the notification that a row records; None for one of something else."""
    try:
        found = json.loads(row.key.partition("|")[2])
        type_, _, _, generated, payload = [*found] if isinstance(found, list) else []
        about = Type(type_)
    except (ValueError, RecursionError):
        return None
    if not isinstance(generated, str) or not isinstance(payload, dict):
        return None
    return Notice(row.key, about, row.host, generated, payload, row.at.wall_s, row.incident)


def _of_host(payload: Found) -> Mapping[str, str]:
    payload.only("event", "host_status", "cluster_status")
    found = {"event": str(_event(payload.must("event", "STARTED or STOPPED")))}
    if (power := payload.may("host_status")) is not None:
        found["host_status"] = str(power.choice(HostStatus))
    if (cluster := payload.may("cluster_status")) is not None:
        found["cluster_status"] = str(cluster.choice(ClusterStatus))
    return found


def _of_process(payload: Found) -> Mapping[str, str]:
    payload.only("process_name", "event")
    name = payload.must("process_name", "the name of a process").word(WORD_MAX)
    event = _event(payload.must("event", "STARTED or STOPPED"))
    return {"process_name": name, "event": str(event)}


def _of_server(payload: Found) -> Mapping[str, str]:
    names = ("instance_uuid", "vir_domain_event", "event")
    payload.only(*names)
    return {name: payload.must(name, "text").word(WORD_MAX) for name in names}


def _event(found: Found) -> Event:
    """Read STARTED or STOPPED, in any case: Masakari's own examples have both."""
    text = found.value.upper() if isinstance(found.value, str) else found.value
    return Found(text, found.field).choice(Event)


_PAYLOADS = {Type.COMPUTE_HOST: _of_host, Type.PROCESS: _of_process, Type.VM: _of_server}
