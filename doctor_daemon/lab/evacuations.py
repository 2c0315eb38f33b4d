"""What Nova does behind an evacuation: it chooses a host, starts the guest there, tells who moved.

Nobody asks whether the source's guest still runs, nor whether another evacuation of the same server
is under way: both are true to Nova, and both end with a server on two hosts. The record shows it.
Contract: tests/lab/nova_evacuations.py, whose tests are named at each behaviour.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random

from doctor_daemon.lab import groups
from doctor_daemon.lab.record import Kind
from doctor_daemon.lab.rows import Host, Migration, Server
from doctor_daemon.lab.world import World

EVACUABLE = ("active", "stopped", "error")
LEFT = ("accepted", "pre-migrating", "done")
"""What the source of an evacuation has not cleaned up yet."""
IN_PROGRESS = ("accepted", "pre-migrating")
NO_HOST = "No valid host was found. There are not enough hosts available."
SCHEDULED, CLAIMED, SPAWNED, MOVED = 0.2, 0.3, 0.8, 0.9
"""After which parts of the whole time a host is chosen, the host has begun, the guest runs, the
server is said to be there. Only at the end of the whole is the migration done."""


@dataclass(slots=True)
class _Work:
    """One evacuation under way."""

    server: Server
    row: Migration
    """Its own row, until the conductor picks one: see `_schedule`."""
    stays_stopped: bool
    to: Host | None = None
    starts: int = 0
    """How often the destination's nova-compute had been started when it began."""
    clashed: bool = False
    """Whether another one of the same server was under way at the same time."""

    @property
    def lost(self) -> bool:
        """Whether whoever should go on with it is dead, or has forgotten it in dying.

        Contract: NovaContract.test_a_destination_that_dies_leaves_it_for_ever.
        """
        return self.to is not None and not (self.to.service.alive and self.to.starts == self.starts)


