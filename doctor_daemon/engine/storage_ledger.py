"""The tasks about the storage of fenced hosts: kept, told in the log, and opened by fencings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

import structlog

from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.volume_tasks import (
    Fenced,
    TaskStage,
    View,
    VolumeTask,
    fenced,
    fenced_again,
    opened,
    round_of,
    unlooked,
)
from doctor_daemon.core.volumes import VolumeService
from doctor_daemon.engine.saving import again_s
from doctor_daemon.engine.storage_gates import FENCING, is_fenced, is_off, shut
from doctor_daemon.engine.task_audit import Lines, TaskAudit
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Change

OVER_MAX = 100
"""Tasks that are over and still shown."""
Rows = Sequence[VolumeService]
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class StorageLedger:
    """Keeps the tasks of the ward. `incidents` are the open ones."""

    def __init__(self, ward: Ward, incidents: Callable[[], Iterable[Incident]]) -> None:
        """Begin with what the ward has."""
        self._ward = ward
        self._incidents = incidents
        self.audit = TaskAudit[int](ward)
        self._met: dict[tuple[str, int], Fenced] = {}
        """Fencings that have still to be looked at: their incidents may be over by then."""
        self._given: dict[tuple[str, int, str], int] = {}
        """Fencing and service -> the number of a task that may have been saved, unanswered."""

    def known(self, task: VolumeTask) -> None:
        """Remember that the fencing of a task has been looked at."""
        self._ward.stock.looked.add((task.incident, task.round))

    def met(self, incident: Incident) -> None:
        """Remember a fencing in whose wake is to be looked."""
        key, acts = (incident.id, round_of(incident)), self._ward.rules.volumes.acts
        if acts and is_fenced(incident) and key not in self._ward.stock.looked:
            self._met[key] = fenced(incident)

    def ended(self, incident: Incident) -> None:
        """Tell in the log what an incident that has ended leaves to be looked up."""
        for task in self.left:
            if task.incident == incident.id and task.stage is TaskStage.LOOKING:
                _tell(None, task)

    @property
    def left(self) -> list[VolumeTask]:
        """Return the tasks that are not over."""
        return [task for task in self._ward.stock.tasks.values() if not task.over]

    # saving

    async def save(self, *tasks: VolumeTask, lines: Lines = ()) -> None:
        """Save tasks, tell what is new in their stories, and forget the oldest ends."""
        ward = self._ward

        def keep(after: VolumeTask) -> None:
            if before := ward.stock.tasks.get(after.number):
                ward.stock.tasks[after.number] = replace(before, journal=after.journal)

        numbered = {task.number: task for task in tasks}
        await self.audit.save(numbered, Change(tasks=tasks), lines, keep)
        for task in tasks:
            before = ward.stock.tasks.get(task.number)
            ward.stock.tasks[task.number] = task
            _tell(before, task)
        over = [number for number, task in ward.stock.tasks.items() if task.over]
        for number in over[:-OVER_MAX]:
            del ward.stock.tasks[number]

    async def saved(self, task: VolumeTask, lines: Lines) -> None:
        """Save how a request has ended, however often that takes."""
        failures = 0
        while True:
            try:
                return await self.save(task, lines=lines)
            except Temporary as error:
                failures += 1
                log.warning("not saved yet", storage=task.service, error=str(error))
                policy = self._ward.rules.policy
                await asyncio.sleep(again_s(policy, failures, f"storage {task.number}"))

    # opening

    def fresh(self) -> list[Fenced]:
        """Return the fencings in whose wake nobody has looked yet."""
        found = [task.fencing for task in self.left if task.stage is TaskStage.LOOKING]
        for incident in self._incidents():
            self.met(incident)
            if not is_fenced(incident):  # power came back, or the host itself does
                for key in [key for key in self._met if key[0] == incident.id]:
                    del self._met[key]
        looked = self._ward.stock.looked
        self._met = {key: one for key, one in self._met.items() if key not in looked}
        found += self._met.values()
        left = {(one.incident, one.round) for one in found}
        self._given = {key: one for key, one in self._given.items() if key[:2] in left}
        return found

    def _number(self, fencing: Fenced, service: str = "") -> int:
        """Return the number of a task, the same again where nobody knows whether it was saved."""
        key = (fencing.incident, fencing.round, service)
        if key not in self._given:
            self._given[key] = self._ward.stock.number()
        return self._given[key]

    async def not_looked(self, fencings: Iterable[Fenced]) -> None:
        """Save that these have still to be looked up, be their incidents over by then."""
        now, looked = self._ward.tools.clock.now(), self._ward.stock.looked
        left = [one for one in fencings if (one.incident, one.round) not in looked]
        made = [unlooked(self._number(one), one, now) for one in left]
        if made:
            await self.save(*made)
            for task in made:
                self.known(task)

    async def open(self, fencing: Fenced, rows: Rows, running: Collection[int]) -> None:
        """Open a task for each cinder-volume of a fenced host, all of them in one commit.

        One with a request under way has its turn in a later round: that is a task to look, too.
        """
        view, made, busy = self.look(fencing.host), list[VolumeTask](), False
        looking, done, open_ = self._told_of(fencing)
        stock = self._ward.stock
        learned = looking.learned if looking else stock.next_number
        for row in rows if view.policy.acts else ():
            task = open_.get(row.host)
            if self._host_of(row) != fencing.host or row.host in done or _newer(task, looking):
                continue
            if task is None:
                task = opened(self._number(fencing, row.host), fencing, row, view)
                made.append(replace(task, learned=learned))
            elif task.number in running:
                busy = True
            else:
                made.append(replace(fenced_again(task, fencing, row, view), learned=learned))
        if looking is not None and not busy:
            made.append(looking.at(TaskStage.DONE, view.now, "it has been looked up"))
        elif looking is None and busy:
            made.append(unlooked(self._number(fencing), fencing, view.now))
        if made:
            await self.save(*made)
        self._ward.stock.looked.add((fencing.incident, fencing.round))

    def _told_of(
        self, fencing: Fenced
    ) -> tuple[VolumeTask | None, frozenset[str], dict[str, VolumeTask]]:
        """Return the task to look, the services that have been, and the open tasks by service."""
        key, tasks = (fencing.incident, fencing.round), self._ward.stock.tasks.values()
        mine = [task for task in tasks if (task.incident, task.round) == key]
        looking = [task for task in mine if task.stage is TaskStage.LOOKING]
        done = frozenset(task.service for task in mine)
        return next(iter(looking), None), done, {task.service: task for task in self.left}

    def _host_of(self, row: VolumeService) -> HostId | None:
        """Return the configured host that a service runs on, by its exact name or an alias."""
        rules = self._ward.rules
        name = rules.volumes.host_of(row)
        exact = HostId(rules.cloud, name)
        return exact if exact in rules.plans else rules.aliases.get(name.lower())

    # what a decision depends on

    def view(self, task: VolumeTask) -> View:
        """Return what a decision about a task depends on."""
        return self.look(task.host)

    def incident(self, host: HostId) -> Incident | None:
        """Return the open incident of a host."""
        return next((one for one in self._incidents() if one.host == host), None)

    def look(self, host: HostId) -> View:
        """Return what a decision about the storage of a host depends on."""
        ward, incident = self._ward, self.incident(host)
        return View(
            now=ward.tools.clock.now(),
            policy=ward.rules.volumes,
            limits=ward.rules.policy,
            off=incident is not None and is_off(incident, ward.tools.clock.now()),
            calm=incident is None or incident.phase not in FENCING,
            shut=shut(ward, host),
        )


def left_behind(before: Incident | None, after: Incident, ward: Ward) -> tuple[VolumeTask, ...]:
    """Return the task to look up what ran on a host whose incident ends before Cinder has told.

    It is saved with that end, for by the next daemon nobody would know of the fencing any more.
    """
    if before is None or not after.phase.final or not is_fenced(before):
        return ()
    key, stock = (before.id, round_of(before)), ward.stock
    if ward.tools.storage is None or not ward.rules.volumes.acts or key in stock.looked:
        return ()
    task = unlooked(stock.number(), fenced(before), ward.tools.clock.now())
    stock.tasks[task.number] = task
    stock.looked.add(key)
    return (task,)


def _newer(task: VolumeTask | None, looking: VolumeTask | None) -> bool:
    """Tell whether a service has a task of a later fencing than what is to be looked up."""
    return bool(task and looking and task.learned > looking.learned)


def _tell(before: VolumeTask | None, task: VolumeTask) -> None:
    """Log the new lines of a task's story."""
    known = before.story if before else ()
    say = log.warning if task.stage.needs_a_human else log.info
    for line in task.story:
        if line not in known:
            told_ = {"incident": task.incident, "host": str(task.host), "stage": task.stage.value}
            say(line.text, storage=task.service, **told_)
