"""A host in Nova's MAINTENANCE: somebody has disabled its compute service, and no failure is it.

Nova's word is `host_status` MAINTENANCE. Here it is called upkeep, for `maintenance` is what an
operator asks of this daemon. It belongs to no incident: nothing is suspected, and nothing done. But
whoever depends on the host's servers is told, as OPNFV Doctor has it, when it begins and ends.

Nova shows a host that is dead and disabled as MAINTENANCE too, and its own libvirt driver disables
a host whose libvirt is gone. Neither is somebody's intention, so neither is told as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from doctor_daemon.core.host import HostId, Server, ServerList
from doctor_daemon.core.incident import IncidentId, NoticeKind, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.notices import Notice, audiences

OURS = "doctor-daemon:"
"""What the reason of a disable of ours begins with: that is no upkeep."""
AUTO = "AUTO:"
"""What the reason of Nova's own begins with, when the hypervisor does not answer: a fault."""
HEARD_MAX = 1000
"""Servers that are remembered of those that were named at a beginning."""


class Turn(StrEnum):
    """What has become of a host's upkeep: the outcome of its notice."""

    BEGUN = "begun"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What consumers were last told of a host. Beginning and end have the same id."""

    host: HostId
    id: IncidentId
    """Of this one period. It is no incident's, and stands where a notice has an incident's."""
    turn: Turn
    at: Instant
    heard: tuple[Server, ...] = ()
    """With a beginning: the servers that it named. Whoever heard of it is told of the end too, and
    by then the host may have been emptied."""


def turned(last: Upkeep | None, service: Sighting) -> Turn | None:
    """Return what is to be told of a host, of which this was told last; None: nothing.

    Of a host that is forced down, which is DOWN and not in MAINTENANCE, and of one that is not
    seen alive nothing is told: it may be failing. What was told of it before holds until it is up.
    """
    if service.forced_down or service.state != "up" or service.reason.startswith(OURS):
        return None
    told = last is not None and last.turn is Turn.BEGUN
    disabled = service.status == "disabled"
    if disabled is told or (disabled and service.reason.startswith(AUTO)):
        return None
    return Turn.BEGUN if disabled else Turn.ENDED


def begun(host: HostId, id_: IncidentId, at: Instant, there: ServerList) -> Upkeep:
    """Return what is to be remembered of a beginning that is told now."""
    heard = (Server(one.id, one.name, one.project) for one in there.servers[:HEARD_MAX])
    return Upkeep(host, id_, Turn.BEGUN, at, tuple(heard))


def ended(last: Upkeep, at: Instant) -> Upkeep:
    """Return what is to be remembered of an end that is told now."""
    return Upkeep(last.host, last.id, Turn.ENDED, at)


def concerned(last: Upkeep | None, there: ServerList) -> ServerList:
    """Return the servers to be told of: those on the host, and those told of the beginning."""
    heard = {one.id: one for one in last.heard} if last else {}
    every = {**heard, **{one.id: one for one in there.servers}}
    return ServerList(tuple(every[id_] for id_ in sorted(every)), there.asked_wall_s)


def upkeep_notices(upkeep: Upkeep, servers: ServerList, reason: str) -> Iterator[Notice]:
    """Yield what is told of it, for every audience. The reason is for operators alone."""
    why = f": {reason}" if reason else ""
    text = {
        Turn.BEGUN: f"somebody has disabled {upkeep.host} in Nova{why}",
        Turn.ENDED: f"somebody has enabled {upkeep.host} in Nova again",
    }
    for project, named in audiences(servers.servers):
        yield Notice(
            kind=NoticeKind.MAINTENANCE,
            incident=upkeep.id,
            host=upkeep.host,
            project=project,
            servers=named,
            servers_wall_s=servers.asked_wall_s,
            fenced="no",
            text=text[upkeep.turn],
            entry=1 if upkeep.turn is Turn.BEGUN else 2,
            wall_s=upkeep.at.wall_s,
            outcome=upkeep.turn.value,
        )