@dataclass(slots=True)
class Evacuations:
    """Nova's migrations of the type evacuation, the oldest first, and those under way."""

    world: World
    rows: list[Migration] = field(default_factory=list)
    by_uuid: dict[str, Migration] = field(default_factory=dict)
    _by_source: dict[str, list[Migration]] = field(default_factory=dict)
    _by_server: dict[str, list[Migration]] = field(default_factory=dict)
    _under_way: dict[str, list[_Work]] = field(default_factory=dict)
    """By server."""
    _unread: dict[str, list[_Work]] = field(default_factory=dict)
    """By host: what was sent to its nova-compute, and not read since it is dead."""
    _arriving: dict[str, int] = field(default_factory=dict)
    """By host."""
    _random: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - identifiers only

    def __post_init__(self) -> None:
        self.world.on_compute_start = self.start

    def of(self, source: str) -> list[Migration]:
        """Name those from one host, the oldest first. The case is disregarded, as MySQL does."""
        return self._by_source.get(source.lower(), [])

    def accept(self, server: Server, by: str) -> Migration:
        """Take one on. Contract: NovaContract.test_an_evacuation and those after it."""
        now_s = self.world.clock.now()
        made = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        row = Migration(len(self.rows) + 1, made, server.id, server.host, now_s)
        self.rows.append(row)
        self.by_uuid[made] = row
        self._by_source.setdefault(server.host.lower(), []).append(row)
        self._by_server.setdefault(server.id, []).append(row)
        self.world.record.append(Kind.EVACUATE, server.host, server.id, by)
        work = _Work(server, row, stays_stopped=server.vm_state == "stopped")
        others = [one for one in self._under_way.get(server.id, []) if not one.lost]
        self._under_way[server.id] = [*others, work]
        for one in (*others, work) if others else ():
            one.clashed = True
        self._change(server, task_state="rebuilding")
        self._after(SCHEDULED, partial(self._schedule, work))
        return row

    def gone(self, row: Migration) -> bool:
        """Whether Nova shows it no more: with a server, the rows of its evacuations are deleted.

        Contract: NovaContract.test_the_migrations_of_a_deleted_server_are_gone.
        """
        return self.world.servers[row.server].deleted_at_s is not None

    def start(self, host: Host) -> frozenset[str]:
        """Let a nova-compute start: destroy what was evacuated from its host; name those servers.

        It cares neither whether they have arrived nor whether they ever will; what has failed it
        leaves alone, guest and all. It looks at one row of each server, so that one with two needs
        another start. Then it reads what was sent to it while it was dead.
        Contract: NovaContract.test_the_source_after_an_evacuation,
        test_trap_9_a_source_that_returns_early_needs_two_starts,
        test_a_server_with_two_migrations_needs_two_starts,
        test_an_old_migration_destroys_a_guest_that_has_come_back and
        test_a_failed_evacuation_leaves_its_guest_at_the_source.
        """
        newest = {row.server: row for row in self.of(host.name) if row.status in LEFT}
        for row in newest.values():
            if not self.gone(row):
                self.world.stop_guest(row.server, host.name)
                self._set(row, "completed")
        for work in self._unread.pop(host.name, []):
            self._expect(host, 1)
            self._after(0, partial(self._claim, work, host))
        return frozenset(newest)

    # -- one evacuation, step by step --------------------------------------------------------

    def _schedule(self, work: _Work) -> None:
        """Pick a row and a host: the server's first row that is accepted, whoever's it is.

        So one that nobody works on any more is taken in the place of the new one, which then stays
        accepted for ever. Contract: NovaContract.test_a_second_post_is_accepted_and_both_are_lost,
        test_a_dead_destination_reads_its_messages_when_it_returns and test_failures_are_told_later.
        """
        accepted = (row for row in self._by_server[work.server.id] if row.status == "accepted")
        work.row = next(accepted, work.row)
        if work.server.deleted_at_s is not None:
            return self._fail(work, "failed", "")
        fit = groups.fit(self.world, work.server, self._candidates(work.row.source))
        hosts = list(fit)
        if not hosts:
            return self._fail(work, "error", NO_HOST)
        to = min(hosts, key=self._load)
        self._expect(to, 1)
        self._after(CLAIMED - SCHEDULED, partial(self._claim, work, to))
        return None

    def _candidates(self, source: str) -> Iterator[Host]:
        """Name the hosts that may be chosen: those that Nova believes to be well.

        One without power is left out although Nova would learn of it only in a while.
        """
        for host in self.world.hosts.values():
            fit = host.power and not host.cell_down and not host.service.disabled
            if fit and host.name != source and self.world.is_up(host.service):
                yield host

    def _load(self, host: Host) -> tuple[int, str]:
        return len(host.guests) + self._arriving.get(host.name, 0), host.name

    def _claim(self, work: _Work, to: Host) -> None:
        """Begin at the destination, or, if nothing lives there, leave it until something does.

        One that comes too late fails a server that has long been well elsewhere.
        Contract: NovaContract.test_a_dead_destination_reads_its_messages_when_it_returns.
        """
        if not to.service.alive:
            self._unread.setdefault(to.name, []).append(work)
            self._expect(to, -1)
            self._leave(work)
            return
        work.to, work.starts = to, to.starts
        if work.server.task_state != "rebuilding" and not work.clashed:
            self._set(work.row, "failed", to.name)
            self._expect(to, -1)
            self._change(work.server, vm_state="error", task_state="rebuilding")
            return
        self._set(work.row, "pre-migrating", to.name)
        self._change(work.server, task_state="rebuild_spawning")
        self._after(SPAWNED - CLAIMED, partial(self._spawn, work, to))

    def _spawn(self, work: _Work, to: Host) -> None:
        """Start the guest. The server looks well from here on, and on its old host.

        Contract: NovaContract.test_the_source_after_an_evacuation.
        """
        self._expect(to, -1)
        if work.lost:
            return self._leave(work)
        if work.server.deleted_at_s is not None:
            return self._fail(work, "failed", "")
        if to.spawn_error:
            return self._fail(work, "failed", to.spawn_error)
        self.world.start_guest(work.server.id, to.name)
        stopping = "powering-off" if work.stays_stopped else None
        self._change(work.server, vm_state="active", task_state=stopping, power_state=1)
        self._after(MOVED - SPAWNED, partial(self._move, work, to))
        return None

    def _move(self, work: _Work, to: Host) -> None:
        """Say where the server is now, a moment before the migration is done.

        Contract: NovaContract.test_a_second_post_is_accepted_and_both_are_lost and
        test_a_stopped_server_stays_stopped.
        """
        if work.lost:
            return self._leave(work)
        if work.server.deleted_at_s is not None:
            return self._fail(work, "failed", "")
        if work.clashed:
            return self._fail(work, "failed", "Another evacuation was under way.")
        if work.stays_stopped:
            self.world.stop_guest(work.server.id, to.name)
            self._change(work.server, vm_state="stopped", task_state=None, power_state=4)
        work.server.host, work.server.zone = to.name, to.service.zone
        work.server.fault = None
        self._change(work.server)
        self._after(1 - MOVED, partial(self._finish, work))
        return None

    def _finish(self, work: _Work) -> None:
        if not work.lost:
            self._set(work.row, "done")
        self._leave(work)

    def _fail(self, work: _Work, status: str, why: str) -> None:
        """End it. What was started is left: so a server that failed twice may run twice.

        The migration has failed a moment before the server shows it.
        Contract: NovaContract.test_failures_are_told_later.
        """
        self._set(work.row, status)
        self._leave(work)
        self._after(1 - MOVED, partial(self._blame, work.server, why))

    def _blame(self, server: Server, why: str) -> None:
        if server.deleted_at_s is None:
            server.fault = (why, self.world.clock.now())
            self._change(server, vm_state="error", task_state=None)

    # -- inside ------------------------------------------------------------------------------

    def _after(self, part: float, step: Callable[[], None]) -> None:
        self.world.later(part * self.world.timing.evacuate_s, step)

    def _expect(self, host: Host, count: int) -> None:
        self._arriving[host.name] = self._arriving.get(host.name, 0) + count

    def _leave(self, work: _Work) -> None:
        left = [one for one in self._under_way.get(work.server.id, []) if one is not work]
        if left:
            self._under_way[work.server.id] = left
        else:
            self._under_way.pop(work.server.id, None)

    def _set(self, row: Migration, status: str, dest: str = "") -> None:
        row.status, row.dest = status, dest or row.dest
        row.updated_at_s = self.world.clock.now()

    def _change(self, server: Server, **values: object) -> None:
        for name, value in values.items():
            setattr(server, name, value)
        server.updated_at_s = self.world.clock.now()
