"""What keeps the daemon's hands off the storage of a host, and what it knows of that host."""

from __future__ import annotations

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
    """Tell whether a host is proven off, and nobody has heard it, or switched it on, since.

    Nor has its nova-compute reported in, or somebody put it back by hand. Between two boots nobody
    can tell which came first: then it is not known to be off.
    """
    proof, release = incident.proof, incident.release
    if proof is None or incident.phase not in FENCED:
        return False
    if proof.taken_at.boot_id != now.boot_id:
        return False
    if release.switched_since(proof.taken_at) or release.used_at is not None:
        return False
    heard = (at for at in (incident.life_at, incident.reported_at) if at is not None)
    return all(at.since(proof.taken_at) < 0 for at in heard)
