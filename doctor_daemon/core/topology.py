"""Levels and tries: where fencing begins, what follows a try that failed, and where it ends.

A try is one attempt at one level. What a try learns (identities, cuts, reads) ends with it, so
nothing that was true of an earlier one can be taken for true of the next.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.incident import Held, Incident
from doctor_daemon.core.service import out_of_service
from doctor_daemon.core.tries import Try

NEVER = "`doctor-daemon confirm-off HOST` once a human has made sure; or `fence HOST` to try again"


def begin(incident: Incident, context: Context, level: int = 1, nth: int = 1) -> Incident:
    """Begin a try of a level; hold where there is none, or where only a human can pass it."""
    now, found = context.now, context.plan.level(level)
    if found is None:
        why = "every fencing level has failed" if level > 1 else "no fencing level is configured"
        return incident.hold(now, Held("fencing", f"{why}: {incident.host} may be running", NEVER))
    if found.manual:
        why = f"level {level} is manual: only a human can tell that {incident.host} is off"
        return incident.hold(now, Held("manual", why, NEVER))
    current = incident.fencing
    if incident.release.again and current is not None and current.go_at is not None:
        incident = out_of_service(incident)  # its power may have been cut
    number = incident.tries + 1
    fencing = Try(number, level, nth, context.plan.digest, now)
    return replace(
        incident,
        fencing=fencing,
        tries=number,
        proof=None,
        progress_at=now,
        look_failures=0,
    )


def fail(incident: Incident, context: Context, why: str, *, final: bool = False) -> Incident:
    """End a try that failed: the same level again, or the next. `final`: this level is no use."""
    fencing, policy, now = incident.fencing, context.policy, context.now
    if fencing is None:
        return begin(incident, context)
    incident = incident.note(now, f"level {fencing.level}, try {fencing.nth}: {why}")
    if final or fencing.nth >= policy.tries_per_level:
        return begin(incident, context, fencing.level + 1)
    again = begin(incident, context, fencing.level, fencing.nth + 1)
    return replace(again, retry_at=now.plus(policy.backoff(fencing.nth)))
