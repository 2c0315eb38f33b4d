"""The right to change the world: it has whoever leads, and whose memory is known to be sound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from doctor_daemon.errors import LateError
from doctor_daemon.ports import Clock, Permit, Store
from doctor_daemon.ports.leading import Leadership, Role, leadership_of
from doctor_daemon.ports.soundness import soundness_of

PERMIT_S = 1.0
"""Gates and permit are at most this old when a call that changes the world is sent."""
CONFIRM_EVERY_S = 0.5
"""Between two questions who leads, while nobody can say."""
UNSEEN = "nothing was sent: what is stored is being looked through still"
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Right:
    """What a store gives. `term` is this daemon's, from the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Have none yet: `term` is set once the store is open."""
        self.term = 0
        self.stopping = False
        """Nothing that waits for its turn is begun any more."""
        self.taken_up = asyncio.Event()
        """All that was open is driven again: to read all that is stored keeps nobody from it."""
        self._store = store
        self._clock = clock

    @property
    def leadership(self) -> Leadership | None:
        """Who may act, of several daemons; None: there is one alone."""
        return leadership_of(self._store)

    def permit(self) -> Permit:
        """Give the right to change the world, for a moment. Raise LateError for who has none."""
        self._seen()
        left_s = PERMIT_S if self.leadership is None else self.leadership.left_s()
        if self.leadership is not None and left_s <= 0:
            why = self.leadership.standing().text or "it is not known whether this daemon leads"
            raise LateError(f"nothing was sent: {why}")
        return Permit(self.term, self._clock.now().plus(min(PERMIT_S, left_s)))

    async def led(self) -> None:
        """Wait while it is not certain that we lead: whoever does may have told others more."""
        while self.leadership is not None and self.leadership.left_s() <= 0:
            await self._clock.sleep_until(self._clock.now().plus(CONFIRM_EVERY_S))

    async def confirm(self) -> None:
        """Have it said that we lead, and that all that is stored is sound. Raise LateError.

        It is asked before the gates of whatever changes the world: a machine that was frozen
        meanwhile has no clock that knows. What is sent after it rests on a permit as well.
        """
        self._seen()
        await self.leading()

    async def leading(self) -> None:
        """Have the store say that we lead. Raise LateError unless it does."""
        if self.leadership is not None:
            await self.leadership.confirm()
            if self.leadership.left_s() <= 0:
                raise LateError("nothing was sent: the lease is nearly over")

    async def confirmed(self, waits: Callable[[], None] = lambda: None) -> None:
        """Wait until it is said. Raise LateError when we do not lead, or are to stop.

        While nobody can say nothing is given up: it waits, and is weighed anew after that. `waits`
        is told so, once.
        """
        told = False
        while True:
            try:
                await self.confirm()
                return
            except LateError as error:
                lead = self.leadership
                if lead is not None and lead.standing().role is Role.OVER:
                    raise
                if self.stopping:
                    raise LateError("nothing was sent: the daemon is stopping") from None
                if not told:
                    told = True
                    waits()
                    log.warning("nothing is begun before it is certain that it may", why=str(error))
            await self._clock.sleep_until(self._clock.now().plus(CONFIRM_EVERY_S))

    async def looked_through(self) -> None:
        """Wait for ever. Raise what is wrong with the store as soon as that is known."""
        soundness = soundness_of(self._store)
        if soundness is not None:
            await self.taken_up.wait()
            await soundness.ended()
        await asyncio.Event().wait()

    @property
    def sound(self) -> bool:
        """Whether it is known that all that is stored is sound."""
        soundness = soundness_of(self._store)
        return soundness is None or soundness.sound

    def _seen(self) -> None:
        """Raise LateError while that is not known."""
        if not self.sound:
            raise LateError(UNSEEN)
