"""Ask Nova for all that is to be known before a host's servers are moved.

What decides whether a server may be moved must be known, and is asked for again until it is. What
only tells how well it may go must not stand in the way: where it cannot be had, that is told.
"""

from __future__ import annotations

from doctor_daemon.core.around import Around, Room, ServerGroup
from doctor_daemon.core.host import HostId, Scope
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import Inspected
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import DoctorError, Permanent


async def inspect(number: int, incident: Incident, ward: Ward) -> Inspected:
    """Ask for evacuations and servers; before anything is moved, also for what is around."""
    host, nova, asked_at = incident.host, ward.tools.controller, ward.tools.clock.now()
    moving = incident.phase is Phase.EVACUATING
    tagged = moving and ward.plan(host).selection.scope is Scope.TAGGED
    aggregates = tuple(await nova.aggregates(host)) if tagged else None
    around = await _around(incident, ward) if moving else None
    migrations = tuple(await nova.evacuations(host))
    servers = await nova.servers(host)
    return Inspected(number, asked_at, migrations, servers, aggregates, around)


async def _around(incident: Incident, ward: Ward) -> Around:
    """Ask who belongs together, and at the first time also how many hosts there are."""
    groups, ungrouped = await _groups(ward)
    first = incident.rounds.inspected_at is None
    return Around(groups, ungrouped, await _room(incident.host, ward) if first else None)


async def _groups(ward: Ward) -> tuple[tuple[ServerGroup, ...], str]:
    """List the groups, or say why they cannot be had. Raise Temporary: then it is asked again."""
    try:
        return tuple(await ward.tools.controller.server_groups()), ""
    except Permanent as error:
        return (), str(error)


async def _room(host: HostId, ward: Ward) -> Room | None:
    """Count the other hosts that Nova could choose."""
    try:
        fleet = await ward.tools.controller.fleet()
    except DoctorError:
        return None
    zone = fleet.zones.get(host.name, "")
    fit = [
        name
        for name, service in fleet.services.items()
        if name != host.name and service.state == "up" and service.status == "enabled"
    ]
    near = sum(fleet.zones.get(name) == zone for name in fit) if zone else 0
    return Room(len(fit), zone, near)
