"""The gates that look beyond one host: at how long we have watched, and how the others fare.

Each is a pure function of the incident and its context that says why it is shut, or nothing.
"""

from __future__ import annotations

from doctor_daemon.core.context import Context
from doctor_daemon.core.incident import Incident


def warming_up(incident: Incident, context: Context) -> str:
    """Ask that we have watched for a while before the first cut: whoever has just come knows less.

    A round that was taken from the budget before goes on: it was decided by one who knew.
    """
    if context.warm_at is None or context.now.reached(context.warm_at):
        return ""
    if incident.cut_started is not None and incident.charged:
        return ""
    left_s, limit_s = -context.now.since(context.warm_at), context.policy.warm_up_s
    return (
        f"the daemon has just started, and watches for {limit_s:g} s before it cuts any power: "
        f"{left_s:.0f} s are left"
    )
