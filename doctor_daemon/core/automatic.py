"""What the policy does by itself for a host that is down: switch it on, and begin its way back.

Both only where the operator's configuration says so, and both ask every gate that an order asks,
and more: nobody stands beside the machine. A host that comes back again and again is left to a
human, who is told why.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.by_hand import in_hand
from doctor_daemon.core.context import Context
from doctor_daemon.core.hands import seen_in_passing
from doctor_daemon.core.host import Mode
from doctor_daemon.core.incident import Held, Incident, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.preconditions import flapped, left_to_humans, unswitchable
from doctor_daemon.core.returning import set_out
from doctor_daemon.core.sightings import Noticed, Strayed
from doctor_daemon.core.survey import underway
from doctor_daemon.core.switching import wanted

REPORTS = "nova-compute reports in again"


def passing(incident: Incident, seen: Noticed | Strayed, context: Context) -> Incident:
    """Fold in what the poller has seen of the host, unasked; it may be about to come back."""
    passed = seen_in_passing(incident, seen, context)
    if isinstance(seen, Strayed) or seen.sighting is None:
        return passed
    last, sighting = incident.sighting, seen.sighting
    begun = seen_alive(passed, sighting, context)
    return in_hand(come_up(begun, last, sighting, context), last, sighting, context)


def seen_alive(incident: Incident, sighting: Sighting, context: Context) -> Incident:
    """Begin the way back where nova-compute has reported in since the last look, and policy is so.

    What the poller shows in passing is enough to begin: all that is needed is asked for on the way.
    """
    last = incident.sighting
    old = last is not None and sighting.asked_at.since(last.asked_at) < 0
    if incident.phase is not Phase.DOWN or old or not context.plan.way_back.automatic:
        return incident
    if last is None or not sighting.alike(last):
        return replace(incident, sighting=sighting)  # from here on it is compared
    if not sighting.stirred(last) or not _free(incident, context):
        return incident
    theirs = sighting.forced_down and incident.marking.foreign_flag
    if theirs or incident.closing is not None:
        return incident
    begun = replace(incident, sighting=sighting)
    way = replace(begun.release, ordered=False)
    why = flapped(replace(begun, release=way), context)
    if why:
        frees = "find out why it fails; then `doctor-daemon release HOST`"
        return begun.hold(context.now, Held("flaps", why, frees))
    return set_out(begun, context, f"{REPORTS}: its release begins by itself", ordered=False)


def come_up(
    incident: Incident, last: Sighting | None, seen: Sighting, context: Context
) -> Incident:
    """Wait no more for a host that was switched on by itself, once nova-compute reports in."""
    if incident.phase is not Phase.DOWN or incident.release.awaited_at is None:
        return incident
    if last is None or not seen.stirred(last):
        return replace(incident, sighting=seen)
    text = f"{REPORTS}: it is on; `doctor-daemon release HOST` gives it back"
    release = replace(incident.release, awaited_at=None)
    return replace(incident.note(context.now, text), release=release, sighting=seen)


def powering(incident: Incident, context: Context) -> Incident:
    """Have a host switched on whose servers have moved, once: an order may do so again.

    Where the daemon does not move servers it cannot know that nobody is about to. A wish of which
    nothing was sent is put away while humans have the daemon keep its hands off, and begun anew.
    """
    release = incident.release
    wish = release.switching
    if wish is not None and wish.patient and wish.go_at is None:
        why = _against(incident, context)
        if why:
            away = replace(release, switching=None, powered=False)
            text = f"not switched on by itself{why}"
            return replace(incident.note(context.now, text), release=away)
    if release.awaited_at is not None:
        return _awaited(incident, release.awaited_at, context)
    moved = incident.rounds.inspected_at is not None
    if incident.phase is not Phase.DOWN or release.powered:
        return incident
    if unswitchable(context) or not moved:
        return incident
    if wish is not None or incident.closing is not None or not _free(incident, context):
        return incident
    powered = replace(incident, release=replace(release, powered=True))
    why = left_to_humans(incident)
    if why:
        return powered.note(context.now, f"not switched on by itself: {why}")
    why = flapped(replace(incident, release=replace(release, ordered=False)), context)
    if why:
        why = f"not switched on by itself: {why}"
        frees = "find out why it fails; then `doctor-daemon release HOST`, and switch it on"
        return powered.hold(context.now, Held("flaps", why, frees))
    return wanted(powered, context, "its servers have moved: it is to be switched on", patient=True)


def _awaited(incident: Incident, since: Instant, context: Context) -> Incident:
    """Ask a human about a host that was switched on by itself, and does not come up.

    An order that is being followed comes first: it is answered within minutes.
    """
    busy = incident.closing is not None or underway(incident) is not None
    if busy or not context.now.reached(since.plus(context.policy.progress_s)):
        return incident
    why = f"{incident.host} was switched on, and nova-compute has not reported in since"
    frees = "see whether it is on, and what keeps it; then `doctor-daemon release HOST`"
    return incident.hold(context.now, Held("release", why, frees))


def _against(incident: Incident, context: Context) -> str:
    """Say what speaks against a wish of which nothing was sent; empty: nothing does."""
    if not _free(incident, context):
        return " as long as the daemon is to keep its hands off it"
    why = unswitchable(context)
    return f": {why}" if why else ""


def _free(incident: Incident, context: Context) -> bool:
    """Tell whether nobody has told the daemon to keep its hands off this host."""
    window = context.maintenance
    kept = window is not None and not context.now.reached(window.until)
    able = context.plan.known and min(context.mode, context.plan.mode) >= Mode.FENCE
    left = underway(incident) or incident.release.called_off
    return able and context.armed.on and not kept and not left
