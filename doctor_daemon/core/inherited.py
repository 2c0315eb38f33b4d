"""A cut that was decided on another boot, by a daemon that led before, or long ago: weighed anew.

What was said for it has no age, or is too old. What became of it nobody knows, nor of the host
since: it may have been mended and switched on, hours ago. So until the gates are passed anew it
takes as much as the first cut did: enough that is said again, and looks at Nova between which
nova-compute is silent. Life ends nothing, as the power may have been cut: a human is asked.
"""

from __future__ import annotations

from doctor_daemon.core.by_order import ordered
from doctor_daemon.core.context import Context
from doctor_daemon.core.contradiction import FREES, GATE
from doctor_daemon.core.incident import Held, Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.recall import recallable


def inherited(incident: Incident, context: Context) -> bool:
    """Tell whether the cut that is to come was decided before this daemon began, or too long ago.

    That is where a word of that time would count no more. A human's order decides it anew, while it
    is young itself. A host whose servers may run elsewhere is cut all the same.
    """
    current, now = incident.fencing, context.now
    if incident.phase is not Phase.FENCING or (current is not None and current.go_at is not None):
        return False
    if elsewhere(incident, now) or recallable(incident) or ordered(incident, context):
        return False
    decided = incident.decided_at or incident.cut_started
    return decided is not None and now.since(decided) > context.policy.evidence_age_s


def elsewhere(incident: Incident, now: Instant) -> bool:
    """Tell whether the host's servers may run elsewhere: it is forced down, or may be by our PUT.

    That it was proven off moves nobody: Nova may have refused the PUT, or its gate was shut.
    """
    marking, shown = incident.marking, incident.shown
    begun = incident.refences > 0 or marking.number > 0
    flagged = shown is not None and shown.forced_down
    return begun and (flagged or marking.left_at(now) is not None)


def outlived(incident: Incident, context: Context) -> Incident | None:
    """Ask a human where the host shows life before such a cut; None: it does not."""
    if incident.life_at is None or not inherited(incident, context):
        return None
    why = "it was heard alive, and what became of the cut that was decided before is not known"
    return incident.hold(context.now, Held(GATE, why, FREES))
