"""The ports of fenced hosts: sees that Neutron says DOWN of them, and says it no longer than is so.

Beside the incidents and after them, one host after the other and a few ports at a time: no incident
waits for any of this, and it leaves Neutron to those who evacuate. What is ours is saved before it
is marked; a request that was not answered is made again, for twice does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import structlog

from doctor_daemon.core.audit_tasks import End
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.port_tasks import (
    PortStage,
    PortTask,
    PortView,
    cleared,
    failed,
    is_due,
    marked,
    opened,
    resumed,
    sort,
    to_mark,
    told,
)
from doctor_daemon.core.ports import Said
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.port_gates import is_back, off_limits, shut
from doctor_daemon.engine.storage_gates import is_off, was_off
from doctor_daemon.engine.task_audit import Lines, TaskAudit
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import DoctorError, LateError, Temporary
from doctor_daemon.ports import Change, Fleet, Network

AT_ONCE = 4
"""Ports that are being changed at a time."""
SOME = 50
"""Ports whose change is one save."""
PAGES_MAX = 1_000
BUG = "internal error: see the daemon's log"
NOT_OFFERED = "Neutron does not offer data-plane-status: nothing is said of its ports"
LIFTED = "Nova shows no forced_down any more: no more ports are marked of"
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Portkeeper:
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
        self._fleet = Fleet({})
        self._come = asyncio.Event()

    def load(self, tasks: Iterable[PortTask]) -> None:
        """Take the tasks of earlier daemons up again."""
        ward = self._ward
        for task in tasks:
            ward.stock.ports[task.host] = resumed(task, ward.tools.clock.now())
        if self._left and ward.tools.network is None:
            log.warning("no network is configured: ports stay as they are", tasks=len(self._left))

    def heed(self, before: Incident | None, after: Incident) -> None:
        """Look at once when an incident has come to another phase."""
        if before is None or before.phase is not after.phase:
            self._come.set()

    def noticed(self, fleet: Fleet) -> None:
        """See which hosts are back."""
        self._fleet = fleet

    @property
    def _left(self) -> list[PortTask]:
        return [task for task in self._ward.stock.ports.values() if not task.over]

    async def run(self) -> None:
        """See to the tasks until cancelled."""
        network = self._ward.tools.network
        if network is None:
            await asyncio.Event().wait()
            return
        while True:
            try:
                await self._round(network)
            except DoctorError as error:
                log.warning("the ports of fenced hosts cannot be seen to", error=str(error))
            except Exception as error:  # noqa: BLE001 - containment: incidents go on without it
                self._bug("ports of fenced hosts", error)
            await self._pause()

    async def _pause(self) -> None:
        """Wait for the next round, or for news."""
        try:
            async with asyncio.timeout(self._ward.rules.ports.every_s):
                await self._come.wait()
        except TimeoutError:
            pass
        self._come.clear()

    async def _round(self, network: Network) -> None:
        if self._ward.stopping:
            return
        for task in self._left:
            if self._audit.owes(task.host, task):
                await self._save(*self._audit.cut_off(task))
        for incident in self._fresh():
            before, now = self._ward.stock.ports.get(incident.host), self._now()
            await self._save(opened(incident, now, before, off=is_off(incident, now)))
        for task in self._left:
            await self._contained(task, network)

    def _fresh(self) -> list[Incident]:
        """Return the incidents whose last fencing has not been seen to."""
        if not self._ward.rules.ports.marks:
            return []
        tasks = self._ward.stock.ports
        now = self._now()
        found = [one for one in self._incidents() if is_off(one, now) or was_off(one, now)]
        return [one for one in found if one.host not in tasks or not tasks[one.host].is_of(one)]

    async def _contained(self, task: PortTask, network: Network) -> None:
        """Have one task go on. What goes wrong is that task's alone."""
        host = task.host
        try:
            await self._go_on(task, network)
        except DoctorError as error:
            await self._save(failed(self._task(host), str(error), self._view(self._task(host))))
        except Exception as error:  # noqa: BLE001 - containment: it is held, the others go on
            self._bug(f"ports of {host}", error)
            frees = "restart the daemon once that is mended; it is tried again now and then"
            await self._save(self._task(host).hold(self._now(), BUG, frees))

    async def _go_on(self, task: PortTask, network: Network) -> None:
        view = self._view(task)
        after = told(task, view)
        if after is not task:
            await self._save(after)
        if not is_due(after, view):
            return
        if after.doing is PortStage.MARKING:
            await self._mark(after, network)
        else:
            await self._look(after, network)

    async def _mark(self, task: PortTask, network: Network) -> None:
        """Mark all ports that are bound to the host now."""
        if not await network.offered():
            stage = PortStage.MARKED if task.ours else PortStage.DONE
            await self._save(task.at(stage, self._now(), NOT_OFFERED))
            return
        if not (await self._ward.tools.controller.look(task.host)).forced_down:
            await self._save(task.at(PortStage.MARKED, self._now(), f"{LIFTED} {task.host}"))
            return
        known = {id_ for one in self._left for id_ in one.ours}
        theirs, marker, wrong = 0, "", ""
        for _ in range(PAGES_MAX):
            page = await network.bound(task.host.name, marker)
            task = task.claim(to_mark(page.ports, known))
            mine = frozenset(task.ours)
            theirs += sum(port.id not in mine for port in page.ports)
            wanted = [port.id for port in page.ports if port.id in mine and not port.down]
            done = (Said.GONE,)
            task, _, why = await self._say(task, wanted, network, down=True, done=done)
            wrong = wrong or why
            marker = page.marker
            if not marker:
                break
        if wrong:
            raise Temporary(wrong)
        await self._save(marked(task, self._now(), theirs))

    async def _look(self, task: PortTask, network: Network) -> None:
        """Look where the ports are that are ours, and clear those that are to be."""
        wrong = ""
        for first in range(0, len(ids := task.ours), SOME):
            some = ids[first : first + SOME]
            others = [one for one in self._left if one.host != task.host]
            fate = sort(task, some, await network.ports(some), others)
            task, done = task.drop(fate.drop), (Said.SET, Said.GONE)
            task, gone, why = await self._say(task, fate.clear, network, down=False, done=done)
            wrong = wrong or why
            if gone:
                where = "" if task.doing is PortStage.CLEARING else ", bound elsewhere,"
                text = f"{gone} of its ports{where} are cleared"
                task = await self._save(task.note(self._now(), text))
        if wrong:
            raise Temporary(wrong)
        await self._save(cleared(task, self._now()))

    async def _say(
        self,
        task: PortTask,
        ports: Sequence[str],
        network: Network,
        *,
        down: bool,
        done: Sequence[Said],
    ) -> tuple[PortTask, int, str]:
        """Say it of each port, a few at a time, and save the task without those that are `done`.

        Return it, how many those were, and why others could not be changed, in the words of the
        first. Raise Temporary, in the same words, where none of many could be.
        """
        names = [("mark down" if down else "clear", f"port {port}") for port in ports]
        shut, incident = self._stopped(task), self._incident(task.host)
        task = await self._save(*self._audit.begun(task, names, shut, incident))
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(port: str) -> tuple[Said, Outcome, str]:
            async with turns:
                try:
                    await self._ward.confirmed()
                    if why := self._stopped(task):
                        return Said.REFUSED, Outcome.UNSENT, why
                    said, text = await network.say(port, down=down, permit=self._ward.permit())
                except LateError as error:
                    return Said.REFUSED, Outcome.UNSENT, str(error)
                except DoctorError as error:
                    return Said.UNKNOWN, Outcome.UNKNOWN, str(error)
            return said, said.outcome, text

        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(one(port)) for port in ports]
        answers = [request.result() for request in asked]
        over = [p for p, (said, _, _) in zip(ports, answers, strict=True) if said in done]
        ends = [End(n, how.value, t) for n, (_, how, t) in zip(names, answers, strict=True)]
        task = await self._save(*self._audit.ended(task.drop(over), ends))
        wrong = [text for said, _, text in answers if said in (Said.REFUSED, Said.UNKNOWN)]
        if not wrong:
            return task, len(over), ""
        text = f"{len(wrong)} of {len(ports)} ports could not be changed: {wrong[0]}"
        if len(wrong) == len(ports) > AT_ONCE:  # it is not the ports
            raise Temporary(text)
        return task, len(over), text

    def _stopped(self, task: PortTask) -> str:
        """Say why nothing more may be said now; empty: it may."""
        view = self._view(task)
        if task.doing is PortStage.MARKING and not view.off:
            return f"{task.host} is not proven off any more"
        return view.bars(task.doing)

    # what a decision depends on, and what comes of it

    def _now(self) -> Instant:
        return self._ward.tools.clock.now()

    def _task(self, host: HostId) -> PortTask:
        return self._ward.stock.ports[host]

    def _incident(self, host: HostId) -> Incident | None:
        return next((one for one in self._incidents() if one.host == host), None)

    def _view(self, task: PortTask) -> PortView:
        ward, host = self._ward, task.host
        incident = self._incident(host)
        return PortView(
            now=self._now(),
            limits=ward.rules.policy,
            off=incident is not None and is_off(incident, self._now()),
            back=incident is None and is_back(host, self._fleet, task.since),
            shut=shut(ward, host),
            off_limits=off_limits(ward, host),
        )

    async def _save(self, task: PortTask, lines: Lines = ()) -> PortTask:
        """Save a task, unless it is so already, and tell what is new in its story."""
        ward = self._ward
        before = ward.stock.ports.get(task.host)
        if task == before and not self._audit.owes(task.host, task):
            return task

        def keep(after: PortTask) -> None:
            if before is not None and before.fencing == after.fencing:
                ward.stock.ports[task.host] = replace(before, journal=after.journal)

        await self._audit.save({task.host: task}, Change(port_tasks=(task,)), lines, keep)
        ward.stock.ports[task.host] = task
        known = before.story if before else ()
        say = log.warning if task.stage is PortStage.HELD else log.info
        for line in task.story:
            if line not in known:
                say(line.text, incident=task.incident, host=str(task.host), ports=task.stage.value)
        return task
