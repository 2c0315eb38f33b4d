"""One incident as a store in memory has it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from doctor_daemon.core.evacuation import Evacuation
from doctor_daemon.core.host import Server, ServerId
from doctor_daemon.core.incident import Entry, Incident
from doctor_daemon.ports import Change, Heading


@dataclass(slots=True)
class Saved:
    """One incident: its head as of the last step, and what has come together in rows."""

    head: Incident
    entries: dict[int, Entry] = field(default_factory=dict)
    servers: dict[ServerId, Server] = field(default_factory=dict)
    evacuations: dict[ServerId, Evacuation] = field(default_factory=dict)

    def whole(self) -> Incident:
        """Return it whole."""
        return replace(
            self.head,
            timeline=tuple(self.entries.values()),
            servers={**self.servers},
            evacuations={**self.evacuations},
        )

    def put(self, head: Incident, change: Change) -> None:
        """Take a head, and what a change adds to it."""
        self.head = head
        self.entries.update({entry.seq: entry for entry in change.entries})
        for id_ in change.servers_gone:
            self.servers.pop(ServerId(id_), None)
        self.servers.update({server.id: server for server in change.servers})
        self.evacuations.update({one.server.id: one for one in change.evacuations})

    def heading(self) -> Heading:
        """Return the short of it."""
        head = self.head
        return Heading(
            id=head.id,
            host=head.host,
            phase=head.phase,
            opened_wall_s=head.opened_at.wall_s,
            ended_wall_s=head.phase_at.wall_s if head.phase.final else None,
            text=next(reversed(self.entries.values())).text if self.entries else "",
        )
