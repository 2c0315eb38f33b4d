"""Suspicion: what evidence and looks at Nova do to an incident, and when it is enough to fence.

Until the point of no return a sign of life ends the incident, or, while another kind of evidence
calls the host down, keeps it from being cut. After it nothing cancels: a sign of life then
contradicts OFF, and no proof is taken while it stands.
"""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.by_order import expected, ordered
from doctor_daemon.core.context import Context
from doctor_daemon.core.contradiction import disputed, wakes_at, weighty
from doctor_daemon.core.cutting import taken_back
from doctor_daemon.core.dumping import dumping, dumps_until
from doctor_daemon.core.evidence import Verdict, accused, fold
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Held, Incident, NoticeKind, Sighting
from doctor_daemon.core.inherited import inherited
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Heard
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.preconditions import unanswered
from doctor_daemon.core.recall import recallable, recalled, since_accused
from doctor_daemon.core.topology import begin
from doctor_daemon.core.weighing import enough, shortage
from doctor_daemon.core.witness import witnesses
from doctor_daemon.core.word_gates import repeated


def heard(incident: Incident, observation: Heard, context: Context) -> Incident:
    """Fold evidence in."""
    evidence, now = observation.evidence, context.now
    words = fold(incident.words, evidence)
    if words == incident.words:
        return incident  # its source has said something newer since
    incident = replace(incident, words=words)
    if evidence.verdict is Verdict.UP or not accused(words):
        incident = taken_back(incident, context)
    if evidence.verdict is Verdict.UP:
        if disputed(incident, evidence, context):
            return incident  # `weighed` says what comes of it
        at = evidence.received_at
        if expected(incident, at, context):
            return incident
        return alive(incident, f"{evidence.source} has seen it alive", now, at)
    text = f"{evidence.source} takes it back; nobody calls the host down any more"
    if open_to_life(incident) and not accused(words):
        return incident.move(Phase.DISMISSED, now, text, NoticeKind.WITHDRAWN)
    if recallable(incident) and not unanswered(incident, context):
        return recalled(incident, text, now)
    return incident


def open_to_life(incident: Incident) -> bool:
    """Tell whether a sign of life still ends the incident: before anything was done."""
    working = incident.phase in (Phase.SUSPECTED, Phase.FENCING, Phase.HELD)
    return working and incident.untouched


def alive(incident: Incident, text: str, now: Instant, at: Instant | None = None) -> Incident:
    """Take a sign of life: the end before the cut, a contradiction of OFF after it.

    `at` is when it was received, if that is known: what is said later may be folded in first.
    """
    if open_to_life(incident):
        return incident.move(Phase.DISMISSED, now, text, NoticeKind.WITHDRAWN)
    if incident.phase in (Phase.DOWN, Phase.RELEASING):
        return replace(incident, life_at=at or now)  # it may well be back: that is for release
    if recallable(incident):
        return recalled(incident, text, now)
    incident = replace(incident, life_at=now)
    return incident.note(now, f"{text}: this contradicts that its power is off")


def looked(incident: Incident, sighting: Sighting, context: Context) -> Incident:
    """Fold in how Nova shows the service."""
    if incident.first is not None and sighting.stirred(incident.first):
        incident = taken_back(incident, context)
    earlier, now = incident.sighting, context.now
    service = incident.service or sighting.uuid
    first = incident.first
    if first is None or not sighting.alike(first) or not since_accused(incident, first):
        first = sighting
    if open_to_life(incident) or recallable(incident) or inherited(incident, context):
        earlier = first
    incident = replace(incident, first=first, sighting=sighting, service=service)
    if sighting.uuid != service and incident.phase is not Phase.HELD:
        return incident.hold(now, _other(incident.host, service, sighting.uuid))
    back = incident.phase in (Phase.DOWN, Phase.RELEASING)  # there its reports are counted
    if back and earlier is not None:
        return reporting(incident, earlier, sighting)
    told = earlier is not None and telling(incident, earlier, context) and sighting.stirred(earlier)
    if told:
        return alive(incident, "nova-compute has reported in to Nova since the suspicion", now)
    return incident


