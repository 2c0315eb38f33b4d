"""Guarding a proof: what is heard and read after it was taken, and what that stops.

A proof says that a host was off. Until the last server has been moved the power is read on, because
a restore policy, a scheduler or a person may switch it on again.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.fencing import derive
from doctor_daemon.core.incident import Held, Incident, NoticeKind
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Proof, ProofKind
from doctor_daemon.core.topology import NEVER, begin
from doctor_daemon.core.tries import Try
from doctor_daemon.core.witness import contradicting, own_ons, seen_on, unheard

_AGAIN = "`doctor-daemon fence HOST` tries again"


def contradicted(incident: Incident, proof: Proof, context: Context) -> Incident:
    """Void a proof that a sign of life, or another topology, contradicts; else change nothing."""
    now, life = context.now, incident.life_at
    began = incident.fencing.go_at if incident.fencing else None
    anchor = began if proof.kind is ProofKind.POWER and began else proof.taken_at
    if life is not None and life.since(anchor) >= 0:
        return _alive_after_all(incident, proof, context)
    if incident.release.switched_since(proof.taken_at):
        return _switched_after_all(incident, proof, context)
    if proof.kind is ProofKind.POWER and proof.digest != context.plan.digest:
        moved = incident.move(Phase.FENCING, now, "the power devices were changed: proof void")
        return begin(moved, context)
    return incident


def _alive_after_all(incident: Incident, proof: Proof, context: Context) -> Incident:
    now, fencing = context.now, incident.fencing
    text = f"{incident.host} was heard alive although it was proven off"
    if proof.kind is ProofKind.HUMAN or fencing is None:
        return incident.hold(now, Held("proof", text, NEVER))
    moved = incident.move(Phase.FENCING, now, f"{text}: the proof is void")
    return begin(moved, context, fencing.level + 1)


def _switched_after_all(incident: Incident, proof: Proof, context: Context) -> Incident:
    """Believe no proof from before the end of a switching on that was ours, and came late."""
    if proof.kind is ProofKind.POWER:
        return returned(incident, context)
    text = f"{incident.host} was switched on by us after {proof.by} had made sure that it was off"
    return incident.hold(context.now, Held("proof", text, NEVER))


def returned(incident: Incident, context: Context) -> Incident:
    """Fence a host again whose power came back after it was proven off."""
    now, refences = context.now, incident.refences + 1
    marking = replace(incident.marking, rereading_since=None)
    incident = replace(incident, refences=refences, marking=marking)
    if refences > context.policy.refences_max:
        text = f"the power of {incident.host} came back {refences} times after the proof"
        return incident.hold(now, Held("power", text, "find what switches it on; then `fence`"))
    text = "ALARM: the power is on again after the proof: fencing again"
    return begin(incident.move(Phase.FENCING, now, text, NoticeKind.ALARM), context)


def guarded(incident: Incident, proof: Proof, context: Context) -> Incident:
    """Renew the proof by what was read since; fence again if the power was ON."""
    attempt, since, now = incident.fencing, incident.rounds.guarded_from, context.now
    if proof.kind is ProofKind.HUMAN:
        if not now.reached(proof.valid_until):
            return incident
        text = f"{proof.by}'s word that {incident.host} is off has expired"
        frees = "`doctor-daemon confirm-off HOST` again"
        return bar(incident, Held("proof", text, frees), context)
    level = context.plan.level(attempt.level) if attempt else None
    if attempt is None or level is None or since is None:
        text = "the power cannot be read any more"
        return bar(incident, Held("proof", text, _AGAIN), context)
    if read_on(attempt, proof, context):
        return returned(incident, context)
    lasts = [reads[-1] for d in level.devices if (reads := attempt.device(d.name).readings)]
    newer = all(last.asked_at.since(proof.taken_at) > 0 for last in lasts)
    against = contradicting(attempt, since, context)
    renewed = derive(incident, attempt, level, context, since) if newer and not against else None
    if renewed is not None:
        return replace(incident, proof=renewed)
    if not now.reached(gives_up_at(proof, since, context)) or unheard(attempt, since, context):
        return incident
    text = f"the power of {incident.host} could not be read again in time"
    return bar(incident, Held("proof", text, _AGAIN), context)


def read_on(attempt: Try, proof: Proof, context: Context) -> bool:
    """Tell whether a device of the level, or a witness, has read ON since the proof was taken."""
    ons = own_ons(attempt, context)
    again = any(asked_at.since(proof.taken_at) >= 0 for asked_at in ons)
    return again or seen_on(attempt, proof.taken_at, context)


def gives_up_at(proof: Proof, guarded_from: Instant, context: Context) -> Instant:
    """Return when a proof that could not be renewed counts as lost."""
    last = proof.taken_at if guarded_from.since(proof.taken_at) < 0 else guarded_from
    return context.anew(last).plus(context.policy.proof_age_s + context.policy.off_timeout_s)


def bar(incident: Incident, why: Held, context: Context) -> Incident:
    """Post nothing more; what is under way is followed to its end, and then a human is asked."""
    if incident.rounds.barred is not None:
        return incident
    noted = incident.note(context.now, f"nothing more is evacuated: {why.why}")
    return replace(noted, rounds=replace(noted.rounds, barred=why))
