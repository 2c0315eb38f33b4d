"""The one who writes to etcd: transactions in a chain, of which none is written twice or by half.

Each transaction compares the term that this daemon has claimed, that it leads still, the versions
of the heads that it writes, and the mark that the transaction before it left; it leaves a mark of
its own. So nothing is written once the lease has run out, the order of all transactions is fixed, a
second try at one changes nothing, and whoever reads the mark knows whether the one whose answer was
lost has been written.

Where that cannot be found out in time the store is unsure. Whoever waited is told so (Temporary).
The next write first leaves a mark that does nothing else: either that one stands, and then what was
lost can never be written any more, or the lost one's mark is found, and what it wrote counts.

What was asked for while one transaction was on its way goes into the next one together, as far as
nothing in it touches the same things.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass

from doctor_daemon.core.audit import Link
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Conflict, DoctorError, Permanent, Temporary
from doctor_daemon.stores.etcd_daemons import Own, or_else, why_over
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import Json, revision_of
from doctor_daemon.stores.etcd_meaning import Unanswered
from doctor_daemon.stores.etcd_transactions import (
    OPERATIONS_MAX,
    REQUEST_MAX,
    STANDING,
    Plan,
    Transaction,
    check_size,
    first,
    linked,
)
from doctor_daemon.stores.etcd_values import MARK, Claim, Mark

QUEUE_MAX = 4000
WRITE_S = 4.0
"""How long a write is tried. systemd's watchdog asks the store to answer at all within 5 s."""
CLOSE_S = 10.0
NOT_KNOWN = "whether it was written is not known yet"
AGAIN_S = 0.1
"""Between two rounds of all endpoints."""


Make = Callable[[int], Plan]
"""Makes a plan, by the number that the commit would have. May raise Conflict, or a bug."""


@dataclass(frozen=True, slots=True)
class _Job:
    touches: frozenset[object] | None
    """What no two of a transaction may touch; None: it wants one for itself."""
    make: Make
    done: asyncio.Future[None]

    def fail(self, error: Exception) -> None:
        """Tell who waits. An error that several are told of is copied: each raises one of his."""
        if not self.done.done():
            self.done.set_exception(error)


