"""A host that is writing its crash dump: its power is not cut while it does, for a bounded time.

The messages of kdump say that the kernel has crashed and that a second one is running. That is
evidence that the host is down, and never that it is off: the crash kernel still owns the disks, and
anybody can send such a message. All it can bring about is that the cut waits (hazard B14): until
no message has come for a while, and no longer than `dump_wait_s` from the suspicion on.
"""

from __future__ import annotations

from doctor_daemon.core.context import Context
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.recall import unsent
from doctor_daemon.core.weighing import standing

KDUMP = "kdump"
"""The kind of such evidence."""
SILENT_S = 35.0
"""So long after the last message the dump is over: fence_kdump_send sends one each 10 s."""
WAITS = "it writes its crash dump: its power is not cut before that is over"


def dumps_until(incident: Incident, context: Context) -> Instant | None:
    """Return until when a cut waits, if nothing more is heard; None: it does not."""
    policy, now = context.policy, context.now
    need = context.plan.corroboration
    for word in standing(incident.words, now, policy.evidence_age_s, need):
        if word.kind != KDUMP:
            continue
        left_s = min(
            SILENT_S - now.since(word.last), policy.dump_wait_s - now.since(incident.grace_from)
        )
        if left_s > 0:
            return now.plus(left_s)
    return None


def writing(incident: Incident, context: Context) -> str:
    """Say that the host writes its crash dump, and nothing was cut yet; a gate.

    An operator who orders it fenced does not wait for that.
    """
    at, limit_s = incident.ordered_at, context.policy.evidence_age_s
    ordered = at is not None and context.now.since(at) <= limit_s
    before = incident.untouched or unsent(incident, context)
    return WAITS if before and not ordered and dumps_until(incident, context) else ""


def dumping(incident: Incident, now: Instant) -> Incident:
    """Say once what is waited for."""
    told = any(entry.text == WAITS for entry in incident.timeline)
    return incident if told else incident.note(now, WAITS)
