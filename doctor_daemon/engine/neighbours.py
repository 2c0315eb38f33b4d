"""What the incident of one host is to know of those of the others.

Each incident is decided by itself. Two things reach across: a server of a group that is kept apart
is not sent on its way while another one of it is, whatever host that was on; and an evacuation goes
on no more when the host that it was going to has died.
"""

from __future__ import annotations

from collections.abc import Mapping

from doctor_daemon.core.evacuation import Evacuation
from doctor_daemon.core.host import HostId, ServerId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.turns import ON_ITS_WAY, group_of

Claim = tuple[HostId, ServerId]


class Neighbours:
    """Whose turn it is in each group, and which hosts are off: from what the incidents saved."""

    def __init__(self) -> None:
        """Begin with no incident."""
        self._claims: dict[str, Claim] = {}
        """Group -> the server of it that is on its way."""
        self._off: dict[HostId, Instant] = {}

    def saw(self, incident: Incident) -> None:
        """Take note of an incident as it was saved."""
        host = incident.host
        if incident.phase in (Phase.EVACUATING, Phase.DOWN) and incident.proof is not None:
            self._off[host] = incident.proof.taken_at
        else:
            self._off.pop(host, None)
        moving = incident.evacuations if incident.phase is Phase.EVACUATING else {}
        for group, claim in tuple(self._claims.items()):
            if claim[0] == host and not _on_its_way(moving.get(claim[1])):
                del self._claims[group]
        for id_, record in moving.items():
            group = group_of(record)
            if group and _on_its_way(record):
                self._claims.setdefault(group, (host, id_))

    def claim(self, host: HostId, record: Evacuation) -> bool:
        """Take a group's turn for a server, just before its request; tell whether it was free."""
        group, claim = group_of(record), (host, record.server.id)
        return not group or self._claims.setdefault(group, claim) == claim

    def busy(self, host: HostId) -> frozenset[str]:
        """Return the groups of which a server of another host is on its way."""
        return frozenset(group for group, claim in self._claims.items() if claim[0] != host)

    def off(self, host: HostId) -> Mapping[str, Instant]:
        """Return the other hosts that are forced down, and when each was last proven off."""
        return {
            one.name: at for one, at in self._off.items() if one.cloud == host.cloud and one != host
        }


def _on_its_way(record: Evacuation | None) -> bool:
    return record is not None and record.stage in ON_ITS_WAY
