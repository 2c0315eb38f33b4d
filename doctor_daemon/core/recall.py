"""Calling off the fencing of a host that had come back, was called down, and shows life after all.

Once its flag is lifted a host is in use, so a word against it is weighed as at the very beginning:
until its power is cut once more, any sign of life since that word ends the thought of cutting it.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.incident import Incident, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase


def recallable(incident: Incident) -> bool:
    """Tell whether a sign of life still keeps the host from being cut once more."""
    again = incident.phase is Phase.FENCING and incident.release.again
    return again and (incident.fencing is None or incident.fencing.go_at is None)


def unsent(incident: Incident, context: Context) -> bool:
    """Tell whether the gates were passed, and certainly nothing has been sent in this try.

    Of a plan that has changed since it began nobody can tell: it may name other devices.
    """
    current = incident.fencing if incident.phase is Phase.FENCING else None
    level = context.plan.level(current.level) if current else None
    if current is None or current.go_at is None or level is None:
        return False
    if current.digest != context.plan.digest:
        return False
    return all(current.device(device.name).unsent for device in level.devices)


def uncut(incident: Incident, context: Context) -> bool:
    """Tell whether certainly no cut of this incident was sent, nor anything else done."""
    current, begun = incident.fencing, incident.cut_started
    if current is None or begun is None or begun != current.go_at:
        return incident.untouched
    return unsent(incident, context) and incident.proof is None and incident.marking.number == 0


def recalled(incident: Incident, text: str, now: Instant) -> Incident:
    """Go on with the way back where it was; what was said until now is answered."""
    release = replace(
        incident.release,
        again=False,
        accused_at=None,
        alive_at=now,
        reports=0,
        inspected_at=None,
    )
    rounds = replace(
        incident.rounds, inspections=incident.rounds.inspections + 1, failures=0, ask_at=None
    )
    moved = incident.move(Phase.RELEASING, now, f"{text}: it is not cut, and watched on")
    return replace(moved, release=release, rounds=rounds)


def since_accused(incident: Incident, sighting: Sighting) -> bool:
    """Tell whether a look was asked for after the host was called down: only then it compares."""
    accused_at = incident.release.accused_at
    return accused_at is None or sighting.asked_at.since(accused_at) >= 0