class Writer:
    """Writes for one term, from the queue, one transaction at a time."""

    def __init__(self, gateway: Gateway, prefix: str, write_s: float = WRITE_S) -> None:
        """Write nothing yet: `start` does."""
        self.ended: Callable[[str], None] = lambda _: None
        """Called with the reason when etcd shows that this daemon leads no more."""
        self.groups = 0
        """Transactions that were written."""
        self._gateway = gateway
        self._prefix = prefix
        self._write_s = write_s
        self._claim, self._term_revision = Claim(0, ""), 0
        self._mark, self._mark_revision = Mark(""), 0
        self._count = 0
        self._queue: deque[_Job] = deque()
        self._asked = asyncio.Event()
        self._unsure: tuple[Transaction, Mark] | None = None
        self._fault: DoctorError | None = None
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many pieces of work wait."""
        return len(self._queue)

    def start(self, claim: Claim, term_revision: int, mark: Mark, mark_revision: int) -> None:
        """Begin to write for a term, after this mark."""
        self._claim, self._term_revision = claim, term_revision
        self._mark, self._mark_revision = mark, mark_revision
        self._task = asyncio.create_task(self._run(), name="etcd-writer")

    async def write(self, make: Make, touches: frozenset[object] | None = None) -> None:
        """Do one piece of work, all or nothing; when this returns it is durable.

        Raise Temporary when it cannot be known in time whether it was done.
        """
        if self._fault is not None:
            raise copy(self._fault)
        if self._closed or self._task is None:
            raise Permanent("etcd: the store is closed")
        if len(self._queue) >= QUEUE_MAX:
            raise Temporary(f"etcd: {len(self._queue)} writes are waiting already")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(_Job(touches, make, done))
        self._asked.set()
        try:
            async with asyncio.timeout(2 * self._write_s):  # the writer itself gives up before
                await done
        except TimeoutError:
            raise Temporary("etcd: the write has not come to its end in time") from None

    def refuse(self, error: Conflict) -> None:
        """Begin nothing any more. What is on its way comes to its end, or is refused by etcd."""
        self._fault = self._fault or error
        self._fail((), self._fault)

    async def stop(self) -> None:
        """Write what is queued, and end."""
        self._closed = True
        self._asked.set()
        if self._task is not None:
            task, self._task = self._task, None
            await asyncio.wait((task,), timeout=CLOSE_S)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._fail((), Temporary("etcd: the store was closed"))

    async def _run(self) -> None:
        while self._queue or not self._closed:
            self._asked.clear()
            if not self._queue:
                await self._asked.wait()
                continue
            jobs: list[_Job] = []
            error = await self._round(jobs)
            if error is not None:
                self._fail(jobs, error)
            for job in jobs:
                if not job.done.done():
                    job.done.set_result(None)

    async def _round(self, jobs: list[_Job]) -> DoctorError | None:
        """Write what can go together, and say what these jobs were; return why it failed."""
        try:
            async with asyncio.timeout(self._write_s):
                await self._settle()
                transaction = self._gather(jobs)
                if jobs:
                    await self._write(transaction)
        except TimeoutError:
            return Temporary(self._lost())
        except Temporary as error:
            return error
        except DoctorError as error:
            self._fault = self._fault or error  # another leads, or etcd refuses us: nothing goes on
            if isinstance(error, Conflict):
                self.ended(str(error))
            return error
        except Exception as error:  # noqa: BLE001 - a bug must not leave anybody waiting
            self._fault = Permanent(f"etcd: the writer failed: {type(error).__name__}: {error}")
            return Temporary(f"{self._fault}; {NOT_KNOWN}")
        return None

    def _lost(self) -> str:
        known = f"; {NOT_KNOWN}" if self._unsure else ""
        return f"{self._gateway.failure}; gave up after {self._write_s:g} s{known}"

    def _fail(self, jobs: Sequence[_Job], error: DoctorError) -> None:
        """Fail what was being written and all that wait: nobody waits longer than `write_s`."""
        for job in (*jobs, *self._queue):
            job.fail(copy(error))
        self._queue.clear()

    def _gather(self, jobs: list[_Job]) -> Transaction:
        """Take from the queue what can go together."""
        touched: set[object] = set()
        plans: list[Plan] = []
        order, moment, size, operations = self._mark.order, self._mark.moment, 0, 0
        link = self._mark.audit
        while self._queue:
            job = self._queue[0]
            if job.done.done():  # whoever asked for it waits no more
                self._queue.popleft()
                continue
            if jobs and (job.touches is None or touched & job.touches):
                break
            try:
                plan = linked(job.make(order + 1), link)
                check_size(plan)
            except Exception as error:  # noqa: BLE001 - a Conflict, or a bug in one change
                self._queue.popleft().fail(error)
                continue
            size, operations = size + plan.size, operations + plan.operations
            if jobs and (size > REQUEST_MAX or operations > OPERATIONS_MAX):
                break
            jobs.append(self._queue.popleft())
            plans.append(plan)
            order, moment = order + plan.orders, plan.moment or moment
            link = plan.link or link
            if job.touches is None:
                break
            touched |= job.touches
        return Transaction(self._named(order, moment, link), tuple(plans))

    def _named(self, order: int, moment: Instant | None, link: Link) -> Mark:
        # By the opening, not the term: where older state was restored a term may come again.
        self._count += 1
        return Mark(f"{self._claim.by}-{self._count}", order, moment, link)

    async def _settle(self) -> None:
        """Find out what became of a transaction whose answer was lost."""
        if self._unsure is None:
            return
        lost, fence = self._unsure
        found = await self._tried(Transaction(fence), (lost.mark.id, fence.id))
        written = lost if found[0] == lost.mark.id else Transaction(fence)
        self._unsure = None
        self._written(written, found[1])

    async def _write(self, transaction: Transaction) -> None:
        # Unsure from before the first byte until it is known: whatever ends the wait leaves it so.
        fence = self._named(self._mark.order, self._mark.moment, self._mark.audit)
        self._unsure = transaction, fence
        _, revision = await self._tried(transaction, (transaction.mark.id,))
        self._unsure = None
        self._written(transaction, revision)

    def _written(self, transaction: Transaction, revision: int) -> None:
        self._mark, self._mark_revision = transaction.mark, revision
        self.groups += 1
        for plan in transaction.plans:
            plan.apply(revision)

    async def _tried(self, transaction: Transaction, names: Sequence[str]) -> tuple[str, int]:
        """Try until it is known whose mark stands; return it, one of `names`, and its revision.

        Raise Conflict when it is another's, Permanent when it was certainly not written, Temporary
        when it may have been and nobody says so. The caller bounds the time.
        """
        before = {"term": self._term_revision, "mark": self._mark_revision}
        body = transaction.body(self._prefix, before, self._claim)
        sent = False
        while True:
            try:
                answer = await self._gateway.call("kv/txn", body, within_s=self._write_s)
                sent = True
                if answer.get("succeeded") is True:
                    return transaction.mark.id, revision_of(answer["header"])
                return self._standing(answer, names)
            except Unanswered as error:
                sent = sent or error.sent
                await asyncio.sleep(AGAIN_S)
            except Permanent as error:
                if sent:
                    raise Temporary(f"{error}; {NOT_KNOWN}") from None
                raise

    def _standing(self, answer: Json, names: Sequence[str]) -> tuple[str, int]:
        """Read from the answer to a transaction that was not done what stands in its way."""
        term, leader, mark = (first(answer, place) for place, _ in enumerate(STANDING))
        # Even if ours was written: who claims it next has read that, and goes on from it.
        if why := why_over(Own(self._claim, self._term_revision, 0), self._prefix, term, leader):
            raise Conflict(why)
        found = or_else(MARK, mark, Mark(""))
        if found.id in names:
            return found.id, revision_of(mark, "mod_revision")
        raise Conflict(f"etcd: somebody else has written below {self._prefix}")
