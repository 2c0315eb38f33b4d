"""Levels and tries: where fencing begins, what follows a try that failed, and where it ends.

A try is one attempt at one level. What a try learns (identities, cuts, reads) ends with it, so
nothing that was true of an earlier one can be taken for true of the next.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.incident import Held, Incident
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


def unsent(incident: Incident, context: Context) -> Incident:
    """Take the point of no return back where a refused cut was all that lay behind it.

    Only a level's sole device shows that: beside another one's cut, which may be under way, it
    stands, and so it does where an earlier try has passed it.
    """
    current = incident.fencing
    level = context.plan.level(current.level) if current else None
    if current is None or level is None or len(level.devices) > 1:
        return incident
    first = current.go_at is not None and incident.cut_started == current.go_at
    # A pause since then has given it no grace anew: the gate that asks for one is not to stay shut.
    return replace(incident, cut_started=None, grace_from=context.now) if first else incident


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
