"""What keeps the daemon's hands off the storage of a host, and what it knows of that host."""

from __future__ import annotations

from doctor_daemon.core.destinations import off_by
from doctor_daemon.core.host import HostId, Mode
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.ward import Ward

FENCED = (Phase.EVACUATING, Phase.DOWN)
"""Where a host's power is proven off, and Nova has it forced down."""
FENCING = (Phase.SUSPECTED, Phase.FENCING, Phase.FORCING_DOWN)
PROVEN = (Phase.FORCING_DOWN, Phase.EVACUATING)
"""What is held out of these had its power proven off."""


def shut(ward: Ward, host: HostId) -> str:
    """Say why nothing may be done about the storage of a host now; empty: it may."""
    context = ward.context(host)
    if ward.stopping:
        return "the daemon is stopping"
    if not context.plan.known:
        return f"{host} is not in the configuration"
    mode = min(context.mode, context.plan.mode)
    if mode < Mode.FENCE:
        return f"mode is {mode.name.lower()}: nothing is changed in the cloud"
    if not context.armed.on:
        by = f" by {context.armed.by}" if context.armed.by else ""
        return f"the daemon is disarmed{by}: {context.armed.why}"
    if context.plan.protected:
        return f"{host} is protected: {context.plan.protected}"
    if context.maintenance is not None:
        return f"{host} is in maintenance by {context.maintenance.by}: {context.maintenance.why}"
    return ""


def is_fenced(incident: Incident) -> bool:
    """Tell whether a host was proven off in this incident, be it that Nova was not told of it."""
    if incident.phase in FENCED:
        return True
    held = incident.held
    return incident.proof is not None and held is not None and held.out_of in PROVEN


def is_off(incident: Incident, now: Instant) -> bool:
    """Tell whether a host is proven off, and nothing says since that it may be on again.

    Nor has anybody put it back by hand.
    """
    return off_by(incident, now) is not None and incident.release.used_at is None


def was_off(incident: Incident, now: Instant) -> bool:
    """Tell whether a host was proven off on another boot, and nobody can tell what it is now.

    While its servers are moved it is proven off anew.
    """
    proof = incident.proof if incident.phase is Phase.DOWN else None
    other = proof is not None and proof.taken_at.boot_id != now.boot_id
    return other and incident.release.used_at is None
