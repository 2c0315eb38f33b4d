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
from doctor_daemon.core.evidence import enough
from doctor_daemon.core.gates import Act, refused, verdicts
from doctor_daemon.core.incident import Held, Incident, NoticeKind, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.preconditions import (
    accusations,
    accusing,
    named,
    restarted,
    unaccused,
    unstuck,
)
from doctor_daemon.core.release import Release, Step
from doctor_daemon.core.returning import back, in_service, out_of_service
from doctor_daemon.core.topology import begin

_AGAIN = "`doctor-daemon release HOST` tries again"
_YOUNG = ("look", "listed")
"""Gates that are shut between any two questions: they are not what is missing."""


def releasing(incident: Incident, context: Context) -> Incident:
    """Take one step that is possible now, or return the incident itself."""
    release, standing = incident.release, accusing(incident)
    kept = tuple(name for name in release.accusers if name in standing)
    if kept != release.accusers:
        return replace(incident, release=replace(release, accusers=kept))
    if release.sending:
        return incident  # whatever has happened: the answer comes first
    for check in (_failed_again, _overdue):
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


def _failed_again(incident: Incident, context: Context) -> Incident:
    """Go back where the host is called down again: at once while the flag stands."""
    release, policy, now = incident.release, context.policy, context.now
    words, look = accusations(incident, context), incident.sighting
    if not words or (release.step is Step.CHECKING and look is None):
        return incident
    who = ", ".join(sorted({word.source for word in words}))
    gone = look is not None and not look.forced_down
    if release.step is Step.CHECKING and not gone:
        return incident.move(Phase.DOWN, now, f"{who} says down again: it stays forced down")
    over = max(now.since(word.first) for word in words) >= policy.grace_s
    known = release.lifted or release.step is Step.CHECKING
    if not known or not over or not enough(incident.words, now, policy.evidence_age_s):
        return incident
    return _fence_again(incident, context, f"{who} says down again, and the flag is lifted")


def _fence_again(incident: Incident, context: Context, text: str) -> Incident:
    """Fence a host that failed once its flag was lifted: its servers may run there again."""
    refences = len(incident.charges)  # by a human's word it may be down for nothing
    incident = replace(out_of_service(in_service(incident)), refences=refences)
    if refences > context.policy.refences_max:
        why = f"{text}; {incident.host} was fenced {refences} times already"
        held = Held("power", why, "find out why it fails; then `doctor-daemon fence HOST`")
        return incident.hold(context.now, held)
    return begin(incident.move(Phase.FENCING, context.now, f"ALARM: {text}"), context)


def gives_up_at(incident: Incident, context: Context) -> Instant:
    """Return when a human is asked because the way back has come no further."""
    release, policy = incident.release, context.policy
    if release.lifted and release.lifted_at is not None:
        return release.lifted_at.plus(policy.watch_s + policy.progress_s)
    began = release.began or incident.phase_at
    stuck_s = policy.evacuation_timeout_s if release.open else policy.progress_s
    return began.plus(min(stuck_s, policy.progress_s))


def _overdue(incident: Incident, context: Context) -> Incident:
    if not context.now.reached(gives_up_at(incident, context)):
        return incident
    return incident.hold(context.now, Held("release", _missing(incident, context), _AGAIN))


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
        return f"evacuations {named(release.open)} from {host} do not end"
    if accusations(incident, context):
        return f"{host} is called down, and not by enough to fence it"
    act = Act.ENABLE if release.lifted else Act.LIFT
    asked = enumerate(verdicts(act, incident, context))
    shut = [(gate.name in _YOUNG, number, why) for number, (gate, why) in asked if why]
    return min(shut)[2] if shut else f"what was done to {host} cannot be read back"


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
        incident.release.at(Step.WATCHING), lifted_at=now, inspected_at=None, reports=0
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
    if not (context.policy.enable and ours(incident, look)):
        return _resolved(incident, look, now)
    if refused(Act.ENABLE, incident, context) is not None:
        return incident
    return replace(incident.note(now, "enabling it"), release=release.at(Step.ENABLING))


def watched_until(release: Release, context: Context) -> Instant:
    """Return when the watch is over."""
    return (release.lifted_at or context.now).plus(context.policy.watch_s)


def _resolved(incident: Incident, look: Sighting, now: Instant) -> Incident:
    """End it; say what is left there that will harm a server which comes back."""
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
    for word in accusations(incident, context):
        yield word.first.plus(context.policy.grace_s)
