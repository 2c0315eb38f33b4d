"""The budget of power cuts: so many hosts in a sliding window, in all and of one failure domain."""

from __future__ import annotations

from doctor_daemon.core.context import Charge, Context
from doctor_daemon.core.fleet_gates import passed
from doctor_daemon.core.incident import Incident


def spent(incident: Incident, context: Context) -> str:
    """Say why the budget leaves no room for one more host; empty: it does."""
    policy = context.policy
    if passed(incident, context) or context.passes_left > 0:
        return ""  # a human has said how many: that is counted instead
    taken = [charge for charge in context.charges if _counts(charge, incident, context)]
    near = sum(charge.domain == context.plan.domain for charge in taken)
    window = f"in {policy.budget_window_s:g} s"
    if near >= policy.budget_per_domain:
        return (
            f"{near} hosts of failure domain {context.plan.domain or '(none)'} have been fenced "
            f"{window}; the budget is {policy.budget_per_domain}"
        )
    if len(taken) >= policy.budget_total:
        return f"{len(taken)} hosts have been fenced {window}; the budget is {policy.budget_total}"
    return ""


def _counts(charge: Charge, incident: Incident, context: Context) -> bool:
    """Tell whether a charge weighs: one of unknown age does, the present round's own does not."""
    present = incident.charged and charge.number == len(incident.charges)
    own = charge.incident == incident.id and present
    age_s = context.now.since(charge.at)
    return not own and (age_s < context.policy.budget_window_s or age_s == float("inf"))
