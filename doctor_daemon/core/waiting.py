"""Waiting before a gate that opens by itself: nothing is done meanwhile, and it has an end.

An incident whose power may not be cut *yet* is not handed to a human at once. It stays in FENCING,
says in its timeline what it waits for, and goes on when that is over: with a new try, so that who
its devices are and how Nova shows the host is asked anew. What has not opened in the time in which
every phase must make progress is held, in that gate's words. Signs of life end it as ever.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.dumping import dumps_until
from doctor_daemon.core.gates import Act, Refusal, waited_for
from doctor_daemon.core.incident import Held, Incident, Waiting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.topology import AGAIN_S, NAMES, begin, repeat
from doctor_daemon.core.tries import Try


def wait(incident: Incident, refusal: Refusal, now: Instant) -> Incident:
    """Wait before a shut gate. Whoever waits again, after one has opened, has waited since then."""
    before = incident.waiting
    since = before.since if before else now
    waiting = Waiting(refusal.gate, refusal.why, refusal.frees, since)
    noted = incident
    if before is None or before.over or before.gate != refusal.gate:
        noted = incident.note(now, f"waiting: {refusal.why}; {refusal.frees}")
    return replace(noted, waiting=waiting, progress_at=since)


def wait_anew(incident: Incident, refusal: Refusal, current: Try, context: Context) -> Incident:
    """Wait with a new try where a gate was found shut just before the cut: nothing was sent."""
    again = repeat(incident, context, current)
    return wait(again, refusal, context.now) if again.phase is incident.phase else again


def cut_short(waiting: Waiting | None, since: Instant) -> Waiting | None:
    """Return a wait that a pause or a restart has cut short: all is asked anew, and it goes on."""
    return replace(waiting, since=since, asking=True) if waiting else None


def taken_up(incident: Incident, context: Context) -> Waiting | None:
    """Return a wait as a restart takes it up. Restarts do not put its end off for ever.

    How long it has lasted is told after a reboot by the wall clock alone. What a daemon that begins
    has to wait for itself, and sources to say their words again, is given its time all the same.
    """
    waiting, now, policy = incident.waiting, context.now, context.policy
    if waiting is None:
        return None
    age_s = now.since(waiting.since)
    if math.isinf(age_s):
        age_s = max(now.wall_s - waiting.since.wall_s, 0.0)
    most_s = max(policy.progress_s - policy.evidence_age_s, 0.0)
    return cut_short(waiting, now.plus(-min(age_s, most_s)))


def waited(incident: Incident, current: Try, context: Context) -> Incident:
    """Go on where every gate has opened that is waited for."""
    waiting, now = incident.waiting, context.now
    if waiting is None or waiting.over:
        return incident
    if waiting.gate == NAMES:  # every gate is asked before the cut
        return begin(replace(incident, waiting=replace(waiting, asking=True)), context)
    shut = waited_for(Act.CUT, incident, context)
    if shut is None:
        noted = incident.note(now, f"the gate {waiting.gate} is open: it goes on")
        over = replace(noted, waiting=replace(waiting, over=True))
        return repeat(over, context, current)
    return incident if shut.gate == waiting.gate else wait(incident, shut, now)


def waits(incident: Incident) -> bool:
    """Tell whether an incident does nothing but wait for a gate."""
    waiting = incident.waiting
    return waiting is not None and not (waiting.over or waiting.asking)


def pending(incident: Incident) -> bool:
    """Tell whether it waits for a gate, be it that it is just trying whether that has opened."""
    return incident.waiting is not None and not incident.waiting.over


def asks_again(incident: Incident) -> bool:
    """Tell whether it is just trying whether the names that it waits for lead anywhere."""
    waiting = incident.waiting
    names = waiting is not None and waiting.gate == NAMES
    return names and pending(incident) and not waits(incident)


def ends_waiting(incident: Incident, context: Context) -> Iterator[Instant]:
    """Yield the moments at which the gates are to be asked again."""
    waiting, starts = incident.waiting, (context.warm_at, context.repeated_at)
    if waiting is None or waiting.over:
        return
    times = int(context.now.since(waiting.since) // AGAIN_S) + 1
    yield waiting.since.plus(times * AGAIN_S)
    for at in (*starts, dumps_until(incident, context)):
        if at is not None and not context.now.reached(at):
            yield at


def overdue(incident: Incident, limit_s: float) -> Held | None:
    """Return how an incident is held that has waited for too long; None: it does not wait."""
    waiting = incident.waiting
    if waiting is None or waiting.over:
        return None
    why = f"it has waited for {limit_s:g} s: {waiting.why}"
    return Held(waiting.gate, why, waiting.frees)
