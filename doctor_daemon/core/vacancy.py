"""What must be shown before Nova forgets a host: the gates of that.

Each returns nothing when it is met, and a sentence when it is not.
"""

from __future__ import annotations

from collections.abc import Iterator

from doctor_daemon.core.context import Context
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.proof import Power
from doctor_daemon.core.retirement import NAMED_MAX, Left, Retirement


def asleep(incident: Incident, _: Context) -> str:
    """Ask that nothing of the host has shown life since it was ordered."""
    life, wish = incident.life_at, incident.retirement
    if wish is None:
        return "nobody has ordered it"
    if life is not None and life.since(wish.since) >= 0:
        return f"{incident.host} was heard alive"
    if Power.ON in _powers(incident, wish):
        return f"the power of {incident.host} reads on"
    return f"nova-compute of {incident.host} has reported in" if wish.reported else ""


def _powers(incident: Incident, wish: Retirement) -> Iterator[Power]:
    """Yield whatever any device has read since it was ordered."""
    for answer in incident.fencing.devices.values() if incident.fencing else ():
        for reading in answer.readings:
            if reading.asked_at.since(wish.since) >= 0:
                yield reading.power


def off(incident: Incident, context: Context) -> str:
    """Ask that it was proven off since it was ordered.

    Where no device can tell, because there is none or because it is gone, the incident's own proof
    stands, and whoever has typed the host's name stands for the time since. Life would have shown.
    """
    proof, wish, now = incident.proof, incident.retirement, context.now
    if proof is None or wish is None:
        return f"there is no proof that {incident.host} is off"
    if incident.life_at is not None and incident.life_at.since(proof.taken_at) >= 0:
        return f"{incident.host} was heard alive after it was proven off"
    if incident.release.switched_since(proof.taken_at):
        return f"{incident.host} was switched on after it was proven off"
    since = context.anew(wish.since)
    fresh = proof.taken_at.since(since) >= 0 and not now.reached(proof.valid_until)
    if fresh or now.reached(since.plus(context.policy.off_timeout_s)):
        return ""
    return f"the power of {incident.host} has not been read as off again yet"


def surveyed(incident: Incident, context: Context) -> str:
    """Ask for lists that are not old."""
    left, limit_s = _left(incident), context.policy.flag_age_s
    if left is not None and context.now.since(left.asked_at) <= limit_s:
        return ""
    wish = incident.retirement
    why = f" ({wish.error})" if wish and wish.error else ""
    return f"Nova has not told in the last {limit_s:g} s what is left of {incident.host}{why}"


def marked(incident: Incident, _: Context) -> str:
    """Ask that the host is forced down still: without that somebody is giving it back."""
    left = _left(incident)
    if left is None or not left.listed or left.forced_down:
        return ""
    return f"Nova does not have {incident.host} forced down any more"


def vacant(incident: Incident, _: Context) -> str:
    """Ask that Nova has no server there: each would be orphaned."""
    left = _left(incident)
    if left is None or not left.servers:
        return ""
    return f"by Nova there are servers on {incident.host}: {_named(left.servers)}"


def unmoved(incident: Incident, _: Context) -> str:
    """Ask that no migration to or from the host is under way."""
    left = _left(incident)
    if left is None or not left.transits:
        return ""
    return f"migrations of {incident.host} are not over: {_named(left.transits)}"


def _left(incident: Incident) -> Left | None:
    return incident.retirement.left if incident.retirement else None


def _named(found: tuple[str, ...]) -> str:
    more = " and more" if len(found) == NAMED_MAX else ""
    return f"{', '.join(found)}{more}"
