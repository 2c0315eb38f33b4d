"""A cut that was decided on another boot, or by a daemon that led before: it is weighed anew.

What was said for it has no age. What became of it nobody knows, nor of the host since: it may have
been mended and switched on, hours ago. So until the gates are passed anew it takes as much as the
first cut did: enough that is said again, and looks at Nova between which nova-compute is silent.
Life ends nothing, as the power may have been cut: a human is asked.
"""

from __future__ import annotations

from doctor_daemon.core.contradiction import FREES, GATE
from doctor_daemon.core.incident import Held, Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.recall import recallable


def inherited(incident: Incident, now: Instant) -> bool:
    """Tell whether the cut that is to come was decided before this daemon began.

    A human's order since then decides it anew. A host that was forced down is cut all the same: its
    servers may run elsewhere.
    """
    current, ordered = incident.fencing, incident.ordered_at
    if incident.phase is not Phase.FENCING or (current is not None and current.go_at is not None):
        return False
    if incident.refences > 0 or incident.marking.number > 0 or recallable(incident):
        return False
    if ordered is not None and ordered.boot_id == now.boot_id:
        return False
    decided = incident.decided_at or incident.cut_started
    return decided is not None and decided.boot_id != now.boot_id


def outlived(incident: Incident, now: Instant) -> Incident | None:
    """Ask a human where the host shows life before such a cut; None: it does not."""
    if incident.life_at is None or not inherited(incident, now):
        return None
    why = "it was heard alive, and what became of the cut that was decided before is not known"
    return incident.hold(now, Held(GATE, why, FREES))
