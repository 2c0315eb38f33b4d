"""Levels and tries: where fencing begins, what follows a try that failed, and where it ends.

A try is one attempt at one level. What a try learns (identities, cuts, reads) ends with it, so
nothing that was true of an earlier one can be taken for true of the next.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.incident import Held, Incident, NoticeKind, Waiting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.service import out_of_service
from doctor_daemon.core.tries import Try

AGAIN_S = 5.0
"""How often a device is asked for again whose name could not be resolved."""
NAMES = "names"
"""What an incident waits for whose devices cannot be found by their names."""
ALARM = "ALARM: waiting: "
FREES = (
    "mend the name service, or configure an address; then `fence HOST` takes it up again; or "
    "`confirm-off HOST` once a human has made sure"
)
NEVER = "`doctor-daemon confirm-off HOST` once a human has made sure; or `fence HOST` to try again"


def begin(
    incident: Incident, context: Context, level: int = 1, nth: int = 1, nameless: str = ""
) -> Incident:
    """Begin a try of a level; hold where there is none, or where only a human can pass it.

    `nameless`: what failed on the way there for want of a name that leads somewhere. Where nothing
    was cut either, that is our own trouble, and waited for.
    """
    now, found = context.now, context.plan.level(level)
    if nameless and incident.untouched and (found is None or found.manual):
        return _put_off(incident, nameless, now)
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
    fencing = Try(number, level, nth, context.plan.digest, now, nameless=nameless)
    return replace(
        incident,
        fencing=fencing,
        tries=number,
        proof=None,
        progress_at=now,
        look_failures=0,
    )


def repeat(incident: Incident, context: Context, current: Try) -> Incident:
    """Begin a try once more that has come to nothing, and has not failed."""
    return begin(incident, context, current.level, current.nth, current.nameless)


def fail(
    incident: Incident,
    context: Context,
    why: str,
    *,
    final: bool = False,
    nameless: bool = False,
) -> Incident:
    """End a try that failed: the same level again, or the next. `final`: this level is no use.

    `nameless`: a device could not be asked, for want of its name. The next level may have others;
    once that was waited for, it is neither told again nor tried twice in a row.
    """
    fencing, policy, now = incident.fencing, context.policy, context.now
    if fencing is None:
        return begin(incident, context)
    waiting = incident.waiting
    known = nameless and waiting is not None and waiting.gate == NAMES and not waiting.over
    if not known:
        incident = incident.note(now, f"level {fencing.level}, try {fencing.nth}: {why}")
    lost = fencing.nameless or (why if nameless else "")
    if final or known or fencing.nth >= policy.tries_per_level:
        return begin(incident, context, fencing.level + 1, nameless=lost)
    again = begin(incident, context, fencing.level, fencing.nth + 1, lost)
    return replace(again, retry_at=now.plus(policy.backoff(fencing.nth)))


def _put_off(incident: Incident, why: str, now: Instant) -> Incident:
    """Have the levels tried anew in a while. Whoever waits again has waited since the first time.

    A human is told at once, and once: who may know more of the host than any name server.
    """
    before, said = incident.waiting, f"{ALARM}{why}; it is asked again every {AGAIN_S:g} s"
    if not any(entry.text.startswith(ALARM) for entry in incident.timeline):
        incident = incident.note(now, said, NoticeKind.ALARM)
    since = before.since if before else now
    waiting = Waiting(NAMES, why, FREES, since)
    return replace(incident, waiting=waiting, progress_at=since, retry_at=now.plus(AGAIN_S))
