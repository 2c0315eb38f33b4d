"""Forcing down: one PUT that is decided on a fresh look, and believed only when read back.

What somebody else has set is recorded and left alone: a foreign forced_down is never proof, a
foreign disable keeps its reason. A proof that grows old in the meantime is taken again, and power
that is seen ON sends the incident back to fencing.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.evacuating import enter, to_be_moved
from doctor_daemon.core.fencing import derive
from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.guard import contradicted, read_on, returned
from doctor_daemon.core.incident import Held, Incident, NoticeKind, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import PutEnded, Refused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Proof, ProofKind
from doctor_daemon.core.topology import NEVER
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.witness import contradicting, unheard

_AGAIN = "`doctor-daemon fence HOST` when the cause is mended"


def put_ended(incident: Incident, observation: PutEnded, context: Context) -> Incident:
    """Fold in how the PUT ended; unless Nova certainly did nothing, it is read back."""
    marking = incident.marking
    if observation.effect.number != marking.number or marking.put is not None:
        return incident
    text = f"force-down {observation.outcome}: {observation.text}"
    undone = observation.outcome in (Outcome.REFUSED, Outcome.UNSENT)
    marking = replace(marking, put=observation.outcome, put_at=observation.at)
    ended = replace(incident, marking=marking)
    if undone and incident.phase is Phase.FORCING_DOWN:
        return _again(ended, context, text)
    return ended.note(context.now, text)


def put_refused(
    incident: Incident, observation: Refused, number: int, context: Context
) -> Incident:
    """Fold in that a gate was shut just before the PUT."""
    if number != incident.marking.number:
        return incident
    refusal = refused(Act.FORCE_DOWN, incident, context)
    unsent = replace(incident.marking, put=Outcome.UNSENT, put_at=context.now)
    incident = replace(incident, marking=unsent)
    if refusal and not refusal.retry:
        return incident.hold(context.now, Held(refusal.gate, refusal.why, refusal.frees))
    return _again(incident, context, observation.why)


def _again(incident: Incident, context: Context, why: str) -> Incident:
    """Count a failed attempt, and plan the next one or ask a human."""
    policy, now, marking = context.policy, context.now, incident.marking
    failures = marking.failures + 1
    if failures >= policy.force_down_tries:
        text = f"Nova does not take the force-down of {incident.host}: {why}"
        return incident.hold(now, Held("nova", text, _AGAIN))
    since = marking.rereading_since  # what is being read again is read on
    marking = replace(marking.anew(), failures=failures, rereading_since=since)
    retry_at = now.plus(policy.backoff(failures))
    return replace(incident.note(now, why), marking=marking, retry_at=retry_at)


def forcing_down(incident: Incident, context: Context) -> Incident:
    """Decide what forcing down has come to."""
    proof = incident.proof
    if proof is None:
        text = "there is no proof that the host is off"
        return incident.hold(context.now, Held("proof", text, NEVER))
    checked = _check(incident, proof, context)
    if checked is not incident:
        return checked
    if incident.marking.rereading_since is not None:
        return _reread(incident, incident.marking.rereading_since, context)
    if incident.look_failures >= context.policy.force_down_tries:
        text = f"Nova could not be asked about {incident.host}"
        return incident.hold(context.now, Held("nova", text, _AGAIN))
    if incident.retry_at is not None and not context.now.reached(incident.retry_at):
        return incident
    return _mark(incident, context)


def _check(incident: Incident, proof: Proof, context: Context) -> Incident:
    """Return the incident itself while its proof stands or is being read again."""
    now, checked = context.now, contradicted(incident, proof, context)
    if checked is not incident:
        return checked
    attempt = incident.fencing if proof.kind is ProofKind.POWER else None
    if attempt is not None and read_on(attempt, proof, context):
        return returned(incident, context)
    if incident.marking.rereading_since is not None:
        return incident
    if not now.reached(proof.valid_until) and not _unrenewed(incident, proof, context):
        return incident
    if proof.kind is ProofKind.HUMAN:
        text = f"{proof.by}'s word that {incident.host} is off has expired"
        return incident.hold(now, Held("proof", text, "`doctor-daemon confirm-off HOST` again"))
    return _begin_reread(incident, now)


def _unrenewed(incident: Incident, proof: Proof, context: Context) -> bool:
    """Tell whether a proof is from before a pause, or, for a PUT that is to come, a restart."""
    from_, undecided = incident.rounds.renew_from, incident.marking.put is None
    paused = context.anew(proof.taken_at) != proof.taken_at
    old = undecided and from_ is not None and proof.taken_at.since(from_) < 0
    return proof.kind is ProofKind.POWER and (paused or old)


def _begin_reread(incident: Incident, now: Instant) -> Incident:
    """Start reading a proof again that has grown old.

    What was read before proves nothing more, and still shows since when the host reads OFF: a
    witness's ON may be on its way.
    """
    if incident.fencing is None:
        return incident.hold(now, Held("proof", "the proof is old and cannot be read again", NEVER))
    noted = incident.note(now, "the proof has grown old: reading the power again")
    return replace(noted, marking=replace(incident.marking, rereading_since=now))


def _reread(incident: Incident, since: Instant, context: Context) -> Incident:
    now, current = context.now, incident.fencing
    level = context.plan.level(current.level) if current else None
    if current is None or level is None:
        return incident.hold(now, Held("proof", "the power cannot be read again", NEVER))
    proof = derive(incident, current, level, context, since)
    if proof and not contradicting(current, since, context, anew=True):
        marking = replace(incident.marking, rereading_since=None)
        return replace(incident, proof=proof, marking=marking).note(now, "still proven off")
    left = now.since(context.anew(since)) < context.policy.off_timeout_s
    if left or unheard(current, since, context, anew=True):
        return incident
    text = f"the power of {incident.host} could not be read again in time"
    return incident.hold(now, Held("proof", text, NEVER))


def _mark(incident: Incident, context: Context) -> Incident:
    """Decide the PUT on a fresh look, or believe the one that is read back."""
    marking, look = incident.marking, incident.sighting
    if look is None or not current(incident, look, context):
        return incident
    if look.forced_down and look.state == "down":
        return _down(incident, look, context)
    if marking.put is not None:
        return _again(incident, context, "the force-down is not there when read back")
    if marking.disable is not None:
        return incident
    number = max(marking.number, 1)
    disable = look.status != "disabled"
    before = look if marking.foreign_flag else marking.before or look
    marking = replace(marking, number=number, before=before, disable=disable)
    return replace(incident, marking=marking)


def current(incident: Incident, look: Sighting, context: Context) -> bool:
    """Tell whether a look is recent, and was asked for after the PUT had ended, and any pause."""
    put_at = incident.marking.put_at
    fresh = context.now.since(look.asked_at) <= context.policy.look_age_s
    fresh = fresh and context.anew(look.asked_at) == look.asked_at
    return fresh and (put_at is None or look.asked_at.since(put_at) >= 0)


def _down(incident: Incident, look: Sighting, context: Context) -> Incident:
    marking = incident.marking
    if marking.before is None:
        marking = replace(marking, before=look)
    if marking.foreign_flag:
        text = "somebody else had forced it down already: left as it is"
    elif marking.foreign_disable and look.reason.startswith(incident.mark):
        text = "Nova has it forced down; it was disabled by us before"
    elif marking.foreign_disable:
        text = "Nova has it forced down; somebody else had disabled it: their reason is kept"
    elif look.status != "disabled":
        text = "Nova has it forced down, and not disabled"
    else:
        text = "Nova has it forced down and disabled"
    incident, text = replace(incident, marking=marking), f"{text} (read back)"
    if to_be_moved(incident, context):
        return enter(incident, context, text)
    return incident.move(Phase.DOWN, context.now, text, NoticeKind.CONFIRMED)
