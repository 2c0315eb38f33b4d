"""What keeps the daemon's hands off the ports of a host, and when that host is back."""

from __future__ import annotations

from doctor_daemon.core.host import HostId, Mode
from doctor_daemon.core.instant import Instant
from doctor_daemon.engine import storage_gates
from doctor_daemon.engine.ward import Ward
from doctor_daemon.ports import Fleet


def off_limits(ward: Ward, host: HostId) -> str:
    """Say why no port of a host may be marked now; empty: it may."""
    if not ward.rules.ports.marks:
        return "`data_plane_status` is not configured any more"
    return storage_gates.shut(ward, host)


def shut(ward: Ward, host: HostId) -> str:
    """Say why nothing at all may be said of the ports of a host; empty: it may.

    A maintenance of a dead host keeps nobody from clearing the ports that have left it.
    """
    context = ward.context(host)
    if ward.stopping:
        return "the daemon is stopping"
    if context.mode < Mode.FENCE:
        return f"mode is {context.mode.name.lower()}: nothing is changed in the cloud"
    if not context.armed.on:
        by = f" by {context.armed.by}" if context.armed.by else ""
        return f"the daemon is disarmed{by}: {context.armed.why}"
    return ""


def is_back(host: HostId, fleet: Fleet, since: Instant) -> bool:
    """Tell whether Nova has a host without an incident forced down no more, or not at all.

    Only a list that was asked for after `since` tells.
    """
    sighting = fleet.services.get(host.name)
    if sighting is not None:
        return not sighting.forced_down and sighting.asked_at.since(since) > 0
    return bool(fleet.services) and not fleet.blind and host.name not in fleet.unknown
