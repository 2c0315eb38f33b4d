"""The gates that look beyond one failure: at how long we have watched, and what was there before.

Each is a pure function of the incident and its context that says why it is shut, or nothing.
"""

from __future__ import annotations

from doctor_daemon.core.by_order import ordered
from doctor_daemon.core.context import Context
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.inherited import inherited
from doctor_daemon.core.upkeep import OURS

AUTO = "AUTO: "
"""What the reason begins with where Nova has disabled a service by itself: that is a fault."""


def warming_up(incident: Incident, context: Context) -> str:
    """Ask that we have watched for a while before the first cut: whoever has just come knows less.

    A round that was taken from the budget before goes on: it was decided by one who knew. Not so
    one that is inherited: that is decided anew, by one who has just come.
    """
    if context.warm_at is None or context.now.reached(context.warm_at):
        return ""
    known = incident.cut_started is not None and incident.charged
    if known and not inherited(incident, context):
        return ""
    left_s, limit_s = -context.now.since(context.warm_at), context.policy.warm_up_s
    return (
        f"the daemon has just started, and watches for {limit_s:g} s before it cuts any power: "
        f"{left_s:.0f} s are left"
    )


def mass_failure(incident: Incident, context: Context) -> str:
    """Ask that not too many hosts look dead at once: a human may let some through."""
    if not context.latches or passed(incident, context) or context.passes_left > 0:
        return ""
    return context.latches[0].why


def passed(incident: Incident, context: Context) -> bool:
    """Tell whether a human's word has let the present round through, and is not used up.

    It was about how things stood then: it is over with the round, and for one that is inherited.
    """
    through = paid(incident, context) and incident.passed == len(incident.charges)
    return through and not inherited(incident, context)


def paid(incident: Incident, context: Context) -> bool:
    """Tell whether this round was taken from the budget, and not so long ago that it is over.

    A charge of another boot was timed anew, and counts as long as it does for everybody else.
    """
    if not incident.charged:
        return False
    number, taken_at = len(incident.charges), incident.charges[-1]
    for charge in context.charges:
        if (charge.incident, charge.number) == (incident.id, number):
            taken_at = charge.at
    return context.now.since(taken_at) < context.policy.budget_window_s


def disabled(incident: Incident, context: Context) -> str:
    """Ask that nobody has disabled the host in Nova: to its operators that is maintenance.

    By which reason it is disabled tells who it was. Nova itself, we, and whoever keeps a host in
    reserve mean no work on it. What Nova does not say clearly is not 'enabled'.
    """
    look = incident.sighting
    if look is None:
        return f"Nova has not shown whether {incident.host} is disabled"
    known = (AUTO, OURS)
    if look.status == "enabled" or ordered(incident, context):
        return ""
    if look.status != "disabled":
        return f"Nova does not say clearly whether {incident.host} is disabled: {look.status!r}"
    if look.reason.startswith(known) or look.reason in context.reserved:
        return ""
    why = f"by {look.reason!r}" if look.reason else "without a reason"
    return f"somebody has disabled {incident.host} in Nova, {why}: that counts as maintenance"


def resting(incident: Incident, context: Context) -> str:
    """Ask that a host which has just come back is left to settle: what is said may be old."""
    returned_at, limit_s = context.returned_at, context.policy.quiet_s
    if returned_at is None or incident.charges or ordered(incident, context):
        return ""
    since_s = context.now.since(returned_at)
    if since_s >= limit_s:
        return ""
    return f"{incident.host} came back {since_s:.0f} s ago, and is left to settle for {limit_s:g} s"


def relapsed(incident: Incident, context: Context) -> str:
    """Ask that a host has not been fenced again and again: another cut would mend nothing."""
    policy = context.policy
    fewer = context.returns < policy.fences_max
    if fewer or incident.charges or ordered(incident, context):
        return ""
    hours = policy.flap_window_s / 3600
    return f"{incident.host} was fenced {context.returns} times in {hours:g} hours, and came back"
