"""A host that was forced down, and that somebody has taken back into use without this daemon.

Nova shows it: forced_down is gone, though nothing of ours has lifted it, and the host is up. Nobody
closes such an incident for certain, and a host that is in use may fail again. So it ends by itself
once nova-compute reports in; and what is said against the host after it was seen in use is a new
accusation, weighed as at the very beginning. What was said before that is old, and cuts nothing.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.incident import Held, Incident, NoticeKind, Sighting
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.preconditions import (
    REPORTS,
    accusers,
    since_in_use,
    unanswered,
)
from doctor_daemon.core.release import Step
from doctor_daemon.core.returning import set_out
from doctor_daemon.core.survey import underway
from doctor_daemon.core.switching import unswitched

_OURS = "it is disabled by this incident still"
_NOT_UP = "Nova does not show it up"
_SILENT = "nova-compute does not report in"
_HELD = "it is held, and nothing is done"
_FORCED = (Phase.EVACUATING, Phase.DOWN, Phase.RELEASING)
"""The phases that begin with the flag set."""
_FREES = (
    "`doctor-daemon release HOST` if it is to come back, `fence HOST` if it is to be down, "
    "`dismiss HOST` if others see to it"
)


def in_hand(
    incident: Incident, last: Sighting | None, seen: Sighting, context: Context
) -> Incident:
    """Note since when the flag is gone that nobody of us has lifted, and the host in use.

    Then count how often nova-compute has reported in since, with no write in between.
    """
    release = incident.release
    old = last is not None and seen.asked_at.since(last.asked_at) < 0
    if old or release.lifted or incident.phase not in (Phase.DOWN, Phase.RELEASING):
        return incident
    if seen.forced_down:
        cleared = replace(incident, release=replace(release, gone_at=None, used_at=None))
        return cleared if release.gone_at is not None else incident
    if release.gone_at is None:
        release = replace(release, gone_at=context.now, reports=0)
    if seen.state == "up" and release.used_at is None:
        release = replace(release, used_at=context.now)
    if incident.phase is Phase.RELEASING:  # there its reports are counted besides
        return replace(incident, release=release)
    if last is None or not seen.alike(last):
        release = replace(release, reports=0)
    elif seen.stirred(last):
        release = replace(release, reports=release.reports + 1)
    elif seen.state == last.state and release == incident.release:
        return incident  # what is as it was is not saved again
    return replace(incident, release=release, sighting=seen)


def taken_back(incident: Incident, context: Context) -> Incident:
    """End the incident of a host that is in use; suspect it anew; or ask a human, in the end."""
    release, look = incident.release, incident.sighting
    busy = incident.phase is not Phase.DOWN or incident.closing or underway(incident)
    if busy or look is None or release.gone_at is None:
        return incident
    words = since_in_use(unanswered(incident, context), release)
    if words:
        text = f"{accusers(words)} says down, and somebody has taken the host back into use"
        return set_out(incident, context, text, ordered=False)
    missing = _missing(incident, look)
    if not missing:
        return _over(incident, look, context)
    if not context.now.reached(release.gone_at.plus(context.policy.progress_s)):
        return incident
    why = f"forced_down of {incident.host} is gone, and {missing}"
    return incident.hold(context.now, Held("release", why, _FREES))


def _missing(incident: Incident, look: Sighting) -> str:
    """Say why the host does not count as put back; empty: it does."""
    if look.state != "up":
        return _NOT_UP
    if look.status == "disabled" and look.reason.startswith(incident.mark):
        return _OURS
    return "" if incident.release.reports >= REPORTS else _SILENT


def _over(incident: Incident, look: Sighting, context: Context) -> Incident:
    release = replace(incident.release, returns=incident.release.returns + 1)
    incident = unswitched(incident, context.now, "the host is back")
    incident = replace(incident, release=replace(release, switching=None))
    status = "enabled" if look.status == "enabled" else f"disabled by others: {look.reason}"
    text = f"put back by hand: Nova has it up and {status}, and forced_down is gone"
    return incident.move(Phase.RESOLVED, context.now, text, NoticeKind.RECOVERED)


def answered(incident: Incident, context: Context) -> Incident:
    """Go back to where it was put back by hand, once what was said is answered or taken back.

    Its way back was not begun for its own sake: what policy and orders do not ask for is not done.
    """
    release = incident.release
    ours = release.ordered or release.step is not Step.CHECKING or context.plan.way_back.automatic
    if incident.phase is not Phase.RELEASING or ours or release.used_at is None:
        return incident
    if unanswered(incident, context):
        return incident
    return incident.move(
        Phase.DOWN, context.now, "nothing unanswered is said against it: it is not cut"
    )


def protested(incident: Incident, context: Context) -> Incident:
    """Tell operators, once, that a host which is held and may be in use is called down again."""
    shown, now, since, held = incident.shown, context.now, incident.phase_at, incident.held
    if held is None or held.out_of not in _FORCED or shown is None or shown.forced_down:
        return incident
    words = {n: w for n, w in unanswered(incident, context).items() if w.last.since(since) > 0}
    told = any(_HELD in e.text and e.at.since(since) >= 0 for e in incident.timeline)
    if not words or told:
        return incident
    text = f"ALARM: {accusers(words)} says down, and the host may be in use; {_HELD}"
    return incident.tell(now, text, NoticeKind.ALARM, ())
