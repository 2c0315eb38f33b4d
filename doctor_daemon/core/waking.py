"""What a pause of our own process does to an incident: nothing from before it is acted on.

While the daemon stood still (SIGSTOP, a frozen guest, a machine that slept) nobody listened: a sign
of life may have come and gone. So what would be done next rests on new looks and new readings: no
run of OFF spans a pause, and no proof outlives one. A host whose power was not cut yet gets its
whole grace again.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.evacuating import fresh_rounds
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.ourselves import Paused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.topology import repeat
from doctor_daemon.core.witness import off_asked

_PROVEN = (Phase.FORCING_DOWN, Phase.EVACUATING)
_SHAKEN = (Phase.SUSPECTED, Phase.FENCING, *_PROVEN)


def woken(incident: Incident, observation: Paused, context: Context) -> Incident:
    """Fold in that the daemon stood still until now."""
    now, attempt = context.now, incident.fencing
    if incident.phase not in _SHAKEN:
        return incident
    text = f"the daemon stood still for {observation.seconds:.0f} s: looking at the host anew"
    incident = replace(incident.note(now, text), sighting=None, look_at=None)
    incident = replace(incident, waiting=None)
    if incident.phase in _PROVEN:
        return _unproven(incident, now)
    fresh = incident.untouched
    if fresh:
        incident = replace(incident, grace_from=now)
    if attempt is None or incident.phase is Phase.SUSPECTED:
        return incident
    if attempt.go_at is not None:
        return replace(incident, fencing=attempt.read_anew(now, off_asked(attempt, context)))
    again = repeat(incident, context, attempt)
    if again.phase is not Phase.FENCING or not fresh or incident.ordered_at is not None:
        return again
    return replace(again, retry_at=now.plus(context.policy.grace_s))


def _unproven(incident: Incident, now: Instant) -> Incident:
    """Have the power read once more before anything else is sent; what is out is late."""
    evacuating = incident.phase is Phase.EVACUATING
    rounds = fresh_rounds(incident, now) if evacuating else incident.rounds
    incident = replace(incident, rounds=replace(rounds, renew_from=now))
    return replace(incident, fencing=incident.fencing.unread() if incident.fencing else None)
