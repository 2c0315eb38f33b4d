"""One order about Cinder, carried out: read before, sent once, read back, and judged by that.

The gates are asked once more just before each request, and its permit is of that moment: reading
before may have taken its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from doctor_daemon.core.log_levels import LogScope
from doctor_daemon.core.log_levels import judged as judged_levels
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volumes import (
    FROZEN,
    End,
    Finding,
    Target,
    VolumeAct,
    VolumeService,
    Wish,
    already,
    holds,
    judged,
    refusal,
    settled,
    undone,
)
from doctor_daemon.errors import DoctorError, LateError, Temporary
from doctor_daemon.ports import Permit, Storage
from doctor_daemon.ports.storage import Answer


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what is waited for, in seconds."""

    question_s: float = 10.0
    """How long a question may take. An order takes the time that it takes."""
    pauses_s: Sequence[float] = (0.0, 0.5, 1.0, 2.0)
    """Before each time that is looked whether an order has come true."""
    failover_s: float = 300.0
    failover_every_s: float = 2.0
    """How long a failover is followed, and how often it is looked at."""


@dataclass(frozen=True, slots=True)
class LevelWish:
    """An order to set a log level."""

    scope: LogScope
    level: str


@dataclass(frozen=True, slots=True)
class Errand:
    """How orders are carried out. `shut` says why one may not be now; `permit` gives the right."""

    storage: Storage
    shut: Callable[[Wish | LevelWish], str]
    permit: Callable[[], Permit]
    patience: Patience = field(default_factory=Patience)

    async def done(self, wish: Wish | LevelWish) -> Finding:
        """Carry an order out. Raise a DoctorError where it was sent and cannot be read back."""
        if isinstance(wish, LevelWish):
            return await self._leveled(wish)
        try:
            before = await self._rows(wish.target)
        except DoctorError as error:
            return Finding(End.REFUSED, f"nothing was sent: {error}")
        if why := refusal(wish, before):
            return Finding(End.REFUSED, why)
        if finding := already(wish, before):
            return finding
        answer = await self._sent(wish, lambda: self._send(wish))
        if answer[0] is Outcome.UNSENT:
            return judged(wish, answer, before)
        after = await self._read_back(wish, answer)
        return await self._given_back(wish, before, after, judged(wish, answer, after))

    async def _sent(self, wish: Wish | LevelWish, send: Callable[[], Awaitable[Answer]]) -> Answer:
        if why := self.shut(wish):
            return Outcome.UNSENT, why
        try:
            return await send()
        except LateError as error:
            return Outcome.UNSENT, str(error)

    def _send(self, wish: Wish) -> Awaitable[Answer]:
        storage, permit, target = self.storage, self.permit(), wish.target
        match wish.act:
            case VolumeAct.DISABLE:
                return storage.disable(target, wish.reason, permit)
            case VolumeAct.ENABLE:
                return storage.enable(target, permit)
            case VolumeAct.FREEZE:
                return storage.freeze(target, permit)
            case VolumeAct.THAW:
                return storage.thaw(target, permit)
            case VolumeAct.FAILOVER:
                return storage.fail_over(target, wish.to, permit)

    async def _rows(self, target: Target) -> Sequence[VolumeService]:
        return target.of(await self.storage.services(target.host, target.binary))

    async def _read_back(self, wish: Wish, answer: Answer) -> Sequence[VolumeService]:
        """Read until the wish holds or nothing more is to come. Raise the last read's error."""
        rows: Sequence[VolumeService] = ()
        failed: DoctorError | None = None
        for pause_s in self.patience.pauses_s:
            await asyncio.sleep(pause_s)
            try:
                rows, failed = await self._rows(wish.target), None
            except DoctorError as error:
                failed = error
                continue
            if holds(wish, rows) or answer[0] is Outcome.REFUSED or not settled(wish, rows):
                break
        if failed is not None:
            raise failed
        return rows if settled(wish, rows) else await self._at_rest(wish, rows)

    async def _at_rest(self, wish: Wish, rows: Sequence[VolumeService]) -> Sequence[VolumeService]:
        """Follow a failover to its end, or as long as is reasonable."""
        patience = self.patience
        for _ in range(int(patience.failover_s / patience.failover_every_s)):
            await asyncio.sleep(patience.failover_every_s)
            try:
                rows = await self._rows(wish.target)
            except Temporary:
                continue  # asked again, and in the end what was read last counts
            if settled(wish, rows):
                break
        return rows

    async def _given_back(
        self,
        wish: Wish,
        before: Sequence[VolumeService],
        after: Sequence[VolumeService],
        finding: Finding,
    ) -> Finding:
        """Disable again what somebody had disabled and this order has enabled by the way."""
        for row, reason in undone(wish, before, after):
            again = Wish(VolumeAct.DISABLE, Target(row.host, row.binary), reason=reason)
            had = f"{finding.text}; {row.host} had been disabled ({row.reason or 'no reason'})"
            if why := await self._disabled_again(again):
                lost = f"{had}, and is so no more: {why}"
                finding = Finding(End.NOT_ACHIEVED, lost, f"disable {row.host} again")
            else:
                finding = Finding(finding.end, f"{had}, and is so again", finding.advice)
        return finding

    async def _disabled_again(self, wish: Wish) -> str:
        """Disable, for the reason that was lost; say why that cannot be. Empty: it is so."""
        answer = await self._sent(wish, lambda: self._send(wish))
        try:
            rows = await self._read_back(wish, answer)
        except DoctorError as error:
            return str(error)
        return "" if holds(wish, rows) and rows[0].reason != FROZEN else answer[1]

    async def _leveled(self, wish: LevelWish) -> Finding:
        """Set a level. The services take it from their queues, so it is looked at several times."""
        storage = self.storage
        answer = await self._sent(
            wish, lambda: storage.set_log_level(wish.scope, wish.level, self.permit())
        )
        finding = judged_levels(wish.scope, wish.level, answer, ())
        for pause_s in self.patience.pauses_s if finding.end is not End.REFUSED else ():
            await asyncio.sleep(pause_s)
            found = await storage.log_levels(wish.scope)
            finding = judged_levels(wish.scope, wish.level, answer, found)
            if finding.end is End.ACHIEVED:
                break
        return finding
