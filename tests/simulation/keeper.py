"""`ports.leading.Leadership` of one daemon, by a lease in the store, as the shipped one keeps it.

It counts from when a sign of life was sent, by the daemon's own clock, less a margin. Signs are
given by a task of the daemon, which stands still with it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import ContextVar
from functools import partial

from doctor_daemon.errors import Conflict, LateError, Temporary
from doctor_daemon.ports.leading import Forbidden, Role, Standing
from tests.simulation.clocks import present_s
from tests.simulation.leases import LEASE_S, Lease, Seen
from tests.simulation.lines import Line

MARGIN_S = 2.0
RENEWED_S = 2.0
TRIED_S = 2.5
AGAIN_S = 0.2
CONFIRM_S = 1.0
CONFIRMED = ContextVar("when the store has confirmed it", default=-1e9)
"""When the store said last, for an effect, that its daemon leads."""
CLAIM_S, SAID_S, RELEASE_S = 4.0, 4.0, 3.0


class Keeper:
    """One daemon's right to act."""

    def __init__(self, lease: Lease, line: Line, name: str) -> None:
        self.name = name
        self.line = line
        self.words = Words(self)
        self.lease = lease
        self._term, self._end_s = 0, 0.0
        self._why, self._trouble = "", ""
        self._leader, self._ready = "", tuple[str, ...]()
        self._over, self._news = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def standing(self) -> Standing:
        role, text = Role.STANDING_BY, self._trouble
        if self._why:
            role, text = Role.OVER, self._why
        elif self._term:
            late = "" if self.left_s() > 0 else "the lease has not been renewed in time"
            role, text = Role.UNSURE if late else Role.LEADING, self._trouble or late
        return Standing(role, self.name, self._leader, self._ready, text)

    def left_s(self) -> float:
        return 0.0 if self._why or not self._term else self._end_s - self._now()

    def _now(self) -> float:
        return self.line.process.clock.now().boot_s

    async def confirm(self) -> None:
        if self._why or not self._term:
            raise LateError(f"this daemon does not lead: {self._why}")
        await self.line.at_the_door()
        asked_s, process = self._now(), self.line.process
        process.confirming += 1  # from here to the first byte its machine is not frozen
        try:
            found = await self.line.asked(partial(self.lease.seen, self), CONFIRM_S)
        except Temporary as error:
            raise LateError(f"it is not certain that this daemon leads: {error}") from None
        finally:
            process.confirming -= 1
        CONFIRMED.set(found.at_s)
        self._take(found)
        if self._why:
            raise LateError(f"this daemon leads no more: {self._why}")
        self.words.check()
        if self._now() - asked_s > CONFIRM_S:
            raise LateError("the answer was taken too late")

    async def over(self) -> str:
        await self._over.wait()
        return self._why

    async def release(self) -> None:
        self.end("the right to act was given up")
        self.stop()
        with suppress(Temporary):
            await self.line.asked(partial(self.lease.release, self), RELEASE_S)

    async def claimed(self) -> int:
        """Wait until this daemon leads, and return its term. Raise Conflict when it is over."""
        self.lease.ready[self] = self.name
        swarm = self.line.swarm
        while not self._term:
            await self.lease.free()
            await asyncio.sleep(swarm.seconds(0.0, 1.0))
            await self._claim()
        self._leader = self.name
        self._task = asyncio.create_task(self._keep())
        while self.left_s() <= 0:
            self.check()
            self._news.clear()
            await self._news.wait()
        return self._term

    async def _claim(self) -> None:
        """Claim what nobody has, again while nobody answers: it may be done already."""
        while True:
            with suppress(Temporary):
                self._term = await self.line.asked(partial(self.lease.claim, self), CLAIM_S)
                return
            await asyncio.sleep(AGAIN_S)

    def check(self) -> None:
        """Raise Conflict when it is over."""
        if self._why:
            raise Conflict(self._why)

    def end(self, why: str) -> None:
        """Lead no more. The first reason counts."""
        if not self._why:
            self._why = why
            self._over.set()
            self._news.set()

    def stop(self) -> None:
        """Give no sign of life any more."""
        if self._task is not None:
            self._task.cancel()

    async def _keep(self) -> None:
        while not self._why:
            sent_s = self._now()
            try:
                found = await self.line.asked(partial(self.lease.sign, self), TRIED_S)
            except Temporary as error:
                self._trouble = str(error)
                await asyncio.sleep(AGAIN_S)
                continue
            self._take(found)
            self._trouble = ""
            if not self._why:
                self._end_s = max(self._end_s, sent_s + LEASE_S - MARGIN_S)
            self._news.set()
            await asyncio.sleep(RENEWED_S)

    def _take(self, found: Seen) -> None:
        """Take what a look has shown: it may be that this daemon leads no more."""
        self._leader, self._ready = found.leader, found.ready
        self.words.take(found)
        if found.term != self._term:
            self.end(f"term {self._term} is over, and {found.leader or 'nobody yet'} leads")


class Words:
    """`ports.leading.Words`, learnt with each look."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._found: Forbidden | None = None
        self._revision = 0
        self._news = asyncio.Event()

    def take(self, found: Seen) -> None:
        """Take what a look has shown: looks overtake one another."""
        if found.revision >= self._revision:
            self._revision, self._found = found.revision, found.word
            if found.word is not None:
                self._news.set()

    def check(self) -> None:
        """Raise LateError where something was forbidden, and is not heeded yet."""
        if self._found is not None:
            raise LateError(f"nothing was sent: disarmed by {self._found.by}")

    async def forbid(self, by: str, why: str) -> None:
        lease, line = self._keeper.lease, self._keeper.line
        word = Forbidden(by, why, f"{self._keeper.name} {present_s()}")
        await line.asked(partial(lease.forbid, word), SAID_S)

    async def forbidden(self) -> Forbidden:
        while self._found is None:
            self._news.clear()
            await self._news.wait()
        return self._found

    async def heeded(self, word: Forbidden) -> None:
        lease, line = self._keeper.lease, self._keeper.line
        if self._found == word:
            revision = await line.asked(partial(lease.drop, word), SAID_S)
            if revision > self._revision:
                self._revision, self._found = revision, None
