"""The gates that ask what was said against a host: that it is young, and that it is enough.

Each is a pure function of the incident and its context that says why it is shut, or nothing.
"""

from __future__ import annotations

import math

from doctor_daemon.core import contradiction
from doctor_daemon.core import preconditions as needs
from doctor_daemon.core.context import Context
from doctor_daemon.core.evidence import OPERATOR, Verdict, Words
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.inherited import inherited
from doctor_daemon.core.recall import recallable
from doctor_daemon.core.weighing import enough, shortage, standing


def evidence(incident: Incident, context: Context) -> str:
    """Ask for young evidence; before the first cut, for enough of it: words are taken back.

    Before one that is inherited, too.
    """
    limit, need = context.policy.evidence_age_s, context.plan.corroboration
    if incident.ordered_at is not None and context.now.since(incident.ordered_at) <= limit:
        return ""
    if not any(standing(incident.words, context.now, limit, need)):
        return f"no evidence against {incident.host} is younger than {limit:g} s"
    anew = recallable(incident) or inherited(incident, context)
    if incident.cut_started is not None and not anew:
        return ""
    words = _counted(incident, context)
    if enough(words, context.now, limit, need):
        return ""
    short = shortage(words, context.now, limit, need)
    return f"the evidence against {incident.host} is not enough any more: {short}"


def _counted(incident: Incident, context: Context) -> Words:
    """Return the words that count for a cut, be they young or not."""
    if recallable(incident):
        return needs.unanswered(incident, context)
    return contradiction.weighty(incident, context)


def repeated(incident: Incident, context: Context) -> str:
    """Ask for words of our own time, where those that stand are of before we listened.

    That is of another boot, of a daemon before, or of before a pause. Whoever still means it says
    it again, sooner than a word grows old; so long the cut waits, and then `evidence` judges. A
    human is not asked to.
    """
    by, now, need = context.repeated_at, context.now, context.plan.corroboration
    if by is None or now.reached(by) or not evidence(incident, context):
        return ""
    listening_from = by.plus(-context.policy.evidence_age_s)
    said = [
        word.last
        for word in incident.words.values()
        if word.verdict is Verdict.DOWN
        and need.hears(word.source, word.kind)
        and not word.source.startswith(OPERATOR)
    ]
    if any(last.boot_id != now.boot_id for last in said):
        old = "before this daemon began, and of no known age"
    elif any(last.since(listening_from) < 0 for last in said) and enough(
        _counted(incident, context), now, math.inf, need
    ):
        old = "before this daemon was away, or stood still"
    else:
        return ""
    return (
        f"what was said against {incident.host} is of {old}: its sources are given "
        f"{-now.since(by):.0f} s to say it again"
    )
