"""What a scripted Nova knows of hosts that are to leave it, and which have left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from doctor_daemon.core.host import Server
from doctor_daemon.core.retirement import Transit
from doctor_daemon.core.tries import Outcome
from tests.engine.rebuilds import Rebuilds


@dataclass
class Leaving:
    """Deletes services, and refuses it while it has servers there."""

    there: Mapping[str, tuple[Server, ...]]
    rebuilds: Rebuilds
    gone: set[str] = field(default_factory=set)
    """Hosts whose service was deleted."""
    deletes: list[tuple[str, Outcome]] = field(default_factory=list)
    """The requests to delete a service, and how they were answered."""
    moving: list[Transit] = field(default_factory=list)
    """Migrations of any kind, besides evacuations."""

    def delete(self, service: str, outcome: Outcome) -> Outcome:
        """Take a request that is to be answered so; UNKNOWN is done all the same."""
        name = service.removeprefix("s-")
        if self.there.get(name):
            outcome = Outcome.REFUSED
        if outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
            self.gone.add(name)
        self.deletes.append((service, outcome))
        return outcome

    def transits(self, name: str) -> Sequence[Transit]:
        rows = [row for row in self.rebuilds.rows if name in (row.source, row.to)]
        found = [Transit(row.id, row.server, "evacuation", row.status) for row in rows]
        return [*found, *self.moving]
