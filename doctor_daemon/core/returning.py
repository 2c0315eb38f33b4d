"""What is heard of a host on its way back, folded into the record of it.

What it amounts to is decided in `releasing`. Nothing here waits for anything: an answer that is
missing only means that Nova is asked again, at the pace of `release_every_s`.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.incident import Incident, NoticeKind, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Inspected, Refused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.preconditions import accusing, named
from doctor_daemon.core.recall import since_accused
from doctor_daemon.core.release import (
    Enable,
    EnableEnded,
    Lift,
    LiftEnded,
    Step,
    SwitchedOn,
    SwitchOn,
)
from doctor_daemon.core.suspicion import looked
from doctor_daemon.core.switching import switched_on
from doctor_daemon.core.tries import Outcome

SHARE = 0.3
"""Of the grace: between two looks at a host in use that is called down. A sign of life may show."""


def coming_back(incident: Incident) -> bool:
    """Tell whether Nova is asked for evacuations because the host is to come back."""
    return incident.release.switching is not None or incident.phase is Phase.RELEASING


def seen(incident: Incident, sighting: Sighting, context: Context) -> Incident:
    """Fold in a look: count how often nova-compute has reported in with no write in between.

    After the lift a write, be it our own, takes nothing away from what was counted.
    """
    before, policy = incident.first, context.policy
    after = looked(_flag_seen(incident, sighting, context), sighting, context)
    if after.phase is not Phase.RELEASING:
        return after
    release, since = after.release, after.release.alive_since
    gap = before is not None and sighting.asked_at.since(before.asked_at) > policy.watch_s
    if before is None or not sighting.alike(before):
        release = replace(release, reports=release.reports if release.lifted else 0)
    elif sighting.stirred(before):
        since = sighting.asked_at if gap or since is None else since
        release = replace(release, reports=release.reports + 1, alive_since=since)
        if release.accused_at is not None and since_accused(incident, before):
            release = replace(release, alive_at=context.now)
        after = replace(after, first=sighting)
    elif gap:
        release = replace(release, reports=0, alive_since=None)  # it has fallen silent
    early = after.first is not None and not since_accused(after, after.first)
    every_s = policy.release_every_s
    if after.release.accused_at is not None:
        every_s = min(every_s, max(policy.grace_s * SHARE, 1.0))
    again = None if release.put or early else context.now.plus(every_s)
    return replace(after, release=release, look_at=again)


def _flag_seen(incident: Incident, sighting: Sighting, context: Context) -> Incident:
    """Say that a flag was set again after the lift: it is theirs to clear."""
    last, lifted = incident.sighting, incident.release.lifted
    if not lifted or last is None or last.forced_down or not sighting.forced_down:
        return incident
    marking = replace(incident.marking, before=sighting)
    text = "forced_down was set again by somebody else, and is theirs to clear"
    return replace(incident, marking=marking).note(context.now, text)


def inspected(incident: Incident, told: Inspected, context: Context) -> Incident:
    """Fold in which evacuations Nova shows; say so where what was over is not over any more."""
    rounds, before = incident.rounds, incident.release
    if told.number != rounds.inspections:
        return incident
    later = context.now.plus(context.policy.release_every_s)
    rounds = replace(rounds, inspections=told.number + 1, failures=0, ask_at=later)
    there = {server.id for server in told.servers.servers}
    release = before.told(told.migrations, there, told.asked_at)
    incident = replace(incident, rounds=rounds, release=release)
    if not release.lifted or not release.done or before.done:
        return incident
    text = (
        f"ALARM: evacuations {named(release.done)} have ended after nova-compute was started: "
        f"it must be restarted on {incident.host} once more"
    )
    return incident.tell(context.now, text, NoticeKind.ALARM, ())


def uninspected(incident: Incident, context: Context) -> Incident:
    """Fold in that Nova did not tell: it is asked again, later."""
    rounds = incident.rounds
    failures = rounds.failures + 1
    later = context.now.plus(context.policy.backoff(failures))
    rounds = replace(rounds, inspections=rounds.inspections + 1, failures=failures, ask_at=later)
    return replace(incident, rounds=rounds)


def answered(
    incident: Incident, ended: SwitchedOn | LiftEnded | EnableEnded, context: Context
) -> Incident:
    """Fold in how a request ended; unless Nova certainly did nothing, it is read back."""
    if isinstance(ended, SwitchedOn):
        return switched_on(incident, ended, context)
    undone = ended.outcome in (Outcome.REFUSED, Outcome.UNSENT)
    ours = ended.effect.number <= incident.release.number
    if isinstance(ended, LiftEnded) and ours and not undone:
        incident = replace(incident, release=replace(incident.release, lift_at=ended.at))
    if not _present(incident, ended.effect):
        return _undone(incident, ended.effect, ended.outcome, ended.at) if undone else incident
    what = "lifting the flag" if isinstance(ended.effect, Lift) else "enabling"
    text = f"{what} {ended.outcome}: {ended.text}"
    if undone:
        return back(incident, context, text)
    release = replace(incident.release, put=ended.outcome, put_at=ended.at)
    return replace(incident, release=release, look_at=None).note(context.now, text)


def not_sent_back(
    incident: Incident, refusal: Refused, effect: Lift | Enable, context: Context
) -> Incident:
    """Fold in that a gate was shut just before a request, so that nothing was sent."""
    if not _present(incident, effect):
        return _undone(incident, effect, Outcome.UNSENT, context.now)
    return back(incident, context, f"not sent: {refusal.why}")


def _present(incident: Incident, effect: Lift | Enable) -> bool:
    """Tell whether this is the request that is waited for."""
    release = incident.release
    waiting = incident.phase is Phase.RELEASING and release.sending
    return waiting and effect.number == release.number


def _undone(incident: Incident, effect: Lift | Enable, put: Outcome, at: Instant) -> Incident:
    """Note of the last request that it did nothing, where its end comes once it is not waited for.

    Whatever changes from then on is not of our doing.
    """
    release = incident.release
    if effect.number != release.number or not release.sending:
        return incident
    return replace(incident, release=replace(release, put=put, put_at=at))


def back(incident: Incident, context: Context, why: str) -> Incident:
    """Go back a step, say why, and ask everything once more before the next try."""
    later = context.now.plus(context.policy.release_every_s)
    release = incident.release
    release = replace(
        release.at(Step.WATCHING if release.lifted else Step.CHECKING), inspected_at=None
    )
    rounds = replace(incident.rounds, ask_at=later)
    if incident.timeline[-1].text != why:
        incident = incident.note(context.now, why)
    return replace(incident, release=release, rounds=rounds, look_at=later)


def set_out(incident: Incident, context: Context, text: str, *, ordered: bool = True) -> Incident:
    """Begin the way back: whatever was seen of the host before is not counted."""
    now, old, rounds = context.now, incident.release, incident.rounds
    release = replace(
        old.anew(),
        ordered=ordered,
        powered=old.powered,
        accepted=old.accepted,
        began=now,
        accusers=tuple(accusing(incident)),
        switching=old.switching,
        gone_at=old.gone_at,
        used_at=old.used_at,
    )
    fencing = incident.fencing.unread() if incident.fencing else None
    rounds = replace(rounds, inspections=rounds.inspections + 1, failures=0, ask_at=None)
    moved = incident.move(Phase.RELEASING, now, text)
    return replace(moved, release=release, rounds=rounds, first=None, fencing=fencing)


def superseded(incident: Incident, effect: SwitchOn | Lift | Enable) -> str:
    """Say why a request that is about to be sent is not wanted any more; empty: it is.

    A host that is to be cut meanwhile must not be switched on by what was decided before that.
    """
    if isinstance(effect, SwitchOn):
        wish, phases = incident.release.switching, (Phase.DOWN, Phase.RELEASING)
        wanted = incident.phase in phases and wish is not None and wish.number == effect.number
    else:
        wanted = _present(incident, effect)
    return "" if wanted else f"it is not wanted any more: the incident is {incident.phase}"
