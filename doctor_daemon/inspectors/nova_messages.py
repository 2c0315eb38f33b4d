"""Nova's versioned notifications, read strictly: which server is where, and whose service it was.

Sources: oslo.messaging's envelope, version 2.0 (`_drivers/common.py` of it), in it what its
notifiers send (`event_type`, `timestamp`, `payload`), and in that an object of Nova's
(`nova_object.name`, `nova_object.data`; Nova's "Notifications" in its reference). The payloads of
all events `instance.*` have the fields of InstancePayload, which show the row of the server as its
sender had it; which of two rows is the newer `updated_at` tells, and not the event's name.

Nothing else of a message is read: it names users, addresses and keys.
"""

from __future__ import annotations

from dataclasses import dataclass

from doctor_daemon.core.hints import Hint
from doctor_daemon.core.host import Server, ServerId
from doctor_daemon.inspectors.wire import NAME_MAX, Found, cleaned, moment, parsed
from doctor_daemon.ports.refusal import Refusal

BODY_MAX = 1_048_576
"""Bytes of a message; Nova's have about 10,000."""
ENVELOPE = "2.0"
EVENT_MAX = 100
ID_MAX = 64
COMPUTE = "nova-compute"
GONE = frozenset({"deleted", "soft-delete"})
"""The vm_states of servers that Nova's API shows as DELETED or SOFT_DELETED."""
STATUSES = {
    "active": "ACTIVE",
    "building": "BUILD",
    "error": "ERROR",
    "paused": "PAUSED",
    "rescued": "RESCUE",
    "resized": "VERIFY_RESIZE",
    "shelved": "SHELVED",
    "shelved_offloaded": "SHELVED_OFFLOADED",
    "stopped": "SHUTOFF",
    "suspended": "SUSPENDED",
}
"""vm_state -> the status that Nova's API shows, where no task is under way."""
TIMES = ("updated_at", "created_at", "deleted_at")


@dataclass(frozen=True, slots=True)
class Written:
    """Somebody has written to the compute service of a host."""

    host: str


def read_message(body: bytes) -> Hint | Written | None:
    """Read a message; None: it is about something else. Raise Refusal for what cannot be read."""
    if len(body) > BODY_MAX:
        found = f"found {len(body)} bytes"
        raise Refusal(413, "too_long", found, field="body", expected=f"at most {BODY_MAX}")
    envelope = Found(parsed(body))
    version = envelope.must("oslo.version", ENVELOPE)
    if version.value != ENVELOPE:
        raise version.wrong(ENVELOPE, "wrong_value")
    text = envelope.must("oslo.message", "JSON as text").text(BODY_MAX)
    message = Found(parsed(text.encode("utf-8", "surrogatepass")))
    event = message.must("event_type", "text").word(EVENT_MAX)
    about = event.partition(".")[0]
    if about not in {"instance", "service"}:
        return None
    data = message.must("payload", "an object of Nova's").must("nova_object.data", "its fields")
    if about == "service":
        return _written(data)
    return _hint(data, _sent(message))


def _written(data: Found) -> Written | None:
    """Return whose service it was. Everything that is said of it is asked of Nova itself."""
    if data.must("binary", "text").value != COMPUTE:
        return None
    return Written(data.must("host", "the name of a host").word(NAME_MAX))


def _sent(message: Found) -> float:
    """Return when it was sent: oslo.messaging writes UTC, and does not say so."""
    stamp = message.must("timestamp", "a time")
    sent_s = moment(f"{stamp.value}Z") or moment(stamp.value)
    if sent_s is None:
        raise stamp.wrong("a time, as 2026-11-21 10:00:00.000000")
    return sent_s


def _hint(data: Found, sent_s: float) -> Hint:
    state = _word(data, "state")
    gone = state in GONE or data.may("deleted_at") is not None
    host = data.may("host")
    name = data.may("display_name")
    server = Server(
        id=ServerId(data.must("uuid", "the id of a server").word(ID_MAX)),
        name="" if name is None or name.value == "" else cleaned(name.text(BODY_MAX), NAME_MAX),
        project=data.must("tenant_id", "the id of a project").word(ID_MAX),
        status=STATUSES.get(state, ""),
        vm_state=state,
        task_state=_word(data, "task_state"),
    )
    where = "" if gone or host is None else host.word(NAME_MAX)
    return Hint(server, where, _changed(data), sent_s)


def _word(data: Found, name: str) -> str:
    found = data.may(name)
    return "" if found is None else found.word(ID_MAX)


def _changed(data: Found) -> float:
    """Return when the row was changed last. One that was only made has not been updated yet."""
    times = [found.moment() for name in TIMES if (found := data.may(name)) is not None]
    if not times:
        raise data.must(TIMES[0], "a time").wrong("a time")
    return max(times)
