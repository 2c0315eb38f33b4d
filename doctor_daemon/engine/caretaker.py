"""Tells consumers that a host goes to Nova's MAINTENANCE, and is back: outside any incident.

The poller's list of services shows it within one poll. What was told last of each host is saved
with the notices that tell it, so a restart neither repeats nor loses it: what has changed meanwhile
is told at the first poll. A host with an open incident is left to that, and told of afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

import structlog

from doctor_daemon.core.host import HostId, Mode
from doctor_daemon.core.incident import Sighting
from doctor_daemon.core.upkeep import Turn, Upkeep, turned, upkeep_notices
from doctor_daemon.engine.case import Case
from doctor_daemon.engine.change import given_out, rows_of
from doctor_daemon.engine.desk import new_id
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import Conflict, DoctorError, Temporary
from doctor_daemon.ports import Change, Fleet, NoticeRow, Wanted

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
Rows = tuple[NoticeRow, ...]
AGAIN_S = 0.5
"""Between two tries to save: an incident that opens meanwhile waits for it."""


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
            self._bug(f"upkeep of {host}", error)

    async def _look_at(self, host: HostId, service: Sighting) -> None:
        context, last = self._ward.context(host), self._told.get(host)
        turn = turned(last, service)
        silent = min(context.mode, context.plan.mode) is Mode.OBSERVE
        if turn is None or silent or host in self._cases:
            return
        id_ = last.id if last is not None and turn is Turn.ENDED else new_id()
        # Until it is saved an incident that opens waits with its first notice: see `Ward.quiet`.
        telling = self._ward.telling[host] = asyncio.Event()
        try:
            await self._save(Upkeep(host, id_, turn, context.now), service.reason)
        finally:
            del self._ward.telling[host]
            telling.set()

    async def _save(self, upkeep: Upkeep, reason: str) -> None:
        """Save what is told, however often it takes, and only then tell it."""
        servers = self._ward.servers(upkeep.host)
        told = tuple(upkeep_notices(upkeep, servers, reason))
        rows = tuple(rows_of(told, self._ward))
        await self._commit(Change(notices=rows, upkeep=(upkeep,)))
        given_out(self._ward, rows)
        self._told[upkeep.host] = upkeep
        self._tell(rows)
        log.info(told[0].text, host=str(upkeep.host), servers=len(servers.servers))

    async def _commit(self, step: Change) -> None:
        tools, failed = self._ward.tools, False
        while True:
            try:
                return await tools.store.commit(step, term=self._ward.term)
            except Temporary as error:
                failed = True
                tools.metrics.store_faults.inc()
                log.warning("not saved yet", upkeep=str(step.upkeep[0].host), error=str(error))
                await tools.clock.sleep_until(tools.clock.now().plus(AGAIN_S))
            except Conflict:
                if not failed or not await self._was_saved(step.notices):
                    raise
                return None

    async def _was_saved(self, rows: Rows) -> bool:
        """Tell whether an earlier try was saved, though it seemed to fail."""
        wanted = Wanted(ids=frozenset(row.id for row in rows))
        try:
            return bool(rows and await self._ward.tools.store.notices(wanted, len(rows)))
        except Temporary:
            return False
