"""The lease of one daemon in etcd: the right to act, for a time that has to be renewed.

The time counts from the moment just before etcd was asked, so that an answer that comes late
lengthens nothing, and by CLOCK_BOOTTIME, which goes on while the machine sleeps.

A sign of life that etcd has taken is not enough. One of its members that believes for a while yet
that it is its cluster's leader takes such signs, and they are worth nothing. So the keys are read
after it, which a majority has to confirm, and the sign counts where both were of the same term of
etcd's own leader: then nobody else can have been its leader between. It is by that reading, too,
that a daemon learns that it leads no more.
docs/adr/0023-leases.md has the whole reasoning.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from socket import gethostname
from uuid import uuid4

import structlog

from doctor_daemon.errors import Conflict, DoctorError, LateError, Temporary
from doctor_daemon.ports.leading import Role, Standing
from doctor_daemon.stores.etcd_daemons import (
    DAEMON,
    NOBODY,
    Daemon,
    Leader,
    Own,
    Seen,
    handed_over,
    leader_of,
    look,
    seen,
    why_over,
)
from doctor_daemon.stores.etcd_gateway import Gateway
from doctor_daemon.stores.etcd_json import coded, number, revision_of
from doctor_daemon.stores.etcd_values import DAEMONS, packed
from doctor_daemon.stores.etcd_word import Word

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
MARGIN, MARGIN_MIN_S = 0.2, 1.0
"""What is taken off at the end of a lease: this share of it, and no less than this."""
RENEWED = 0.2
"""After this share of a lease it is renewed."""
TRIED = 0.25
"""This share of a lease one try to renew it may take: three fit before the margin begins."""
BELIEVED_MAX_S = 60
"""A lease that etcd calls longer is taken for one so long."""
AGAIN_S, CONFIRM_S = 0.2, 1.0
LOOK_S = 1.0
"""How often a daemon that stands by looks whether somebody leads, whatever else it hears."""
RELEASE_S = 3.0
"""How long it is tried to let another lead at once. Otherwise he waits until the lease runs out."""
RELEASED = "the right to act was given up: another may lead"


def boottime() -> float:
    """Return the seconds since the machine began, those of sleep among them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class EtcdLease:
    """`ports.Leadership` by a lease in etcd, and `etcd_claim.Candidate`."""

    def __init__(
        self, prefix: str, name: str, lease_s: int, *, now: Callable[[], float] = boottime
    ) -> None:
        """Ask for nothing yet. `now`: a clock in seconds that goes on while the machine sleeps."""
        self.id, self.name = uuid4().hex, name or gethostname()
        self.gone = asyncio.Event()
        """The leader may have gone: whoever stands by looks at once."""
        self.ended: Callable[[Conflict], None] = lambda _: None
        """Called once it leads no more."""
        self.patient: Callable[[], None] = lambda: None
        """Called when it begins to stand by, which may take for ever."""
        self._prefix, self._asked_s, self._now = prefix, lease_s, now
        self._gateway: Gateway | None = None
        self._task: asyncio.Task[None] | None = None
        self._lease, self._ttl_s, self._end_s = 0, lease_s, 0.0
        self._own: Own | None = None
        self._why, self._trouble, self._lacking = "", "", ""
        self._over, self._wake, self._news = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._leader, self._ready = NOBODY, tuple[str, ...]()
        self._before: Leader | None = None
        """Who led when this daemon stood by; none: it has not."""
        self._whole = False
        self._shown: tuple[int, Daemon] | None = None
        self._started_s, self.words = time.time(), Word(prefix)
        self._releasing = asyncio.Lock()

    def standing(self) -> Standing:
        """Say how this daemon stands, as far as it is known."""
        role, text = Role.STANDING_BY, self._trouble or self._lacking
        if self._why:
            role, text = Role.OVER, self._why
        elif self._own is not None:
            late = "" if self.left_s() > 0 else "the lease has not been renewed in time"
            role, text = Role.UNSURE if late else Role.LEADING, self._trouble or late
        return Standing(role, self.name, self._leader.name, self._ready, text)

    def left_s(self) -> float:
        """Return for how many seconds yet an effect may begin: the margin is taken off."""
        if self._own is None or self._why:
            return 0.0
        return self._end_s - self._now()

    async def confirm(self) -> None:
        """Ask etcd whether this daemon leads. Raise LateError unless it says so in time."""
        own, asked_s = self._own, self._now()
        if own is None or self._gateway is None:
            raise LateError("this daemon does not lead")
        if not self._why:
            try:
                async with asyncio.timeout(CONFIRM_S):
                    self._judge(await self._look(self._gateway), own)
            except (TimeoutError, DoctorError) as error:
                why = str(error) or f"no answer within {CONFIRM_S:g} s"
                raise LateError(f"it is not certain that this daemon leads: {why}") from None
        if self._why:
            raise LateError(f"this daemon leads no more: {self._why}")
        self.words.check()
        if self._now() - asked_s > CONFIRM_S:  # frozen meanwhile: what was read is of before
            raise LateError(f"etcd's answer was taken more than {CONFIRM_S:g} s after the question")

    async def over(self) -> str:
        """Wait until this daemon leads no more; return why."""
        await self._over.wait()
        return self._why

    async def release(self) -> None:
        """Let another lead, at once. Never raises."""
        self.end(RELEASED)
        async with self._releasing:
            own, self._own = self._own, None
            await self._stop()
            if own is not None and self._gateway is not None:
                with suppress(TimeoutError, DoctorError):
                    async with asyncio.timeout(RELEASE_S):
                        await handed_over(self._gateway, self._prefix, own)

    def begin(self, gateway: Gateway) -> None:
        """Have a lease from now on."""
        self._gateway = self.words.gateway = gateway
        self._task = asyncio.create_task(self._keep(gateway), name="etcd-lease")

    async def lease(self) -> int:
        """Return the lease, once there is one. Raise Conflict when it is all over."""
        await self._until(lambda: self._lease != 0)
        return self._lease

    async def stand_by(self, leader: Leader) -> None:
        """Wait for a while, or until the leader may have gone."""
        if leader != self._before:
            log.info("standing by", leader=leader.name, term=leader.term)
        if self._before is None:
            self.patient()
            self._wake.set()
        self._leader = self._before = leader
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self.gone.wait()
        self.gone.clear()

    async def lead(self, own: Own) -> None:
        """Take over what was claimed; return when it is certain for a time. The caller bounds it.

        Raise Conflict when it has ended meanwhile.
        """
        self._own, self._lease, self._end_s = own, own.lease, 0.0
        self._leader = Leader(self.name, self.id, own.claim.term)
        self._wake.set()
        await self._until(lambda: self.left_s() > 0)

    def ready(self, *, whole: bool, why: str) -> None:
        """Tell all whether this daemon could take over at once; `why` not, as far as known."""
        if whole is not self._whole:
            self._wake.set()
        self._whole, self._lacking = whole, why

    def end(self, why: str) -> None:
        """Lead no more. The first reason counts."""
        if self._why:
            return
        self._why = why
        for event in (self._over, self._news, self._wake, self.gone):
            event.set()
        self.ended(Conflict(why))

    async def close(self) -> None:
        """Let another lead, and have nothing of ours stand in etcd any more. Never raises."""
        await self.release()
        if self._gateway is not None and self._lease:
            with suppress(TimeoutError, DoctorError):
                async with asyncio.timeout(RELEASE_S):
                    await self._gateway.call("lease/revoke", {"ID": str(self._lease)})
            self._lease = 0

    def check(self) -> None:
        """Raise Conflict when it is all over."""
        if self._why:
            raise Conflict(self._why)

    async def _until(self, true: Callable[[], bool]) -> None:
        self.check()
        while not true():
            self._news.clear()
            await self._news.wait()
            self.check()

    async def _keep(self, gateway: Gateway) -> None:
        while not self._why:
            try:
                async with asyncio.timeout(TRIED * self._ttl_s):
                    await self._renewed(gateway)
                self._trouble, pause_s = "", RENEWED * self._ttl_s
            except (TimeoutError, DoctorError) as error:
                said = str(error) or gateway.failure
                if not self._trouble:
                    log.warning("the lease in etcd could not be renewed", error=said)
                self._trouble, pause_s = f"the lease could not be renewed: {said}", AGAIN_S
            except Exception as error:  # noqa: BLE001 - a bug must not leave it unsaid
                self.end(f"the lease is kept no more: {type(error).__name__}: {error}")
                return
            self._news.set()
            await self._rest(pause_s)

    async def _rest(self, pause_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._wake.wait()
        self._wake.clear()

    async def _renewed(self, gateway: Gateway) -> None:
        """Give etcd a sign of life, and see that it counts. Raise Temporary if it does not."""
        own, lease, sent_s = self._own, self._lease, self._now()
        if not lease:
            await self._granted(gateway)
            return
        answer = await gateway.call("lease/keepalive", {"ID": str(lease)})
        ttl_s = min(number(answer, "TTL"), BELIEVED_MAX_S)
        found = await self._look(gateway)
        self._leader, self._ready = leader_of(found.leader), found.ready(self.id)
        if own is not None:
            self._judge(found, own)
        elif not ttl_s and self._own is None:
            self._lease, self._shown = 0, None
            await self._granted(gateway)
            return
        if self._why or own is not self._own or lease != self._lease:
            return  # if it was claimed meanwhile the next sign is the first one of the leader
        if not ttl_s:
            raise Temporary("etcd knows nothing of the lease, and yet its keys are there")
        if number(answer["header"], "raft_term") != found.raft_term:
            raise Temporary("etcd's own leader has changed meanwhile")
        margin_s = max(MARGIN_MIN_S, MARGIN * ttl_s)
        self._ttl_s, self._end_s = ttl_s, max(self._end_s, sent_s + ttl_s - margin_s)
        await self._show(gateway)

    async def _granted(self, gateway: Gateway) -> None:
        answer = await gateway.call("lease/grant", {"TTL": str(self._asked_s)})
        ttl_s = min(number(answer, "TTL"), BELIEVED_MAX_S)
        if not ttl_s:
            raise Temporary("etcd has granted a lease of no length")
        if self._own is not None:
            return  # it was claimed meanwhile, with the lease of before, which is the one to keep
        self._lease, self._ttl_s = revision_of(answer, "ID"), ttl_s
        await self._show(gateway)

    async def _show(self, gateway: Gateway) -> None:
        """Have others know of this daemon, once it stands by or leads."""
        if self._before is None and self._own is None:
            return
        told = lease, daemon = self._lease, Daemon(self.name, self._started_s, ready=self._whole)
        if told == self._shown:
            return
        value = coded(packed(DAEMON.dumps(daemon)))
        key = coded(f"{self._prefix}{DAEMONS}{self.id}".encode())
        await gateway.call("kv/put", {"key": key, "value": value, "lease": str(lease)})
        self._shown = told

    async def _look(self, gateway: Gateway) -> Seen:
        found = seen(await gateway.call("kv/txn", look(self._prefix)), self._prefix)
        self.words.take(found.word, found.revision)
        return found

    def _judge(self, found: Seen, own: Own) -> None:
        """End where etcd shows that what was claimed before it was asked stands no more."""
        if why := why_over(own, self._prefix, found.term, found.leader):
            self.end(why)

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
