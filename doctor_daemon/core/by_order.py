"""Hosts that nobody calls down but the operator who has them fenced.

Such a host is well, as far as anybody knows: it is drilled, or taken out for good. That it lives is
no news, and keeps nobody from what was ordered, until its power reads off. From then on life shows
that its device lies, as of any other host.
"""

from __future__ import annotations

from doctor_daemon.core.context import Context
from doctor_daemon.core.evidence import OPERATOR
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.weighing import standing
from doctor_daemon.core.witness import off_asked


def ordered(incident: Incident, context: Context) -> bool:
    """Tell whether a human has ordered this very host fenced, and so lately that it counts."""
    at, limit_s = incident.ordered_at, context.policy.evidence_age_s
    return at is not None and context.now.since(at) <= limit_s


def by_order_alone(incident: Incident, context: Context) -> bool:
    """Tell whether, until the cut, nobody has called the host down but who has ordered it fenced.

    What is said after the cut is of its making.
    """
    limit_s, need = context.policy.evidence_age_s, context.plan.corroboration
    words, cut = standing(incident.words, context.now, limit_s, need), incident.cut_started
    sources = [word.source for word in words if cut is None or word.first.since(cut) <= 0]
    return bool(sources) and all(source.startswith(OPERATOR) for source in sources)


def expected(incident: Incident, since: Instant, context: Context) -> bool:
    """Tell whether life that may be as old as `since` was to be expected: it was not yet off."""
    working = incident.phase in (Phase.SUSPECTED, Phase.FENCING)
    if not working or not by_order_alone(incident, context):
        return False
    off = _off_from(incident, context)
    return off is None or since.since(off) < 0


def _off_from(incident: Incident, context: Context) -> Instant | None:
    """Return from when on every device of the try reads OFF; None: not every one does."""
    attempt = incident.fencing
    if attempt is None or attempt.go_at is None:
        return None
    return off_asked(attempt, context)
