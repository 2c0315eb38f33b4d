"""Asking Nova what is left of a host that is to be taken out of the cloud for good."""

from __future__ import annotations

from doctor_daemon.core.host import HostId
from doctor_daemon.core.survey import Surveyed
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import Temporary


async def survey(number: int, host: HostId, ward: Ward) -> Surveyed:
    """Ask for its service by the list of all, and for the rest where there is one.

    A host that Nova can say nothing of is an error: it is neither gone nor empty.
    """
    nova, asked_at = ward.tools.controller, ward.tools.clock.now()
    fleet = await nova.fleet()
    if host.name in fleet.unknown:
        msg = f"Nova cannot say how {host} stands: is its cell down?"
        raise Temporary(msg)
    seen = fleet.services.get(host.name)
    if seen is None:
        return Surveyed(number, asked_at, None, whole=not fleet.blind)
    transits, servers = await nova.transits(host), await nova.servers(host)
    ids = tuple(server.id for server in servers.servers)
    return Surveyed(number, asked_at, seen, ids, tuple(transits))
