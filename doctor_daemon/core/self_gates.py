"""The gates that ask about ourselves: cut off, asleep for a while, or about to cut our own power.

Each is shut by what is bad and by what is not known. Those that time alone may open keep an
incident waiting, and only what lasts is held.
"""

from __future__ import annotations

from doctor_daemon.core.by_order import ordered
from doctor_daemon.core.context import Context
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.inherited import inherited
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.recall import recallable, uncut


def isolated(incident: Incident, context: Context) -> str:
    """Say what makes it likely that we are cut off, and not the host; or what is not known."""
    own, limit_s = context.own, context.policy.own_age_s
    for sign in own.wanted:
        check = own.checks.get(sign)
        old = check is None or context.now.since(check.asked_at) > limit_s
        if check is None or old or check.asked_at.since(incident.opened_at) < 0:
            return f"our own side ({sign}) has not been checked in the last {limit_s:g} s"
        if not check.good:
            return f"we may be cut off ourselves: {check.why}"
    return ""


def asleep(incident: Incident, context: Context) -> str:
    """Say that the daemon stood still since the host was looked at.

    One whose power was not cut yet, or by a daemon of before, has its whole grace after that, too.
    Nor was it cut as long as the first cut waits for its turn: that may be told after the pause.
    """
    awake_at, look = context.own.awake_at, incident.sighting
    if awake_at is None:
        return ""
    looked = look is not None and look.asked_at.since(awake_at) >= 0
    fresh = uncut(incident, context) or recallable(incident) or inherited(incident, context)
    ordered_at = incident.ordered_at if ordered(incident, context) else None
    graced = not fresh or incident.grace_from.since(awake_at) >= 0
    graced = graced or context.now.since(awake_at) >= context.policy.grace_s
    graced = graced or (ordered_at is not None and ordered_at.since(awake_at) >= 0)
    if looked and (graced or incident.phase is not Phase.FENCING):
        return ""
    return f"the daemon stood still, and has not looked at {incident.host} anew since"


def ourselves(incident: Incident, context: Context) -> str:
    """Say that the host is the one that this daemon runs on."""
    how = context.own.self_.get(incident.host)
    return f"this daemon runs on {incident.host}: {how}" if how else ""


def controller(incident: Incident, context: Context) -> str:
    """Say that the host carries the control plane, and may not be fenced, or not now."""
    own, host = context.own, incident.host
    how = own.control.get(host.name) if own.control else None
    if how is None:
        return ""
    if not own.control_fenced:
        return f"{host} is of the control plane: {how}"
    others = ", ".join(sorted(map(str, own.control_down - {host})))
    if not others:
        return ""
    return f"{host} is of the control plane ({how}), and so is {others}, which is down already"


def untold(incident: Incident, context: Context) -> str:
    """Say that it is not known yet which hosts carry the control plane."""
    if context.own.control is not None:
        return ""
    return f"Nova has not shown yet whether {incident.host} is of the control plane"
