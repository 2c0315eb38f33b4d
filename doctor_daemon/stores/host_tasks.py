"""What is done for a host beside its incidents: one row of each kind a host, as it stands now.

What is over is kept until another takes its place: a fencing that was seen to is not seen to again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from doctor_daemon.core.host import HostId
from doctor_daemon.core.masses import MassState, Passage
from doctor_daemon.core.port_tasks import PortTask
from doctor_daemon.core.reserves import ReserveTask
from doctor_daemon.ports import Change
from doctor_daemon.stores.codec import MASSES, PASSAGE, PORT_TASK, RESERVE_TASK

_PORTS, _RESERVE, _PASSAGE = "ports", "reserve", "passage"
_MASSES = "masses"
"""Of the whole fleet: its one row is no host's."""


@dataclass(frozen=True, slots=True)
class HostTasks:
    """The same in memory."""

    ports: dict[HostId, PortTask] = field(default_factory=dict)
    reserves: dict[HostId, ReserveTask] = field(default_factory=dict)
    passages: dict[HostId, Passage] = field(default_factory=dict)
    masses: list[MassState] = field(default_factory=list)
    """The last one, if any."""

    def put(self, change: Change) -> None:
        """Take the tasks of a change, each in the place of what its host had."""
        self.ports.update({task.host: task for task in change.port_tasks})
        self.reserves.update({task.host: task for task in change.reserves})
        self.passages.update({one.host: one for one in change.passages})
        self.masses[:] = [change.masses] if change.masses else self.masses

    def port_tasks(self) -> tuple[PortTask, ...]:
        """Return those about ports, in the order of their hosts."""
        return tuple(self.ports[host] for host in sorted(self.ports))

    def lent(self) -> tuple[ReserveTask, ...]:
        """Return those about hosts in reserve, in the same order."""
        return tuple(self.reserves[host] for host in sorted(self.reserves))

    def let_through(self) -> tuple[Passage, ...]:
        """Return those that were let through, in the same order."""
        return tuple(self.passages[host] for host in sorted(self.passages))

    def mass_state(self) -> MassState:
        """Return what is known of the fleet."""
        return self.masses[0] if self.masses else MassState()


def write_tasks(connection: sqlite3.Connection, change: Change) -> None:
    """Write the tasks of a change, each in the place of what its host had."""
    connection.executemany(
        "INSERT INTO host_tasks (kind, cloud, host, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET body = excluded.body",
        _rows(change),
    )


def _rows(change: Change) -> Iterator[tuple[str, str, str, str]]:
    for task in change.port_tasks:
        yield _PORTS, task.host.cloud, task.host.name, PORT_TASK.dumps(task)
    for lent in change.reserves:
        yield _RESERVE, lent.host.cloud, lent.host.name, RESERVE_TASK.dumps(lent)
    for one in change.passages:
        yield _PASSAGE, one.host.cloud, one.host.name, PASSAGE.dumps(one)
    if change.masses is not None:
        yield _MASSES, "", "", MASSES.dumps(change.masses)


def port_tasks(connection: sqlite3.Connection) -> tuple[PortTask, ...]:
    """Return the tasks about ports, in the order of their hosts."""
    return tuple(PORT_TASK.loads(body) for body in _bodies(connection, _PORTS))


def reserves(connection: sqlite3.Connection) -> tuple[ReserveTask, ...]:
    """Return the tasks about hosts in reserve, in the same order."""
    return tuple(RESERVE_TASK.loads(body) for body in _bodies(connection, _RESERVE))


def passages(connection: sqlite3.Connection) -> tuple[Passage, ...]:
    """Return the hosts that were let through, in the same order."""
    return tuple(PASSAGE.loads(body) for body in _bodies(connection, _PASSAGE))


def masses(connection: sqlite3.Connection) -> MassState:
    """Return what is known of the fleet."""
    found = _bodies(connection, _MASSES)
    return MASSES.loads(found[0]) if found else MassState()


def _bodies(connection: sqlite3.Connection, kind: str) -> Sequence[str]:
    rows = connection.execute(
        "SELECT body FROM host_tasks WHERE kind = ? ORDER BY cloud, host", (kind,)
    )
    return [body for (body,) in rows]
