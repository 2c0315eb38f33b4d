"""nova-compute is down, and its host is alive: a verdict of its own (hazard A9).

Who accuses speaks of nova-compute alone (the kinds `service_kinds`), and another kind has seen the
host alive since: its servers run, and nobody can manage them. Power cut for that would be the worse
outage, so by default it is only told, honestly: the host is not called down any more. It ends by
itself when the service is back; a human is asked if it is not for long. When no fresh sign of life
is left, it is a suspicion like any other, and its grace begins anew.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.asking import ask_look
from doctor_daemon.core.context import Context
from doctor_daemon.core.contradiction import FREES as _WRONG
from doctor_daemon.core.contradiction import accusing, lives, named, service_from, weighed
from doctor_daemon.core.corroboration import ServiceDown
from doctor_daemon.core.incident import Held, Incident, NoticeKind, Sighting
from doctor_daemon.core.messages import Effect, Wait
from doctor_daemon.core.phases import Phase

FREES = f"start nova-compute there, which ends this; or {_WRONG}"
LOOK_EVERY_S = 30.0
"""Between two looks at Nova, to see whether nova-compute reports in again."""


def correlated(incident: Incident, context: Context) -> Incident:
    """Weigh words that do not agree, before the first cut; else return the incident itself."""
    if not incident.untouched:
        return incident
    if not _lone(incident, context):
        if incident.service_since is not None:
            return _no_more(incident, context)
        return weighed(incident, context)
    if incident.service_since is None:
        return _found(incident, context)
    until = service_from(incident, incident.service_since).plus(context.policy.progress_s)
    at_once = context.plan.corroboration.service_down is ServiceDown.HOLD
    if at_once or incident.phase is Phase.FENCING or context.now.reached(until):
        return incident.hold(context.now, Held("compute", told(incident, context), FREES))
    return incident


def _lone(incident: Incident, context: Context) -> bool:
    """Tell whether nova-compute alone is called down, and the host is seen alive by others."""
    need = context.plan.corroboration
    against = accusing(incident, context)
    if not against or need.service_down is ServiceDown.FENCE:
        return False
    alive = any(word.kind not in need.service for word in lives(incident, context))
    return alive and all(word.kind in need.service for word in against)


def _found(incident: Incident, context: Context) -> Incident:
    """Take the suspicion of the host back, and tell what it is instead."""
    now = context.now
    seen = named(lives(incident, context))
    incident = incident.note(now, f"{seen} has seen it alive", NoticeKind.WITHDRAWN)
    incident = incident.note(now, told(incident, context), NoticeKind.SERVICE)
    return replace(incident, service_since=now, contradicted_at=None)


def _no_more(incident: Incident, context: Context) -> Incident:
    """Suspect the host itself again; or end, where nobody says any more that anything is down."""
    now, seen = context.now, lives(incident, context)
    incident = replace(incident, service_since=None)
    if not accusing(incident, context) and seen:
        text = "nobody has said for long that its nova-compute is down, and it is seen alive"
        return incident.move(Phase.DISMISSED, now, text, NoticeKind.WITHDRAWN)
    why = f"{named(accusing(incident, context))} calls it down" if seen else "nobody sees it alive"
    text = f"not nova-compute alone, it seems: {why}"
    return replace(incident.note(now, text, NoticeKind.SUSPECTED), grace_from=now)


def told(incident: Incident, context: Context) -> str:
    """Say how it stands."""
    seen, against = named(lives(incident, context)), named(accusing(incident, context))
    return (
        f"{incident.host} is alive, and its nova-compute is down: {seen} has seen it alive, and "
        f"{against} calls the service down. It is not fenced; its servers run unmanaged"
    )


def see_service(incident: Incident, last: Sighting, context: Context) -> Effect:
    """Look at Nova now and then, to see whether nova-compute reports in again."""
    again = last.asked_at.plus(LOOK_EVERY_S)
    return ask_look(incident, context) if context.now.reached(again) else Wait(again)
