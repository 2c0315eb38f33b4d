"""The storage of fenced hosts: sees to their cinder-volumes, beside the incidents and after them.

One list of Cinder's services a round tells where everything stands, and each task goes on by
itself: what it has decided is saved before it is sent, and what came of it is read back. No
incident waits for any of this. A task that needs a human says so in the log, in `explain` and in a
metric until it is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

import structlog

from doctor_daemon.core.audit_tasks import End as AuditEnd
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.volume_holds import SHUT_S, unheard
from doctor_daemon.core.volume_steps import ended, resumed, told, unfit
from doctor_daemon.core.volume_tasks import Fenced, TaskStage, VolumeTask, wanted
from doctor_daemon.core.volumes import VOLUME, End, Finding, VolumeService, Wish
from doctor_daemon.engine.errand import Errand, Patience
from doctor_daemon.engine.reservations import hold_on
from doctor_daemon.engine.storage_gates import shut
from doctor_daemon.engine.storage_ledger import StorageLedger
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import DoctorError, Permanent
from doctor_daemon.ports import Storage

BUG = "internal error: see the daemon's log"
Rows = Sequence[VolumeService]
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Storekeeper:
    """Sees to the tasks of the ward. `incidents` are the open ones; `bug` hears of every bug."""

    def __init__(
        self,
        ward: Ward,
        incidents: Callable[[], Iterable[Incident]],
        bug: Callable[[str, Exception], None],
        patience: Patience | None = None,
    ) -> None:
        """Do nothing before `run`."""
        self._ward = ward
        self._ledger = StorageLedger(ward, incidents)
        self._bug = bug
        self._patience = patience or Patience()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._silent_from: Instant | None = None
        """Since when Cinder has not told how anything stands."""
        self._come = asyncio.Event()
        self._turn = asyncio.Lock()
        """Held while tasks go on."""

    def load(self, tasks: Iterable[VolumeTask]) -> None:
        """Take the tasks of earlier daemons up again."""
        ward = self._ward
        for task in tasks:
            ward.stock.tasks[task.number] = resumed(task, self._ledger.view(task))
            self._ledger.known(task)
        left = self._ledger.left
        if left and ward.tools.storage is None:
            log.warning("no storage is configured: its tasks are not seen to", tasks=len(left))

    def heed(self, before: Incident | None, after: Incident) -> None:
        """Look at once when an incident has come to another phase."""
        if before is None or before.phase is not after.phase:
            if self._ward.tools.storage is not None:
                self._ledger.met(after)
            if after.phase.final:
                self._ledger.ended(after)
            self._come.set()

    async def dismiss(self, service: str, by: str, why: str) -> VolumeTask:
        """End a task by a human's word. Raise Permanent, in words, where that cannot be."""
        async with self._turn:
            open_ = self._ledger.left
            task = next(
                (task for task in open_ if (task.service or task.host.name) == service), None
            )
            if task is None:
                msg = f"nothing is to be seen to about {service}"
                raise Permanent(msg)
            if task.number in self._running:
                msg = f"a request about {service} is under way: wait for its end"
                raise Permanent(msg)
            text = f"dismissed by {by}: {why}"
            over = task.at(TaskStage.DONE, self._ward.tools.clock.now(), text)
            over, lines = self._ledger.audit.cut_off(over)
            await self._ledger.save(over, lines=lines)
            return over

    async def run(self) -> None:
        """See to the tasks until cancelled."""
        storage = self._ward.tools.storage
        if storage is None:
            await asyncio.Event().wait()
            return
        try:
            while True:
                await self._contained(storage)
                await self._pause()
        finally:
            for work in self._running.values():
                work.cancel()
            if self._running:
                await asyncio.wait(self._running.values())

    async def _pause(self) -> None:
        """Wait for the next round, or for news."""
        try:
            async with asyncio.timeout(self._ward.rules.volumes.every_s):
                await self._come.wait()
        except TimeoutError:
            pass
        self._come.clear()

    async def _contained(self, storage: Storage) -> None:
        ward = self._ward
        try:
            await self._round(storage)
            ward.stock.trouble = ""
        except DoctorError as error:
            ward.stock.trouble = str(error)
            log.warning("the storage of fenced hosts cannot be seen to", error=str(error))
        except Exception as error:  # noqa: BLE001 - containment: incidents go on without it
            self._bug("storage of fenced hosts", error)

    async def _round(self, storage: Storage) -> None:
        fresh = self._ledger.fresh()
        if self._ward.stopping or not (fresh or self._ledger.left):
            self._silent_from = None
            return
        busy = frozenset(self._running)  # what they do may come after the list
        try:
            rows = await storage.services(binary=VOLUME)
        except Exception as error:
            await self._ledger.not_looked(fresh)
            await self._unheard(str(error) if isinstance(error, DoctorError) else BUG)
            raise
        self._silent_from = None
        failed: list[DoctorError] = []
        async with self._turn:
            for fencing in fresh:
                await self._opened(fencing, rows, failed)
            for task in self._ledger.left:
                if task.number not in busy and task.stage is not TaskStage.LOOKING:
                    await self._gone_on(task, rows, storage, failed)
        if failed:
            raise failed[0]

    async def _unheard(self, error: str) -> None:
        """Have what waits for a list held once there has been none for long."""
        now = self._ward.tools.clock.now()
        self._silent_from = self._silent_from or now
        if now.since(self._silent_from) < SHUT_S:
            return
        async with self._turn:
            for task in self._ledger.left:
                held = unheard(task, error, self._ledger.view(task))
                if task.number not in self._running and held is not task:
                    await self._ledger.save(held)

    async def _opened(self, fencing: Fenced, rows: Rows, failed: list[DoctorError]) -> None:
        """Open the tasks of one fencing. What goes wrong there is contained: others go on."""
        try:
            await self._ledger.open(fencing, rows, self._running)
        except DoctorError as error:
            failed.append(error)
        except Exception as error:  # noqa: BLE001 - containment: it is tried again
            self._bug("storage of a fenced host", error)

    async def _gone_on(
        self, task: VolumeTask, rows: Rows, storage: Storage, failed: list[DoctorError]
    ) -> None:
        """Have one task go on. One that meets a bug is held, and the others go on."""
        try:
            await self._go_on(task, rows, storage)
        except DoctorError as error:
            failed.append(error)
        except Exception as error:  # noqa: BLE001 - containment
            self._bug(f"storage {task.service}", error)
            frees = f"see to it by hand, and then `doctor-daemon cinder dismiss {task.service}`"
            last = self._ward.stock.tasks.get(task.number, task)
            held = last.hold(self._ward.tools.clock.now(), BUG, frees)
            self._ward.stock.tasks[task.number] = held
            try:
                await self._ledger.save(held)
            except Exception as again:  # noqa: BLE001 - it is held all the same
                log.warning("not saved", storage=task.service, error=type(again).__name__)

    async def _go_on(self, task: VolumeTask, rows: Rows, storage: Storage) -> None:
        """Fold a list in, and send what is due then."""
        ward, ledger = self._ward, self._ledger
        if ledger.audit.owes(task.number, task):
            task, lines = ledger.audit.cut_off(task)
            await ledger.save(task, lines=lines)
        after = told(task, rows, ledger.view(task))
        if _owes(task, after):
            await ledger.save(after)
        ward.stock.tasks[after.number] = after
        wish = None if after.over else wanted(after, ledger.view(after))
        if wish is None or (why := shut(ward, after.host)):
            return
        owner, cluster = (
            f"task {after.number}",
            next((row.cluster for row in rows if row.host == after.service), after.cluster),
        )
        if not ward.stock.errands.take(owner, hold_on(wish.target, cluster)):
            return
        try:
            incident = ledger.incident(after.host)
            sending, lines = ledger.audit.begun(after.sending(), [_named(wish)], why, incident)
            await ledger.save(sending, lines=lines)
        except BaseException:
            ward.stock.errands.release(owner)
            raise
        work = self._carry_out(after.number, wish, storage, first=not after.sent)
        self._running[after.number] = asyncio.create_task(work)

    async def _carry_out(self, number: int, wish: Wish, storage: Storage, *, first: bool) -> None:
        """Have one request carried out, and fold its end in."""
        ward, task = self._ward, self._ward.stock.tasks[number]
        errand = Errand(
            storage,
            lambda _: self._shut(task, wish),
            ward.permit,
            ward.confirmed,
            self._patience,
            unfit=partial(unfit, task, first=first),
            sends=ward.stock.sends,
        )
        try:
            finding = await errand.done(wish)
        except Exception as error:  # noqa: BLE001 - containment: it is read back by the next list
            self._bug(f"cinder {wish.act}", error)
            finding = Finding(End.UNKNOWN, BUG)
        finally:
            ward.stock.errands.release(f"task {number}")
        try:
            over = ended(task, finding, self._ledger.view(task))
            end = AuditEnd(_named(wish), finding.end.value, finding.text)
            await self._ledger.saved(*self._ledger.audit.ended(over, [end]))
        except DoctorError as error:  # it is saved as sent, and the next daemon reads it back
            log.warning("its end cannot be saved", storage=task.service, error=str(error))
        except Exception as error:  # noqa: BLE001 - as above
            self._bug(f"cinder {wish.act}", error)
        finally:
            del self._running[number]
            self._come.set()

    def _shut(self, task: VolumeTask, wish: Wish) -> str:
        """Say why a request may not be sent, just before it would be."""
        against = not self._ward.rules.volumes.allows(wish.act)
        return shut(self._ward, task.host) or ("the configuration is against it" if against else "")


def _named(wish: Wish) -> tuple[str, str]:
    """Return what the audit calls a request."""
    return f"cinder {wish.act.value}", str(wish.target)


def _owes(before: VolumeTask, after: VolumeTask) -> bool:
    """Tell whether more than what was seen is new: that is seen again."""
    return replace(before, seen=None, reports=0) != replace(after, seen=None, reports=0)