def reporting(incident: Incident, earlier: Sighting, later: Sighting) -> Incident:
    """Remember that nova-compute has reported in since the proof: the host may have been in use.

    The first time is enough, and it is kept: whoever falls silent again is not proven off by that.
    """
    known, proof = incident.reported_at, incident.proof
    if proof is None or not later.stirred(earlier):
        return incident
    same_boot = known is not None and known.boot_id == later.asked_at.boot_id
    if known is not None and same_boot and known.since(proof.taken_at) >= 0:
        return incident
    return replace(incident, reported_at=later.asked_at)


def _other(host: HostId, before: str, now: str) -> Held:
    """Say that a service has another id, and whether that is because of how Nova is asked."""
    if ("@" in before) is ("@" in now):
        text = f"Nova's compute service of {host} is another one than before"
        return Held("service", text, "see who re-created it; then dismiss")
    text = (
        f"Nova shows the compute service of {host} as {now}, and before as {before}: the dialect "
        "has changed that its API offers, and nobody can tell whether it is the same one"
    )
    return Held("service", text, "see that it is the same one; then dismiss")


def telling(incident: Incident, earlier: Sighting, context: Context) -> bool:
    """Tell whether a report since `earlier` would be a sign of life.

    Before the cut any is, or before one that is inherited. After it, only one that was sent after
    every cut had ended; and where a PUT of ours was answered, only one that was sent after that,
    too: what it writes while it is out changes more than the time of the report. While a host is on
    that was known to live, none is.
    """
    if recallable(incident):
        return since_accused(incident, earlier)
    left_at = incident.marking.left_at()
    if left_at is not None and earlier.asked_at.since(left_at) < 0:
        return False
    if expected(incident, earlier.asked_at, context):
        return False
    if open_to_life(incident) or inherited(incident, context):
        return True
    attempt = incident.fencing
    beside = {one.name for one in witnesses(context.plan, attempt.level)} if attempt else set()
    known = attempt.devices.items() if attempt else ()
    cuts = [device.cut_at for name, device in known if name not in beside]
    off = bool(cuts) or incident.proof is not None
    return off and all(cut and earlier.asked_at.since(cut) >= 0 for cut in cuts)


def suspected(incident: Incident, context: Context) -> Incident:
    """Decide whether the grace is over and the evidence enough."""
    policy, now = context.policy, context.now
    if ordered(incident, context):
        return begin(incident.move(Phase.FENCING, now, "ordered to fence"), context)
    waited_s = now.since(incident.grace_from)
    if waited_s < policy.grace_s:
        return incident
    if dumps_until(incident, context) is not None:
        return dumping(incident, now)
    limit_s, need = policy.evidence_age_s, context.plan.corroboration
    if incident.contradicted_at is not None or incident.service_since is not None:
        return incident
    words = weighty(incident, context)
    if enough(words, now, limit_s, need):
        text = f"still down after {policy.grace_s:g} s of grace, and the evidence is enough"
        return begin(incident.move(Phase.FENCING, now, text), context)
    if waited_s < policy.grace_s + policy.corroboration_s:
        return incident
    by = _given_up_at(incident, context)
    if (by is None or not now.reached(by)) and repeated(incident, context):
        return incident
    says = ", ".join(sorted({word.source for word in incident.words.values()}))
    short = shortage(words, now, limit_s, need)
    why = f"{says}: not enough to fence: {short}; no other came in time"
    return incident.hold(now, Held("evidence", why, "`fence` it or `dismiss` it"))


def decides_at(incident: Incident, context: Context) -> Instant:
    """Return when a suspicion is next to be weighed, if nothing is heard before."""
    policy, wakes = context.policy, wakes_at(incident, context)
    if wakes is not None:
        return wakes
    over = incident.grace_from.plus(policy.grace_s)
    if not context.now.reached(over):
        return over
    dumped, over = dumps_until(incident, context), over.plus(policy.corroboration_s)
    if dumped is not None:
        return dumped
    said_by = context.repeated_at if context.now.reached(over) else None
    if said_by is None:
        return over
    by = _given_up_at(incident, context)
    return said_by if by is None or by.since(said_by) > 0 else by


def _given_up_at(incident: Incident, context: Context) -> Instant | None:
    """Return when words to be said again are waited for no more, however often we stand still.

    None: the suspicion is of another boot, and has no age.
    """
    since = incident.phase_at
    return since.plus(context.policy.progress_s) if since.boot_id == context.now.boot_id else None
