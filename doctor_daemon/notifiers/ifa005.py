"""The fields of an alarm, named as ETSI GS NFV-IFA 005 names them: what a VIM tells of a resource.

Only what is true is filled in. The resource is a server, and never its host, whose name is none of
its owner's business. Nothing here acknowledges alarms, so there is no `ackState`; and what has
failed on the host, or beyond it, is not known, so no alarm is called a root cause, and none has a
`faultType`.

Source: ETSI GS NFV-IFA 005, Alarm information element; ETSI GS NFV-SOL 005 for the values.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.incident import IncidentId, NoticeKind
from doctor_daemon.core.notices import Notice

EVENT_TYPE = "EQUIPMENT_ALARM"
PROBABLE_CAUSE = "underlyingResourceUnavailable"
"""Of ITU-T X.733: the server's host is not there for it."""
_OURS = uuid.UUID("6a0f8c0e-6b5b-5f0e-9d3c-7f0f5d0c1a05").bytes
_VARIANTS = "89ab" * 4
"""What becomes of the digit that tells the variant (RFC 9562, 4.1): the upper two bits are 1, 0."""
_KNOWN_MAX = 4096


class Severity(StrEnum):
    """How grave it is, in the words of the standard; those that are used."""

    CRITICAL = "CRITICAL"  # the host is off: the server does not run
    INDETERMINATE = "INDETERMINATE"  # it may run, and it may not
    CLEARED = "CLEARED"


_OUTCOMES: Mapping[str, Severity] = {
    Stage.MOVED: Severity.CLEARED,
    Stage.SKIPPED: Severity.CRITICAL,
    Stage.FAILED: Severity.CRITICAL,
    Stage.WAITING: Severity.CRITICAL,
    Stage.UNKNOWN: Severity.INDETERMINATE,
}


def severity(notice: Notice) -> Severity | None:
    """Return how grave a notice is for the servers it names; None: it is no fault of theirs."""
    match notice.kind:
        case NoticeKind.WITHDRAWN | NoticeKind.RECOVERED:
            return Severity.CLEARED
        case NoticeKind.OUTCOME:
            return _OUTCOMES.get(notice.outcome, Severity.INDETERMINATE)
        case NoticeKind.CONFIRMED:
            return Severity.CRITICAL
        case NoticeKind.SUSPECTED | NoticeKind.HELD:
            off = notice.fenced == "confirmed"
            return Severity.CRITICAL if off else Severity.INDETERMINATE
        case NoticeKind.MAINTENANCE | NoticeKind.ALARM | NoticeKind.SERVICE:
            return None


@lru_cache(maxsize=_KNOWN_MAX)
def alarm_id(incident: IncidentId, server: ServerId) -> str:
    """Return the id of an alarm: one for each server and failure, in every notice of it.

    `uuid.uuid5` by hand, in a third of the time, and once for all who are told of the server: a
    notice that names hundreds would wait for milliseconds.
    """
    name = f"{incident}/{server}".encode(errors="backslashreplace")
    text = hashlib.sha1(_OURS + name, usedforsecurity=False).hexdigest()
    last = f"{_VARIANTS[int(text[16], 16)]}{text[17:20]}-{text[20:32]}"
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{last}"


def alarm(notice: Notice, raised: str, now: str) -> dict[str, object] | None:
    """Return what the alarms of a notice's servers have in common; None: it raises and ends none.

    `raised` and `now` are the moments of the failure's first word and of this one, as text.
    """
    how = severity(notice)
    if how is None:
        return None
    return {
        "alarmRaisedTime": raised,
        "alarmChangedTime": now,
        "alarmClearedTime": now if how is Severity.CLEARED else None,
        "perceivedSeverity": how,
        "eventTime": now,
        "eventType": EVENT_TYPE,
        "probableCause": PROBABLE_CAUSE,
        "isRootCause": False,
        "correlatedAlarmId": notice.incident,
    }
