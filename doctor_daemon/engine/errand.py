"""One order about Cinder, carried out: read before, sent once, read back, and judged by that.

The gates are asked once more just before each request, and its permit is of that moment: reading
before may have taken its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from doctor_daemon.core.log_levels import LevelWish
from doctor_daemon.core.log_levels import judged as judged_levels
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volume_orders import LEFT, LOOK, mourned, unread
from doctor_daemon.core.volumes import (
    FROZEN,
    End,
    Finding,
    Target,
    VolumeAct,
    VolumeService,
    Wish,
    already,
    at_risk,
    holds,
    judged,
    refusal,
    settled,
    undone,
)
from doctor_daemon.engine.reservations import Sends
from doctor_daemon.errors import DoctorError, LateError, Temporary
from doctor_daemon.ports import Permit, Storage
from doctor_daemon.ports.storage import Answer

Rows = Sequence[VolumeService]


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
    quieting_every_s: float = 5.0
    """How often it is looked whether raised log levels are to be put back."""


async def _unnoted(_: Rows) -> None:
    return


def _fit(_: Rows) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Errand:
    """How orders are carried out. `shut` says why one may not be now; `permit` gives the right."""

    storage: Storage
    shut: Callable[[Wish | LevelWish], str]
    permit: Callable[[], Permit]
    confirmed: Callable[[], Awaitable[None]]
    """Raises LateError unless we lead still."""
    patience: Patience = field(default_factory=Patience)
    noted: Callable[[Rows], Awaitable[None]] = _unnoted
    """Save the services whose disabling is at risk, before anything is sent."""
    unfit: Callable[[Rows], str] = _fit
    """Say why an order does not fit what has just been read of its target; empty: it does."""
    sends: Sends = field(default_factory=Sends)
    """Where its requests are counted, while they are on their way."""

    async def done(self, wish: Wish | LevelWish) -> Finding:
        """Carry an order out."""
        if isinstance(wish, LevelWish):
            return await self._leveled(wish)
        try:
            before = await self._rows(wish.target)
        except DoctorError as error:
            return Finding(End.REFUSED, f"nothing was sent: {error}")
        if why := refusal(wish, before) or self.unfit(before):
            return Finding(End.REFUSED, why)
        if finding := already(wish, before):
            return finding
        if risked := at_risk(wish, before):
            try:
                await self.noted(risked)
            except DoctorError as error:
                return Finding(End.REFUSED, f"nothing was sent: {error}")
        answer = await self._sent(wish, lambda: self._send(wish))
        if answer[0] is Outcome.UNSENT:
            return judged(wish, answer, before)
        try:
            after = await self._read_back(wish, answer)
        except DoctorError as error:
            return unread(wish, before, answer, str(error))
        return await self._given_back(wish, before, after, judged(wish, answer, after))

    async def left(self, wish: Wish | LevelWish, kept: Rows) -> Finding:
        """Say what has become of an order of which only the beginning is known. Send nothing."""
        if isinstance(wish, LevelWish):
            return await self._levels_read(wish, LEFT)
        try:
            rows = await self._read_back(wish, LEFT)
        except DoctorError as error:
            return unread(wish, kept, LEFT, str(error))
        return mourned(judged(wish, LEFT, rows), wish, kept, rows)

    async def _sent(self, wish: Wish | LevelWish, send: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            await self.confirmed()
            if why := self.shut(wish):
                return Outcome.UNSENT, why
            with self.sends:
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

    async def _rows(self, target: Target) -> Rows:
        return target.of(await self.storage.services(target.host, target.binary))

    async def _read_back(self, wish: Wish, answer: Answer) -> Rows:
        """Read until the wish holds or nothing more is to come. Raise the last read's error."""
        rows: Rows = ()
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

    async def _at_rest(self, wish: Wish, rows: Rows) -> Rows:
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
        before: Rows,
        after: Rows,
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
        so = holds(wish, rows) and all(row.reason != FROZEN for row in rows)
        return "" if so else answer[1] or "Cinder has not said why"

    async def _leveled(self, wish: LevelWish) -> Finding:
        storage = self.storage
        answer = await self._sent(
            wish, lambda: storage.set_log_level(wish.scope, wish.level, self.permit())
        )
        return await self._levels_read(wish, answer)

    async def _levels_read(self, wish: LevelWish, answer: Answer) -> Finding:
        """Read levels back. The services take one from their queues: it is looked several times."""
        finding = judged_levels(wish.scope, wish.level, answer, ())
        for pause_s in self.patience.pauses_s if finding.end is not End.REFUSED else ():
            await asyncio.sleep(pause_s)
            try:
                found = await self.storage.log_levels(wish.scope)
            except DoctorError as error:
                text = f"{answer[1]}; it could not be read back: {error}"
                return Finding(End.UNKNOWN, text, LOOK)
            finding = judged_levels(wish.scope, wish.level, answer, found)
            if finding.end is End.ACHIEVED:
                break
        return finding
