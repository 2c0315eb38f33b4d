"""How many requests each host may have journalled, so that none waits long for its turn.

What is journalled may be sent as soon as it has a turn, and by then what it rests on is to be new.
So only as much is journalled as can be let in, and a little more, so that no turn is left empty
while the next request is being saved; where calls are as quick as that, twice as much. A host that
has nothing to send leaves its share to others. It counts by what was decided, not by what is saved:
many hosts are decided at once.
"""

from __future__ import annotations

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase


class Crowd:
    """Who has requests to send, and how many each has journalled."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._journalled: dict[HostId, int] = {}
        """Host -> its requests that are journalled; 0: it has only some that are to be."""

    def saw(self, incident: Incident) -> None:
        """Take note of an incident as it was decided."""
        stages = [record.stage for record in incident.evacuations.values()]
        posting = stages.count(Stage.POSTING)
        asking = incident.phase is Phase.EVACUATING and (posting or Stage.WAITING in stages)
        if (posting and not incident.phase.final) or asking:
            self._journalled[incident.host] = posting
        else:
            self._journalled.pop(incident.host, None)

    def turns(self, host: HostId, width: int) -> int:
        """Return how many requests a host may have journalled: 1 at the least, so that it goes on.

        `width`: how many may be ready to be let in, of all hosts.
        """
        counts = self._journalled
        others = len(counts) - (host in counts)
        share = width // (others + 1) + 1
        return max(share, width - sum(counts.values()) + counts.get(host, 0))
