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
from doctor_daemon.core.turns import TOLD_S
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import DoctorError

LONG_S = TOLD_S / 2
"""After one that took longer the evacuations are asked for once more."""
ROOM_S = 2.0
"""How long it is waited for the number of hosts that could be chosen."""


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
    seen = Inspected(number, asked_at, migrations, servers, aggregates, around)
    long = ward.tools.clock.now().since(asked_at) > LONG_S
    return await _renewed(seen, host, ward) if moving and long else seen


async def _renewed(seen: Inspected, host: HostId, ward: Ward) -> Inspected:
    """Ask for the evacuations once more: whoever is on its way by now is not to be asked for.

    All of them: a list of what has changed does not show one that no scheduler has touched yet.
    Where one has ended since, the list of servers is older than that, and asked for anew.
    """
    told_at = ward.tools.clock.now()
    migrations = tuple(await ward.tools.controller.evacuations(host))
    over = {row.id for row in seen.migrations if row.ended}
    ended = any(row.ended and row.id not in over for row in migrations)
    servers = await ward.tools.controller.servers(host) if ended else seen.servers
    return replace(seen, migrations=migrations, servers=servers, told_at=told_at)


async def _listed(host: HostId, ward: Ward) -> tuple[tuple[Migration, ...], ServerList]:
    migrations = tuple(await ward.tools.controller.evacuations(host))
    return migrations, await ward.tools.controller.servers(host)


async def _aggregates(host: HostId, ward: Ward) -> tuple[Mapping[str, str], ...]:
    return tuple(await ward.tools.controller.aggregates(host))


async def _nothing() -> None:
    return None


async def _around(incident: Incident, ward: Ward) -> Around:
    """Ask who belongs together, and at the first time also how many hosts there are."""
    first = not incident.evacuations
    (groups, ungrouped), (room, roomless) = await asyncio.gather(
        ward.groups.known(), _room(incident.host, ward) if first else _unasked()
    )
    groups = tuple(_within_reach(group, incident.host, ward) for group in groups)
    return Around(groups, ungrouped, room, roomless)


async def _unasked() -> tuple[None, str]:
    return None, ""


def _within_reach(group: ServerGroup, host: HostId, ward: Ward) -> ServerGroup:
    """Leave out members that are kept together with others, and are on another dead host.

    Nova sends nobody to join them there. Who is on no host that is known may be in reach, or not.
    Where they are is what the lists say: nothing is decided by a hint.
    """
    if group.policy != "affinity":
        return group
    dead = {name for name, one in ward.shown.items() if one.state == "down"} - {host.name}
    where = {id_: ward.hostmap.listed_where(id_) for id_ in group.members}
    near = frozenset(id_ for id_, name in where.items() if name not in dead)
    return replace(group, members=near, unplaced=frozenset(i for i in near if not where[i]))


async def _room(host: HostId, ward: Ward) -> tuple[Room | None, str]:
    """Count the other hosts that Nova could choose, or say why they are not known."""
    try:
        async with asyncio.timeout(ROOM_S):
            fleet = await ward.tools.controller.fleet()
    except TimeoutError:
        return None, f"Nova has not listed its hosts in {ROOM_S:g} s"
    except DoctorError as error:
        return None, str(error)
    zone = fleet.zones.get(host.name, "")
    fit = [
        name
        for name, service in fleet.services.items()
        if name != host.name and service.state == "up" and service.status == "enabled"
    ]
    near = sum(fleet.zones.get(name) == zone for name in fit) if zone else 0
    return Room(len(fit), zone, near), ""
