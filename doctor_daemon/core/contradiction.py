"""Contradiction: one kind of evidence says down, and another has seen the host alive since.

One of them is wrong, and nobody here can tell which. So nothing is cut while a sign of life is
fresh, and the suspicion waits, for a bounded time: the life is taken back or grows old, and then
only what was said after it counts; or nobody calls the host down again, and the life has answered;
or both go on, and a human is asked. Whoever accuses and sees life by turns contradicts nobody but
itself: its last word counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from doctor_daemon.core.by_order import by_order_alone
from doctor_daemon.core.context import Context
from doctor_daemon.core.corroboration import ServiceDown
from doctor_daemon.core.evidence import Evidence, Verdict, Word, Words
from doctor_daemon.core.incident import Held, Incident, NoticeKind
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.weighing import after_life, standing

GATE = "contradiction"
_GATES = (GATE, "compute")
"""The gates at which life that another kind denies ends nothing."""
FREES = "find out who is wrong; then `doctor-daemon fence HOST` or `dismiss HOST`"


def lives(incident: Incident, context: Context) -> tuple[Word, ...]:
    """Return the signs of life that keep the host from being cut: fresh, and of any source.

    An operator who orders it fenced has heard of those from before the order.
    """
    policy, need, ordered = context.policy, context.plan.corroboration, incident.ordered_at
    if _despite(incident, context) or by_order_alone(incident, context):
        return ()
    return tuple(
        word
        for word in incident.words.values()
        if word.verdict is Verdict.UP
        and context.now.since(word.last) < need.age_s(word.source, policy.life_age_s)
        and (ordered is None or word.last.since(ordered) > 0)
    )


def _despite(incident: Incident, context: Context) -> bool:
    """Tell whether nova-compute alone is down, and the operator has hosts fenced for that."""
    need = context.plan.corroboration
    kinds = {word.kind for word in accusing(incident, context)}
    return need.service_down is ServiceDown.FENCE and bool(kinds) and kinds <= need.service


def weighty(incident: Incident, context: Context) -> Words:
    """Return the words that count against the host."""
    if _despite(incident, context):
        return incident.words
    return after_life(incident.words)


def disputed(incident: Incident, life: Evidence, context: Context) -> bool:
    """Tell whether a sign of life does not end the incident: another kind still calls it down."""
    held = incident.held
    waiting = incident.phase in (Phase.SUSPECTED, Phase.FENCING)
    if not incident.untouched or not (waiting or (held is not None and held.gate in _GATES)):
        return False
    return any(word.kind != life.kind for word in accusing(incident, context))


def accusing(incident: Incident, context: Context) -> list[Word]:
    """Return what calls the host down, and is not too old."""
    limit_s = context.policy.evidence_age_s
    words, need = incident.words, context.plan.corroboration
    return list(standing(words, context.now, limit_s, need))


def weighed(incident: Incident, context: Context) -> Incident:
    """Begin, end or give up a contradiction before the first cut, or return the incident itself."""
    found, since, now = lives(incident, context), incident.contradicted_at, context.now
    if not found:
        return incident if since is None else _over(incident, since, now)
    if since is None:
        limit_s = context.policy.contradiction_s
        text = f"{_told(incident, found, context)}: nothing is cut, for {limit_s:g} s at most"
        begun = incident.note(now, f"contradicting evidence: {text}")
        return replace(begun, contradicted_at=now)
    anew_at = looks_anew_at(incident, found, context)
    if anew_at is not None and now.reached(anew_at):
        incident = replace(incident, first=None, sighting=None)
    if not now.reached(since.plus(context.policy.contradiction_s)):
        return incident
    if not _insisted(incident, since):
        return _answered(incident, now)
    why = f"contradicting evidence: {_told(incident, found, context)}"
    return incident.hold(now, Held(GATE, why, FREES))


def looks_anew_at(incident: Incident, found: Iterable[Word], context: Context) -> Instant | None:
    """Return when the looks at Nova are to begin anew, beside signs of life; None: they have.

    What nova-compute has reported may be from the very life that has ended since. A grace after
    its last sign, and long before that is too old to count: what is reported later is a sign.
    """
    last = max((word.last for word in found), key=lambda at: at.boot_s, default=None)
    at = last.plus(context.policy.grace_s) if last is not None else None
    first = incident.first
    return at if at is not None and first is not None and first.asked_at.since(at) < 0 else None


def _over(incident: Incident, since: Instant, now: Instant) -> Incident:
    """Go on, with what was said after the last sign of life; or end, where it was the last word."""
    if not _insisted(incident, since) and incident.ordered_at is None:
        return _answered(incident, now)
    text = "no fresh evidence contradicts any more: what was said since it was seen alive counts"
    return replace(incident.note(now, text), contradicted_at=None)


def _insisted(incident: Incident, since: Instant) -> bool:
    """Tell whether anybody has called it down again, since it was seen alive first.

    What was said on another boot says nothing of before and after.
    """
    words = (word for word in incident.words.values() if word.last.boot_id == since.boot_id)
    return any(word.verdict is Verdict.DOWN and word.last.since(since) > 0 for word in words)


def _answered(incident: Incident, now: Instant) -> Incident:
    text = "it was seen alive, and nobody has called it down since"
    return incident.move(Phase.DISMISSED, now, text, NoticeKind.WITHDRAWN)


def _told(incident: Incident, found: Iterable[Word], context: Context) -> str:
    seen, against = named(found), named(accusing(incident, context))
    return f"{seen} has seen it alive, and {against or 'nobody'} calls it down"


def named(words: Iterable[Word]) -> str:
    """Name who has said something, and of which kind it is."""
    return ", ".join(sorted({f"{word.source} ({word.kind})" for word in words}))


def wakes_at(incident: Incident, context: Context) -> Instant | None:
    """Return when a contradiction is next to be weighed, if nothing is heard before; None: none."""
    policy, need = context.policy, context.plan.corroboration
    since, limit_s = incident.contradicted_at, policy.contradiction_s
    if incident.service_since is not None:
        since, limit_s = service_from(incident, incident.service_since), policy.progress_s
    if since is None or not incident.untouched:
        return None
    stale = [
        word.last.plus(need.age_s(word.source, policy.life_age_s))
        for word in lives(incident, context)
    ]
    anew_at = looks_anew_at(incident, lives(incident, context), context)
    if incident.contradicted_at is not None and anew_at is not None:
        stale.append(anew_at)
    return min([*stale, since.plus(limit_s)], key=lambda moment: moment.boot_s)


def service_from(incident: Incident, since: Instant) -> Instant:
    """Return from when on a lone service is borne with: signs of life that come and go add none."""
    return min(since, incident.progress_at, key=lambda moment: moment.boot_s)


def contradicted(incident: Incident, context: Context) -> str:
    """Say why fresh life keeps the host from being cut; empty: there is none. A gate."""
    found = lives(incident, context) if incident.untouched else ()
    return f"contradicting evidence: {_told(incident, found, context)}" if found else ""
