"""Releasing: what must be shown before Nova may use a host again, and the two requests for it.

Every precondition is a gate. While one is shut the host stays forced down, which harms nobody; so
nothing is hurried, and nothing is refused for good but by time. What was sent is believed when it
is read back. Power that was cut may be cut again: a host that fails on its way back is down, or,
once its flag was lifted, has to be proven off anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

from doctor_daemon.core.context import Context
from doctor_daemon.core.gates import Act, refused, verdicts
from doctor_daemon.core.incident import Held, Incident, NoticeKind, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.preconditions import (
    accusations,
    accusers,
    accusing,
    listed,
    named,
    restarted,
    unaccused,
    unanswered,
    unstuck,
)
from doctor_daemon.core.release import Release, Step
from doctor_daemon.core.returning import back
from doctor_daemon.core.service import in_service, out_of_service
from doctor_daemon.core.switching import unswitched
from doctor_daemon.core.topology import begin
from doctor_daemon.core.weighing import enough

_AGAIN = "`doctor-daemon release HOST` tries again"
_YOUNG = ("look", "listed")
"""Gates that are shut between any two questions: they are not what is missing."""


def releasing(incident: Incident, context: Context) -> Incident:
    """Take one step that is possible now, or return the incident itself."""
    release, standing = incident.release, accusing(incident)
    kept = tuple(name for name in release.accusers if name in standing)
    if kept != release.accusers:
        return replace(incident, release=replace(release, accusers=kept))
    accused = _accused(incident, context)
    if accused is not incident or release.sending:
        return accused  # whatever else has happened: the answer comes first
    for check in (_failed_again, _silent, _overdue):
        checked = check(incident, context)
        if checked is not incident:
            return checked
    look = incident.sighting
    if look is None:
        return incident
    match release.step:
        case Step.CHECKING:
            return _check(incident, look, context)
        case Step.WATCHING:
            return _watch(incident, look, context)
        case Step.LIFTING | Step.ENABLING:
            return _read_back(incident, look, context)
        case _ as unreachable:
            assert_never(unreachable)


# what goes wrong


def _in_use(incident: Incident) -> bool:
    """Tell whether Nova has been seen to use the host again, whoever has cleared its flag."""
    look, release = incident.sighting, incident.release
    gone = look is not None and not look.forced_down
    return release.lifted or (release.step is Step.CHECKING and gone)


def _accused(incident: Incident, context: Context) -> Incident:
    """Note since when a host in use is called down; only looks from then on compare its reports."""
    release = incident.release
    against = _in_use(incident) and unanswered(incident, context)
    if bool(against) is (release.accused_at is not None):
        return incident
    if not against:
        return replace(incident, release=replace(release, accused_at=None))
    release = replace(release, accused_at=context.now)
    return replace(incident, release=release, first=None, look_at=None)


def _failed_again(incident: Incident, context: Context) -> Incident:
    """Go back where the host is called down again: at once while the flag stands.

    Else it is fenced once more, if nothing is heard of it in the grace, and that is enough.
    """
    release, policy, now = incident.release, context.policy, context.now
    if not _in_use(incident):
        words = accusations(incident, context)
        if not words or release.step is not Step.CHECKING or incident.sighting is None:
            return incident
        text = f"{accusers(words)} says down again: it stays forced down"
        return incident.move(Phase.DOWN, now, text)
    since, words = release.accused_at, unanswered(incident, context)
    if since is None or now.since(since) < policy.grace_s:
        return incident
    if not enough(words, now, policy.evidence_age_s, context.plan.corroboration):
        return incident
    text = f"{accusers(words)} says down again, and the flag is lifted"
    return _fence_again(incident, context, text)


def _fence_again(incident: Incident, context: Context, text: str) -> Incident:
    """Fence a host that failed once its flag was lifted: its servers may run there again.

    Its way back is remembered until the cut: a sign of life leads back to it.
    """
    now = context.now
    refences = len(incident.charges)  # by a human's word it may be down for nothing
    incident = unswitched(incident, now, "it is fenced again")
    incident = replace(in_service(incident), refences=refences, ordered_at=None)
    if refences > context.policy.refences_max:
        why = f"{text}; {incident.host} was fenced {refences} times already"
        held = Held("power", why, "find out why it fails; then `doctor-daemon fence HOST`")
        return out_of_service(incident).hold(now, held)
    release = replace(incident.release, again=True)
    moved = incident.move(Phase.FENCING, now, f"ALARM: {text}", NoticeKind.ALARM)
    return replace(begin(moved, context), release=release)


def gives_up_at(incident: Incident, context: Context) -> Instant:
    """Return when a human is asked because the way back has come no further.

    What was sent is read back first: nobody is to be asked about what is not known yet.
    """
    release, policy = incident.release, context.policy
    if release.lifted_at is not None:
        until = release.lifted_at.plus(policy.watch_s + policy.progress_s)
    else:
        wait_s = policy.progress_s + (0 if release.ordered else policy.quarantine_s)
        if release.open:
            wait_s = min(policy.evacuation_timeout_s, policy.progress_s)
        until = (release.began or incident.phase_at).plus(wait_s)
    if release.put_at is None:
        return until
    told = release.put_at.plus(policy.settle_s)
    return told if until.since(told) < 0 else until


def _silent(incident: Incident, context: Context) -> Incident:
    """Go back where a host that had begun to come back by itself has fallen silent."""
    release, watch_s = incident.release, context.policy.watch_s
    alone = not release.ordered and release.step is Step.CHECKING and not _in_use(incident)
    began = release.began or incident.phase_at
    if not alone or release.alive_since is not None or context.now.since(began) < 2 * watch_s:
        return incident
    text = "nova-compute does not report in: it stays forced down until it does"
    return incident.move(Phase.DOWN, context.now, text)


def _overdue(incident: Incident, context: Context) -> Incident:
    if not context.now.reached(gives_up_at(incident, context)):
        return incident
    frees = _AGAIN
    if incident.release.open and not incident.release.lifted:
        frees = f"{_AGAIN}; with --accept-stuck if no guest of it is at its destination"
    return incident.hold(context.now, Held("release", _missing(incident, context), frees))


def _missing(incident: Incident, context: Context) -> str:
    """Say what is waited for."""
    release, look, host = incident.release, incident.sighting, incident.host
    if release.stale:
        return unstuck(incident, context)
    if release.lifted and release.done:
        return f"evacuations {named(release.done)} are done: nova-compute must be restarted there"
    if release.lifted and look is not None and look.state != "up":
        return f"Nova does not show {host} up"
    if not release.lifted and release.open:
        stuck = ", ".join(map(str, release.stuck))
        return f"evacuations {stuck} from {host} do not end"
    words = accusations(incident, context)
    if words and not unanswered(incident, context):
        return f"{accusers(words)} calls {host} down again and again, and it is seen alive"
    if words:
        return f"{host} is called down, and not by enough to fence it"
    act = Act.ENABLE if release.lifted else Act.LIFT
    asked = enumerate(verdicts(act, incident, context))
    shut = [(gate.name in _YOUNG, number, why) for number, (gate, why) in asked if why]
    if shut:
        return min(shut)[2]
    unlisted = listed(incident, context) if release.put is None else ""
    return unlisted or f"what was done to {host} cannot be read back"


# the steps


def _check(incident: Incident, look: Sighting, context: Context) -> Incident:
    if refused(Act.LIFT, incident, context) is not None:
        return incident
    if not look.forced_down:
        return _lifted(incident, context, "Nova does not have it forced down any more")
    text = "every gate is open: having Nova lift forced_down"
    noted = incident.note(context.now, text)
    return replace(noted, release=incident.release.at(Step.LIFTING))


def _lifted(incident: Incident, context: Context, text: str) -> Incident:
    """Begin the watch: whoever reported in before says nothing of the host from now on."""
    watch_s, now = context.policy.watch_s, context.now
    noted = in_service(incident).note(now, f"{text}; watching it for {watch_s:g} s")
    release = replace(
        incident.release.at(Step.WATCHING),
        lifted_at=now,
        inspected_at=None,
        reports=0,
        returns=incident.release.returns + 1,
    )
    rounds = replace(incident.rounds, ask_at=None)
    return replace(noted, release=release, rounds=rounds, progress_at=now, look_at=None, first=None)


def _read_back(incident: Incident, look: Sighting, context: Context) -> Incident:
    """Believe a request when a look that was asked for after its end shows what it did."""
    release = incident.release
    if release.put_at is None or look.asked_at.since(release.put_at) < 0:
        return incident
    if release.step is Step.LIFTING:
        if look.forced_down:
            return back(incident, context, "the flag is still there when read back")
        return _lifted(incident, context, "Nova has lifted the flag (read back)")
    if not look.forced_down and ours(incident, look):
        return back(incident, context, "it is still disabled when read back")
    return replace(incident, release=release.at(Step.WATCHING))


def ours(incident: Incident, look: Sighting) -> bool:
    """Tell whether this incident has disabled the service, and nobody else since."""
    return look.status == "disabled" and look.reason.startswith(incident.mark)


def _watch(incident: Incident, look: Sighting, context: Context) -> Incident:
    """Wait until the watch is over and all is well; then enable, or be done."""
    release, now = incident.release, context.now
    if look.forced_down:
        why = f"somebody has forced {incident.host} down again, which is theirs to clear"
        theirs = replace(incident, marking=replace(incident.marking, before=look))
        return theirs.hold(now, Held("release", why, f"once it is cleared, {_AGAIN}"))
    until = watched_until(release, context)
    told_at = release.inspected_at
    watched = look.asked_at.reached(until) and told_at is not None and told_at.reached(until)
    shut = restarted(incident, context) or unaccused(incident, context)
    if not watched or look.state != "up" or release.done or shut:
        return incident
    way, ordered = context.plan.way_back, release.ordered
    wanted = context.policy.enable and way.enable and (ordered or way.automatic)
    if not (wanted and ours(incident, look)):
        return _resolved(incident, look, now)
    if refused(Act.ENABLE, incident, context) is not None:
        return incident
    return replace(incident.note(now, "enabling it"), release=release.at(Step.ENABLING))


def watched_until(release: Release, context: Context) -> Instant:
    """Return when the watch is over."""
    return (release.lifted_at or context.now).plus(context.policy.watch_s)


def _resolved(incident: Incident, look: Sighting, now: Instant) -> Incident:
    """End it; say what is left there that will harm a server which comes back."""
    incident = unswitched(incident, now, "the host is back")
    if incident.release.old:
        text = (
            f"evacuations {named(incident.release.old)} are stuck: before a server of theirs comes "
            f"back to {incident.host}, restart nova-compute there until they are completed"
        )
        incident = incident.note(now, text)
    return incident.move(Phase.RESOLVED, now, _ending(incident, look), NoticeKind.RECOVERED)


def _ending(incident: Incident, look: Sighting) -> str:
    if look.status == "enabled":
        return "back in service: Nova has it up and enabled"
    whose = "as the policy says" if ours(incident, look) else f"not by us: {look.reason}"
    return f"back: Nova has it up; it stays disabled, {whose}"


def moments(incident: Incident, context: Context) -> Iterator[Instant]:
    """Yield the moments at which time alone brings something about."""
    release = incident.release
    yield gives_up_at(incident, context)
    if release.lifted:
        yield watched_until(release, context)
    if release.accused_at is not None:
        yield release.accused_at.plus(context.policy.grace_s)
