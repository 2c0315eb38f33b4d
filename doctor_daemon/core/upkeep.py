"""A host in Nova's MAINTENANCE: somebody has disabled its compute service, and no failure is it.

Nova's word is `host_status` MAINTENANCE. Here it is called upkeep, for `maintenance` is what an
operator asks of this daemon. It belongs to no incident: nothing is suspected, and nothing done. But
whoever depends on the host's servers is told, as OPNFV Doctor has it, when it begins and ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from doctor_daemon.core.host import HostId, ServerList
from doctor_daemon.core.incident import IncidentId, NoticeKind, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.notices import Notice, audiences

OURS = "doctor-daemon:"
"""What the reason of a disable of ours begins with: that is no upkeep."""


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


def turned(last: Upkeep | None, service: Sighting) -> Turn | None:
    """Return what is to be told of a host, of which this was told last; None: nothing.

    A host that is forced down is DOWN and not in MAINTENANCE. What was told of it before holds
    until it is not forced down any more.
    """
    if service.forced_down or service.reason.startswith(OURS):
        return None
    told = last is not None and last.turn is Turn.BEGUN
    disabled = service.status == "disabled"
    if disabled is told:
        return None
    return Turn.BEGUN if disabled else Turn.ENDED


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
