"""What a pause of our own process does to an incident: nothing from before it is acted on.

While the daemon stood still (SIGSTOP, a frozen guest, a machine that slept) nobody listened: a sign
of life may have come and gone. So what would be done next rests on new looks, and a host whose
power was not cut yet, or by a daemon of before, or that is in use again, gets its whole grace
again: a cut that waits for its turn is taken back for that. Nor does a reading from before it prove
anything more (`Context.anew`): that holds from the first decision after it, whatever it is about.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.by_order import ordered
from doctor_daemon.core.context import Context
from doctor_daemon.core.cutting import taken_back
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.inherited import inherited
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.ourselves import Paused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.recall import recallable
from doctor_daemon.core.topology import repeat
from doctor_daemon.core.waiting import cut_short

_SHAKEN = (Phase.SUSPECTED, Phase.FENCING, Phase.FORCING_DOWN, Phase.EVACUATING)


def woken(incident: Incident, observation: Paused, context: Context) -> Incident:
    """Fold in that the daemon stood still until now."""
    now = context.now
    if incident.phase not in _SHAKEN:
        return incident
    text = f"the daemon stood still for {observation.seconds:.0f} s: looking at the host anew"
    waiting = incident.waiting
    since = _spared(waiting.since, observation, now) if waiting else now
    incident = replace(incident.note(now, text), look_at=None, waiting=cut_short(waiting, since))
    back = taken_back(incident, context)
    if not _is_cut(back, context):
        back = replace(back, sighting=None)  # else a report since then shows that it lives
    attempt = incident.fencing if incident.phase is Phase.FENCING else None
    fresh = back.untouched or recallable(back) or inherited(back, context)
    if fresh:
        back = replace(back, grace_from=now)
    current = back.fencing
    if attempt is None or current is None or current.go_at is not None:
        return back
    again = back if current is not attempt else repeat(back, context, attempt)
    again = replace(again, progress_at=_spared(incident.progress_at, observation, now))
    if again.phase is not Phase.FENCING or not fresh or ordered(incident, context):
        return again
    return replace(again, retry_at=now.plus(context.policy.grace_s))


def _spared(at: Instant, pause: Paused, now: Instant) -> Instant:
    """Return since when time is counted: a pause takes none, and is no progress either."""
    later = at.plus(pause.seconds)
    return later if now.reached(later) else now


def _is_cut(incident: Incident, context: Context) -> bool:
    """Tell whether every cut of the present try was answered."""
    if incident.phase is not Phase.FENCING:
        return incident.phase is not Phase.SUSPECTED
    attempt = incident.fencing
    level = context.plan.level(attempt.level) if attempt else None
    devices = level.devices if level else ()
    return attempt is not None and all(attempt.device(one.name).cut for one in devices)
