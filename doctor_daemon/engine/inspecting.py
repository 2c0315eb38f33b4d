"""Ask Nova for all that is to be known before a host's servers are moved.

What decides whether a server may be moved must be known, and is asked for again until it is. What
only tells how well it may go must not stand in the way: where it cannot be had, that is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from doctor_daemon.core.around import Around, Room, ServerGroup
from doctor_daemon.core.evacuation import Migration
from doctor_daemon.core.host import HostId, Scope, ServerList
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import Inspected
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import DoctorError


async def inspect(number: int, incident: Incident, ward: Ward) -> Inspected:
    """Ask for evacuations and servers; before anything is moved, also for what is around."""
    host, asked_at = incident.host, ward.tools.clock.now()
    moving = incident.phase is Phase.EVACUATING
    tagged = moving and ward.plan(host).selection.scope is Scope.TAGGED
    (migrations, servers), aggregates, around = await asyncio.gather(
        _listed(host, ward),
        _aggregates(host, ward) if tagged else _nothing(),
        _around(incident, ward) if moving else _nothing(),
    )
    return Inspected(number, asked_at, migrations, servers, aggregates, around)


async def _listed(host: HostId, ward: Ward) -> tuple[tuple[Migration, ...], ServerList]:
    migrations = tuple(await ward.tools.controller.evacuations(host))
    return migrations, await ward.tools.controller.servers(host)


async def _aggregates(host: HostId, ward: Ward) -> tuple[Mapping[str, str], ...]:
    return tuple(await ward.tools.controller.aggregates(host))


async def _nothing() -> None:
    return None


async def _around(incident: Incident, ward: Ward) -> Around:
    """Ask who belongs together, and at the first time also how many hosts there are."""
    groups, ungrouped = await ward.groups.known()
    first = not incident.evacuations
    groups = tuple(_within_reach(group, incident.host, ward) for group in groups)
    return Around(groups, ungrouped, await _room(incident.host, ward) if first else None)


def _within_reach(group: ServerGroup, host: HostId, ward: Ward) -> ServerGroup:
    """Leave out members that are kept together with others, and are on another dead host.

    Nova sends nobody to join them there.
    """
    if group.policy != "affinity":
        return group
    dead = {name for name, one in ward.shown.items() if one.state == "down"} - {host.name}
    near = (id_ for id_ in group.members if ward.hostmap.where(id_) not in dead)
    return replace(group, members=frozenset(near))


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
