"""What operators can tell an incident, and what it answers.

`refusal` is asked twice with the same words: by the API, to answer at once, and by the decision, so
that an order that was overtaken by events is noted and not followed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from doctor_daemon.core.context import Context
from doctor_daemon.core.contradiction import FREES, GATE
from doctor_daemon.core.incident import Held, Incident, NoticeKind
from doctor_daemon.core.inherited import inherited
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Order, Ordered
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Proof, ProofKind
from doctor_daemon.core.recall import recallable, recalled
from doctor_daemon.core.release import IDS_MAX, Closing, Step
from doctor_daemon.core.retiring import retire
from doctor_daemon.core.returning import set_out
from doctor_daemon.core.service import out_of_service
from doctor_daemon.core.survey import underway
from doctor_daemon.core.switching import unswitched, wanted
from doctor_daemon.core.topology import begin
from doctor_daemon.core.waiting import pending

_ALLOWED = {
    Order.FENCE: (Phase.SUSPECTED, Phase.HELD),
    Order.DISMISS: (Phase.SUSPECTED, Phase.FENCING, Phase.RELEASING, Phase.HELD),
    Order.CONFIRM_OFF: (Phase.HELD,),
    Order.CLOSE: (Phase.DOWN,),
    Order.RELEASE: (Phase.DOWN, Phase.HELD),
    Order.POWER_ON: (Phase.DOWN, Phase.RELEASING),
    Order.DECOMMISSION: (Phase.DOWN,),
}
_NOT_CUT = Held(
    GATE,
    "by order it is not cut again, and what became of the cut that was decided before is not known",
    FREES,
)
"""How an incident is held whose cut is inherited, until Nova has shown that it may be dismissed."""
_BACK = ("release", "evacuation", "flaps")
"""The gates that leave a host forced down by us, and each of its servers with an outcome."""
_SHUT = (Phase.DOWN, Phase.RELEASING)
"""The phases in which that is so whatever happens, be it a bug."""


def after_bug(phase: Phase, error: str) -> Held:
    """Return how a bug holds an incident, and what begins it anew: all of it is asked once more."""
    order = "release HOST` or `fence HOST" if phase in _SHUT else "fence HOST"
    return Held("internal", f"internal error: {error}", f"see the log; then `{order}`")


def _releasable(held: Held) -> bool:
    return held.gate in _BACK or (held.gate == "internal" and held.out_of in _SHUT)


def _waiting(incident: Incident, order: Order) -> bool:
    """Tell whether an order is for one that waits, too: a human need not wait until it is held.

    A human's word is taken as long as nothing was cut: no device is told anything.
    """
    untouched = order is Order.CONFIRM_OFF and incident.untouched
    return pending(incident) and (untouched or order is Order.FENCE)


def refusal(incident: Incident, ordered: Ordered, context: Context) -> str:
    """Say why an order cannot be followed now; empty: it can."""
    allowed = _ALLOWED[ordered.order]
    alone = incident.phase is Phase.RELEASING and not incident.release.ordered
    other = (alone and ordered.order is Order.RELEASE) or _waiting(incident, ordered.order)
    if incident.phase not in allowed and not other:
        phases = " or ".join(allowed)
        return f"the incident is {incident.phase}; {ordered.order} is for one that is {phases}"
    if underway(incident):
        return "it is being decommissioned: that ends within minutes"
    if ordered.order is Order.DECOMMISSION and incident.release.switching:
        return "it is being switched on"
    fencing = incident.phase is Phase.FENCING
    fit = incident.untouched or recallable(incident) or inherited(incident, context)
    if ordered.order is Order.DISMISS and fencing and not fit:
        return "the power cut has begun: it cannot be called off any more"
    if ordered.order is Order.CONFIRM_OFF:
        return _unfit(ordered, context)
    if ordered.order is Order.RELEASE:
        return _unreleasable(incident, ordered)
    if incident.phase is Phase.RELEASING and _too_late(incident, ordered.order):
        return "the flag is being lifted, or is: it is too late for that"
    return ""


def _unreleasable(incident: Incident, ordered: Ordered) -> str:
    """Say why a release cannot be ordered, or an evacuation not be taken for stuck."""
    held = incident.held
    if held is not None and not _releasable(held):
        return f"it is held by the gate {held.gate}: {held.frees}"
    if not ordered.accept:
        return ""
    if held is None or held.gate != "release":
        return "no evacuation is taken for stuck before the release has waited for it, and is held"
    for one in ordered.accept:
        if one not in incident.release.stuck:
            stuck = ", ".join(map(str, incident.release.stuck)) or "there is none"
            return f"{one} is not an evacuation that does not end, as Nova has it: {stuck}"
    return ""


def _too_late(incident: Incident, order: Order) -> bool:
    """Tell whether a host on its way back is past an order: it may not be forced down any more."""
    look = incident.sighting
    gone = look is not None and not look.forced_down
    return incident.release.step is not Step.CHECKING or (order is Order.DISMISS and gone)


def _unfit(ordered: Ordered, context: Context) -> str:
    limit_s = context.policy.human_proof_max_s
    if ordered.until is None or context.now.reached(ordered.until):
        return "a confirmation needs an expiry in the future"
    if ordered.until.since(context.now) > limit_s:
        return f"a confirmation may last {limit_s:g} s at most"
    return ""


def follow(incident: Incident, ordered: Ordered, context: Context) -> Incident:
    """Follow an order, and record the person and the reason."""
    now = context.now
    why = refusal(incident, ordered, context)
    if why:
        return incident.note(now, f"{ordered.order} by {ordered.by} not followed: {why}")
    text = f"{ordered.order} by {ordered.by}: {ordered.why}"
    match ordered.order:
        case Order.FENCE:
            return _fence(incident, context, text)
        case Order.RELEASE:
            return _released(incident, ordered, text, context)
        case Order.POWER_ON:
            return wanted(incident, context, text)
        case Order.DECOMMISSION:
            return retire(incident, ordered, context, text)
        case Order.DISMISS if incident.phase is Phase.RELEASING or recallable(incident):
            return _called_off(incident, text, context)
        case Order.DISMISS if incident.untouched:
            return incident.move(Phase.DISMISSED, now, text, NoticeKind.WITHDRAWN)
        case Order.CONFIRM_OFF:
            incident = out_of_service(incident).move(Phase.FORCING_DOWN, now, text)
            return _confirmed(incident, ordered, context)
        case Order.DISMISS | Order.CLOSE:
            return _closing(incident, ordered, text, now)
        case _ as unreachable:
            assert_never(unreachable)


def _closing(incident: Incident, ordered: Ordered, text: str, now: Instant) -> Incident:
    """Have it ended as soon as Nova shows that the host is not forced down."""
    if incident.phase is Phase.FENCING:
        incident = incident.hold(now, _NOT_CUT)
    closing = Closing(ordered.by, ordered.why, now)
    noted = incident.note(now, f"{text}; looking at Nova first")
    return replace(noted, closing=closing, look_failures=0, look_at=None)


def _fence(incident: Incident, context: Context, text: str) -> Incident:
    """Have the host fenced, whatever was reported of it before this order."""
    now = context.now
    incident = replace(incident, ordered_at=now, first=None)
    if incident.phase is Phase.SUSPECTED or pending(incident):
        return incident.note(now, text)
    return begin(out_of_service(incident).move(Phase.FENCING, now, text), context)


def _called_off(incident: Incident, text: str, context: Context) -> Incident:
    """End a way back, which does not begin by itself any more; or the fencing of a host in use."""
    now = context.now
    if incident.phase is Phase.FENCING:
        return recalled(incident, text, now)
    incident = replace(incident, release=replace(incident.release, called_off=True))
    return incident.move(Phase.DOWN, now, f"{text}; it stays forced down")


def _released(incident: Incident, ordered: Ordered, text: str, context: Context) -> Incident:
    """Begin the way back, or take one that has begun by itself for ordered from now on."""
    now, release = context.now, incident.release
    if incident.phase is Phase.RELEASING:
        release = replace(release, ordered=True, began=now)
        return replace(incident.note(now, text), release=release)
    accepted = tuple(dict.fromkeys((*release.accepted, *ordered.accept)))[-IDS_MAX:]
    begun = set_out(replace(incident, release=replace(release, accepted=accepted)), context, text)
    for one in ordered.accept:
        there = f"{one.to} has no guest of its server" if one.to else "it has no destination"
        word = f"{ordered.by} vouches that evacuation {one.migration} is stuck, and that {there}"
        begun = begun.note(now, f"{word}; Nova cannot show that")
    return begun


def _confirmed(incident: Incident, ordered: Ordered, context: Context) -> Incident:
    """Fold a human proof. What was tried before it no longer counts."""
    until = ordered.until or context.now
    proof = Proof(
        kind=ProofKind.HUMAN,
        incident=incident.id,
        attempt=incident.tries,
        digest=context.plan.digest,
        taken_at=ordered.at,
        valid_until=until,
        by=ordered.by,
        why=ordered.why,
    )
    return replace(incident, proof=proof, fencing=None, marking=incident.marking.anew())


def _taken_back(incident: Incident, end: Phase) -> NoticeKind | None:
    """Return what consumers are told of the end: what was confirmed is not taken back."""
    confirmed = any(entry.tell is NoticeKind.CONFIRMED for entry in incident.timeline)
    return NoticeKind.WITHDRAWN if end is Phase.DISMISSED and not confirmed else None


def closing(incident: Incident, context: Context) -> Incident:
    """End the incident if Nova shows the flag gone; say so if it does not."""
    wish, look, now = incident.closing, incident.sighting, context.now
    if wish is None:
        return incident
    end = Phase.RESOLVED if incident.phase is Phase.DOWN else Phase.DISMISSED
    if look is not None and look.asked_at.since(wish.since) >= 0:
        if not look.forced_down or (end is Phase.DISMISSED and incident.marking.foreign_flag):
            text = f"ended by {wish.by}: {wish.why}; forced_down is not ours any more"
            incident = unswitched(incident, now, "the incident is over")
            return incident.move(end, now, text, _taken_back(incident, end))
        text = "not ended: Nova still has the host forced down; clear the flag first"
        return replace(incident.note(now, text), closing=None)
    if incident.look_failures >= context.policy.looks_max:
        return replace(incident.note(now, "not ended: Nova cannot be asked"), closing=None)
    return incident
