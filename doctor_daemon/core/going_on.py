"""Held incidents that go on without an order, because what they were held for is no more.

Few do: who is held waits for a human. But where so many looked dead that nothing was cut, a human's
word lets hosts through, and need not be said again for each. And where a host was alive and only
its nova-compute was not, it may die after all: that is another failure than the one that is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from doctor_daemon.core.context import Context
from doctor_daemon.core.contradiction import accusing, lives, named, weighty
from doctor_daemon.core.evidence import Word
from doctor_daemon.core.incident import Incident, NoticeKind
from doctor_daemon.core.inherited import elsewhere
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.masses import GATE as MASS
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.service import out_of_service
from doctor_daemon.core.topology import begin
from doctor_daemon.core.weighing import enough

LONE = "compute"
"""What holds an incident of a host that is alive, and its nova-compute is not."""


def going_on(incident: Incident, context: Context) -> Incident:
    """Take a held incident up again, or return it itself."""
    gate = incident.held.gate if incident.held else ""
    if gate == MASS:
        return _let_through(incident, context)
    if gate == LONE and incident.untouched:
        return _died(incident, context)
    return incident


def _let_through(incident: Incident, context: Context) -> Incident:
    """Go on by a human's word for several hosts. One that was in use in between takes an order.

    So does one that was heard alive since it was held: that word is hardly about this one.
    """
    now, life = context.now, incident.life_at
    if context.passes_left <= 0 or incident.release.again:
        return incident
    if life is not None and life.since(incident.phase_at) >= 0 and not elsewhere(incident, now):
        return _left_out(incident, context)
    text = f"hosts are let through, {context.passes_by}: it goes on"
    moved = out_of_service(incident).move(Phase.FENCING, now, text)
    return begin(moved, context)


def _left_out(incident: Incident, context: Context) -> Incident:
    """Say once that hosts are let through, and that this one takes an order."""
    text = (
        f"hosts are let through, {context.passes_by}: not this one, which was heard alive since it "
        "was held; `fence HOST`, if its power is to be cut all the same"
    )
    if any(entry.text == text for entry in incident.timeline):
        return incident
    return incident.note(context.now, text)


def _died(incident: Incident, context: Context) -> Incident:
    """Suspect the host itself, and fence it after a grace without a sign of life.

    What nova-compute has reported while nobody looked says nothing of that: looks begin anew, and
    span another grace before the cut.
    """
    now, against = context.now, _against(incident, context)
    since = [e for e in incident.timeline if e.at.since(incident.phase_at) >= 0]
    said = [entry.tell for entry in since if entry.phase is Phase.HELD]
    suspected, withdrawn = NoticeKind.SUSPECTED in said, NoticeKind.WITHDRAWN in said
    if not against:
        if not suspected or withdrawn:
            return incident
        text = "it is seen alive again, or nobody calls the host itself down any more"
        return incident.note(now, text, NoticeKind.WITHDRAWN)
    text = f"not nova-compute alone, it seems: {named(against)} calls it down, too"
    if not suspected:
        return incident.note(now, text, NoticeKind.SUSPECTED)
    limit_s, need = context.policy.evidence_age_s, context.plan.corroboration
    if not now.reached(_over(incident, against, context)):
        return incident
    if not enough(weighty(incident, context), now, limit_s, need):
        return incident
    tell = NoticeKind.SUSPECTED if withdrawn else None
    moved = incident.move(Phase.FENCING, now, text, tell)
    return begin(replace(moved, first=None, sighting=None), context)


def _against(incident: Incident, context: Context) -> list[Word]:
    """Return what speaks of the host itself since it was held, unless it is seen alive."""
    need, since = context.plan.corroboration, incident.phase_at
    if lives(incident, context):
        return []
    words = (word for word in accusing(incident, context) if word.kind not in need.service)
    return [word for word in words if word.last.since(since) > 0]


def _over(incident: Incident, against: list[Word], context: Context) -> Instant:
    """Return when its grace is over: counted from the first of these words, or from a reboot."""
    from_, boot = incident.grace_from, context.now.boot_id
    firsts = (word.first for word in against if word.first.boot_id == boot)
    first = min(firsts, key=lambda at: at.boot_s, default=from_)
    return max(first, from_, key=lambda at: at.boot_s).plus(context.policy.grace_s)


def goes_on_at(incident: Incident, context: Context) -> Iterator[Instant]:
    """Yield when a held incident is to be weighed again, if nothing is heard before."""
    if incident.held is None or incident.held.gate != LONE or not incident.untouched:
        return
    against = _against(incident, context)
    if against and not context.now.reached(over := _over(incident, against, context)):
        yield over
