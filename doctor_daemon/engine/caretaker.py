"""Tells consumers that a host goes to Nova's MAINTENANCE, and is back: outside any incident.

The poller shows it within one poll, and it is told when the next one says the same. After an end
the host is left to rest: notices of a service that is disabled and enabled in turns would bury what
matters. What was told last of each host is saved with the notices that tell it, so a restart
neither repeats nor loses it: what has changed meanwhile is told after it. A host with an open
incident is left to that, and told of afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from doctor_daemon.core.host import HostId, Mode
from doctor_daemon.core.incident import IncidentId, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.upkeep import (
    Turn,
    Upkeep,
    begun,
    concerned,
    ended,
    turned,
    upkeep_notices,
)
from doctor_daemon.engine.case import Case
from doctor_daemon.engine.change import given_out, rows_of
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import Conflict, DoctorError, Temporary
from doctor_daemon.ports import Change, Fleet, NoticeRow, Wanted

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
Rows = tuple[NoticeRow, ...]
AGAIN_S = 0.5
"""Between two tries to save: an incident that opens meanwhile waits for it."""
POLLS = 2
"""How many lists of services in a row must show a change before it is told."""
REST_S = 600.0
"""After an end, and after a bug, nothing more is told of a host for so long."""


@dataclass(frozen=True, slots=True)
class _Telling:
    """What is to be saved, and then told."""

    upkeep: Upkeep
    rows: Rows
    text: str


class Caretaker:
    """Looks at each list of services, and tells of it in a loop of its own."""

    def __init__(
        self,
        ward: Ward,
        cases: Mapping[HostId, Case],
        tell: Callable[[Rows], None],
        bug: Callable[[str, Exception], None],
    ) -> None:
        """Tell nothing of hosts with a case; hand what is saved to `tell`, and bugs to `bug`."""
        self._ward = ward
        self._cases = cases
        self._tell = tell
        self._bug = bug
        self._told: dict[HostId, Upkeep] = {}
        self._shown: dict[HostId, tuple[Turn, int]] = {}
        """What each host has come to, and how many lists in a row have shown it."""
        self._rests: dict[HostId, Instant] = {}
        """Until when nothing is told of a host."""
        self._fleet = Fleet({})
        self._come = asyncio.Event()

    def resume(self, told: Iterable[Upkeep]) -> None:
        """Remember what an earlier run has told."""
        self._told = {one.host: one for one in told}

    def look(self, fleet: Fleet) -> None:
        """Take a list of services. It waits for nothing."""
        self._fleet = fleet
        self._come.set()

    async def run(self) -> None:
        """Tell what is to be told, until cancelled. Raise what makes going on unsafe."""
        while True:
            await self._come.wait()
            self._come.clear()
            if not self._ward.hostmap.as_of_wall_s:
                continue  # nobody knows yet whose servers are where
            for host in self._ward.rules.plans:
                service = self._fleet.services.get(host.name)
                if service is not None:
                    await self._contained(host, service)

    async def _contained(self, host: HostId, service: Sighting) -> None:
        """Tell of one host. A bug in that keeps nothing of the others from being told."""
        try:
            await self._look_at(host, service)
        except DoctorError:
            raise  # somebody newer leads, or the store must not be used: the daemon ends
        except Exception as error:  # noqa: BLE001 - containment
            self._met(host, error)

    async def _look_at(self, host: HostId, service: Sighting) -> None:
        turn = self._steady(host, service)
        if turn is None or host in self._cases or self._rested(host):
            return
        # An error of any kind in here is a consumer's or ours, and says nothing of the store.
        try:
            telling = self._made(host, turn, service.reason)
        except Exception as error:  # noqa: BLE001 - containment
            self._met(host, error)
            return
        # Until it is saved an incident that opens waits with its first notice: see `Ward.quiet`.
        saving = self._ward.telling[host] = asyncio.Event()
        try:
            await self._save(telling)
        finally:
            del self._ward.telling[host]
            saving.set()

    def _steady(self, host: HostId, service: Sighting) -> Turn | None:
        """Return what is to be told of a host, once enough lists in a row have shown it."""
        turn, mode = turned(self._told.get(host), service), self._ward.plan(host).mode
        if turn is None or min(self._ward.rules.mode, mode) is Mode.OBSERVE:
            self._shown.pop(host, None)
            return None
        before, polls = self._shown.get(host, (turn, 0))
        polls = polls + 1 if before is turn else 1
        self._shown[host] = turn, polls
        return turn if polls >= POLLS else None

    def _rested(self, host: HostId) -> bool:
        """Tell whether it is too early to tell of a host again."""
        until = self._rests.get(host)
        return until is not None and not self._ward.tools.clock.now().reached(until)

    def _rest(self, host: HostId) -> None:
        self._rests[host] = self._ward.tools.clock.now().plus(REST_S)

    def _met(self, host: HostId, error: Exception) -> None:
        """Hand a bug on. It is tried again, and not at every poll: what it met may stay."""
        self._rest(host)
        self._bug(f"upkeep of {host}", error)

    def _made(self, host: HostId, turn: Turn, reason: str) -> _Telling:
        """Put together what is told of a host. Raise whatever a notifier does."""
        now, last = self._ward.tools.clock.now(), self._told.get(host)
        there = self._ward.hostmap.listed(host.name)  # no hint: it is no early notice
        if last is not None and turn is Turn.ENDED:
            upkeep = ended(last, now)
        else:
            upkeep = begun(host, IncidentId(self._ward.tools.new_id()), now, there)
        told = tuple(upkeep_notices(upkeep, concerned(last, there), reason))
        return _Telling(upkeep, tuple(rows_of(told, self._ward)), told[0].text)

    async def _save(self, telling: _Telling) -> None:
        """Save what is told, however often it takes, and only then tell it."""
        upkeep, rows = telling.upkeep, telling.rows
        await self._commit(Change(notices=rows, upkeep=(upkeep,)))
        given_out(self._ward, rows)
        self._told[upkeep.host] = upkeep
        if upkeep.turn is Turn.ENDED:
            self._rest(upkeep.host)
        self._tell(rows)
        log.info(telling.text, host=str(upkeep.host), notices=len(rows))

    async def _commit(self, step: Change) -> None:
        tools, host, failed = self._ward.tools, str(step.upkeep[0].host), False
        while True:
            try:
                return await tools.store.commit(step, term=self._ward.term)
            except Temporary as error:
                failed = True
                tools.metrics.store_faults.inc()
                log.warning("not saved yet", upkeep=host, error=str(error))
                await tools.clock.sleep_until(tools.clock.now().plus(AGAIN_S))
            except Conflict:
                if not failed or not await self._was_saved(step.notices):
                    raise
                step = Change()  # it was; and it is told only if nobody leads in our place by now

    async def _was_saved(self, rows: Rows) -> bool:
        """Tell whether an earlier try was saved, though it seemed to fail."""
        wanted = Wanted(ids=frozenset(row.id for row in rows))
        try:
            return bool(rows and await self._ward.tools.store.notices(wanted, len(rows)))
        except Temporary:
            return False
