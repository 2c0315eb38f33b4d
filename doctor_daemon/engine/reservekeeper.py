"""Hosts in reserve: one is enabled for an incident whose servers are to be moved, and given back.

Beside the incidents: an evacuation waits a few seconds for it and no more. What is to be sent is
saved first and read back after; only what was disabled by the operator's own word for the reserve
is enabled, and it is disabled by the same word again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

import structlog

from doctor_daemon.core.audit_tasks import End
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.reserves import (
    ReserveStage,
    ReserveTask,
    Stand,
    choose,
    ended,
    failed,
    looked,
    opened,
    resumed,
    returned,
    unshown,
    wants_reserve,
)
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine import port_gates, storage_gates
from doctor_daemon.engine.task_audit import Lines, TaskAudit
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import DoctorError, LateError, Temporary
from doctor_daemon.ports import Change, Permit

EVERY_S = 5.0
WAIT_S = 20.0
"""How long the evacuation of a host waits at most for a host in reserve, from its beginning."""
LOOK_S = 0.1
NAMED_MAX = 3
BUG = "internal error: see the daemon's log"
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def reserve_settled(current: Callable[[], Incident], ward: Ward) -> None:
    """Wait until a host in reserve was enabled, or cannot be; not for long."""
    while not ward.stopping:
        incident = current()
        if not wants_reserve(incident, ward.plan(incident.host).reserve):
            return
        task = ward.stock.reserves.get(incident.host)
        if task is not None and task.incident == incident.id and task.settled:
            return
        if ward.tools.clock.now().since(incident.phase_at) >= WAIT_S:
            return
        await asyncio.sleep(LOOK_S)


class Reservekeeper:
    """Sees to the tasks of the ward. `incidents` are the open ones; `bug` hears of every bug."""

    def __init__(
        self,
        ward: Ward,
        incidents: Callable[[], Iterable[Incident]],
        bug: Callable[[str, Exception], None],
    ) -> None:
        """Do nothing before `run`."""
        self._ward = ward
        self._incidents = incidents
        self._bug = bug
        self._audit = TaskAudit[HostId](ward)
        self._come = asyncio.Event()

    def load(self, tasks: Iterable[ReserveTask]) -> None:
        """Take the tasks of earlier daemons up again."""
        for task in tasks:
            self._ward.stock.reserves[task.host] = resumed(task, self._now())

    def heed(self, before: Incident | None, after: Incident) -> None:
        """Look at once when an incident may want a reserve, or gives one back."""
        reserve = self._ward.plan(after.host).reserve
        new = before is None or before.phase is not after.phase
        if after.phase.final or wants_reserve(after, reserve) or (new and reserve.hosts):
            self._come.set()

    async def run(self) -> None:
        """See to the tasks until cancelled."""
        while True:
            try:
                await self._round()
            except DoctorError as error:
                log.warning("the hosts in reserve cannot be seen to", error=str(error))
            except Exception as error:  # noqa: BLE001 - containment: incidents go on without it
                self._bug("hosts in reserve", error)
            await self._pause()

    async def _pause(self) -> None:
        """Wait for the next round, or for news."""
        try:
            async with asyncio.timeout(EVERY_S):
                await self._come.wait()
        except TimeoutError:
            pass
        self._come.clear()

    async def _round(self) -> None:
        ward = self._ward
        if ward.stopping:
            return
        for incident in self._incidents():
            reserve, known = ward.plan(incident.host).reserve, ward.stock.reserves
            before = known.get(incident.host)
            if before is not None and (not before.over or before.incident == incident.id):
                continue
            if wants_reserve(incident, reserve) and not storage_gates.shut(ward, incident.host):
                await self._save(opened(incident, reserve, self._now()))
        for task in list(ward.stock.reserves.values()):
            if not task.over:
                await self._contained(task)

    async def _contained(self, task: ReserveTask) -> None:
        """Have one task go on. What goes wrong is that task's alone."""
        host = task.host
        try:
            await self._go_on(task)
        except DoctorError as error:
            now, limits = self._now(), self._ward.rules.policy
            await self._save(failed(self._task(host), str(error), now, limits))
        except Exception as error:  # noqa: BLE001 - containment: it is held, the others go on
            self._bug(f"the reserve of {host}", error)
            frees = "see whether its reserve is to be given back; it is tried again now and then"
            await self._save(self._task(host).hold(self._now(), BUG, frees))

    async def _go_on(self, task: ReserveTask) -> None:
        """Take steps until one has to be waited for."""
        if self._audit.owes(task.host, task):
            task = await self._save(*self._audit.cut_off(task))
        if task.retry_at is not None and not self._now().reached(task.retry_at):
            return
        incident = self._incident(task)
        if incident is None:
            task = await self._save(ended(task, self._now()))
        match task.doing:
            case ReserveStage.CHOOSING | ReserveStage.ENABLING if incident is not None:
                await self._lend(task)
            case ReserveStage.GIVING_BACK:
                await self._give_back(task)
            case _:  # it is lent, or over
                return

    async def _lend(self, task: ReserveTask) -> None:
        """Enable one host in reserve after the other, until one is."""
        nova, ward = self._ward.tools.controller, self._ward
        while not task.settled:
            if why := storage_gates.shut(ward, task.host):
                raise Temporary(why)
            if task.doing is ReserveStage.CHOOSING:
                task = await self._choose(task)
                continue
            task = await self._save(looked(task, await nova.look(self._reserve(task)), self._now()))
            if task.doing is not ReserveStage.ENABLING:
                continue
            task, outcome, text = await self._sent(
                task, "enable", storage_gates.shut, partial(nova.enable, task.service)
            )
            after = looked(task, await nova.look(self._reserve(task)), self._now())
            if after == task:  # it is not shown enabled
                limits = ward.rules.policy
                task = await self._save(unshown(task, outcome, text, self._now(), limits))
                return
            task = await self._save(after)

    async def _choose(self, task: ReserveTask) -> ReserveTask:
        fleet = await self._ward.tools.controller.fleet()
        reserve = self._ward.plan(task.host).reserve
        stand = Stand(fleet.services, fleet.zones, frozenset(self._taken(task)))
        return await self._save(choose(task, reserve, stand, self._now()))

    def _taken(self, task: ReserveTask) -> Iterator[str]:
        """Yield the hosts that another incident has, or is about, and those in maintenance."""
        ward, cloud = self._ward, task.host.cloud
        for name in ward.plan(task.host).reserve.hosts:
            if ward.context(HostId(cloud, name)).maintenance is not None:
                yield name
        yield from (one.host.name for one in self._incidents())
        for other in ward.stock.reserves.values():
            if other.host != task.host and not other.over and other.reserve:
                yield other.reserve

    async def _give_back(self, task: ReserveTask) -> None:
        """Disable the host again, if it carries no servers, and read that back.

        Those on their way are asked for first: one that has come in between is there.
        """
        nova, host = self._ward.tools.controller, self._reserve(task)
        accused = any(one.host == host for one in self._incidents())
        if why := port_gates.shut(self._ward, task.host):
            raise Temporary(why)
        task = await self._seen(task, None, accused=accused)
        if task.over:
            return
        if moving := [str(one) for one in await nova.transits(host) if not one.over]:
            words = ", ".join(moving[:NAMED_MAX])
            raise Temporary(f"servers are on their way to or from {task.reserve}: {words}")
        found = len((await nova.servers(host)).servers)
        task = await self._seen(task, found, accused=accused)
        if task.over:
            return
        request = partial(nova.disable, task.service, task.reason)
        task, outcome, text = await self._sent(task, "disable", port_gates.shut, request)
        task = await self._seen(task, None, accused=accused)
        if not task.over:
            msg = f"{task.reserve} is enabled still: {outcome.value}, {text}"
            raise Temporary(msg)

    async def _sent(
        self,
        task: ReserveTask,
        what: str,
        shut: Callable[[Ward, HostId], str],
        request: Callable[[Permit], Awaitable[tuple[Outcome, str]]],
    ) -> tuple[ReserveTask, Outcome, str]:
        """Save a request before it is sent, send it, and save how that has ended."""
        name = (what, f"service {task.service} of {task.reserve}")
        why = shut(self._ward, task.host)
        begun = self._audit.begun(_sending(task), [name], why, self._incident(task))
        task = await self._save(*begun)
        try:
            await self._allowed(shut, task)
            outcome, text = await request(self._ward.permit())
        except (LateError, Temporary) as error:  # a request tells of what it has sent
            end = End(name, Outcome.UNSENT.value, str(error))
            await self._save(*self._audit.ended(task, [end]))
            raise
        end = End(name, outcome.value, text)
        return await self._save(*self._audit.ended(task, [end])), outcome, text

    async def _allowed(self, shut: Callable[[Ward, HostId], str], task: ReserveTask) -> None:
        """See, just before a request, that we lead and may. Raise Temporary, LateError."""
        await self._ward.confirm()
        if why := shut(self._ward, task.host):
            raise Temporary(why)

    async def _seen(self, task: ReserveTask, servers: int | None, *, accused: bool) -> ReserveTask:
        seen = await self._ward.tools.controller.look(self._reserve(task))
        return await self._save(returned(task, seen, servers, self._now(), accused=accused))

    # what a task is about, and what comes of it

    def _now(self) -> Instant:
        return self._ward.tools.clock.now()

    def _task(self, host: HostId) -> ReserveTask:
        return self._ward.stock.reserves[host]

    def _incident(self, task: ReserveTask) -> Incident | None:
        """Return the open incident of a task."""
        return next((one for one in self._incidents() if one.id == task.incident), None)

    def _reserve(self, task: ReserveTask) -> HostId:
        return HostId(task.host.cloud, task.reserve)

    async def _save(self, task: ReserveTask, lines: Lines = ()) -> ReserveTask:
        """Save a task, unless it is so already, and tell what is new in its story."""
        ward = self._ward
        before = ward.stock.reserves.get(task.host)
        if task == before and not self._audit.owes(task.host, task):
            return task

        def keep(after: ReserveTask) -> None:
            if before is not None and before.incident == after.incident:
                ward.stock.reserves[task.host] = replace(before, journal=after.journal)

        await self._audit.save({task.host: task}, Change(reserves=(task,)), lines, keep)
        ward.stock.reserves[task.host] = task
        known = before.story if before else ()
        say = log.warning if task.warns else log.info
        for line in task.story:
            if line not in known:
                said = {"incident": task.incident, "host": str(task.host)}
                say(line.text, reserve=task.reserve, **said)
        return task


def _sending(task: ReserveTask) -> ReserveTask:
    """Return a task as it is saved before its request is sent."""
    return replace(task, sent=True)
