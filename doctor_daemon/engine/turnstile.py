"""Fair turns: so many calls at a time in all, one host after the other, fewer when it is too much.

A host with five hundred servers must not make another one with five wait for all of them. How many
are let in follows what becomes of them, as TCP does it: a call that was not taken on, or took much
longer than is usual, halves the width, once for all that were begun before it; each that went well
widens it a little, up to the limit. So a Nova that is in trouble is asked less and less, and no
pause is ever a guess. How long is usual is learned only from calls that were taken on: to refuse
one takes no time, and would make every other one look slow.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

SLOW_S = 1.0
"""No call is slow that took less."""
SLOW_TIMES = 3.0
"""So many times as long as usual is slow."""
AHEAD_S, AHEAD_TIMES = 0.2, 8.0
"""As many may be ready as could be let in in so long, and at most so many times the width: where
calls are quick, to make one ready takes longer than the call."""
CROWD = 2
"""With so many times the width in line, no turn is left empty if one host's next come later."""
DRIFT = 0.25
"""How much of a longer time becomes usual with each call, while one is let in at a time: what is
slow even then is not so for our sake."""


class Turnstile:
    """Lets at most `limit` callers in at a time; those who wait are let in host by host."""

    def __init__(self, limit: int) -> None:
        """Begin with nobody inside, as wide as may be."""
        self._limit = limit
        self._width = float(limit)
        self._inside = 0
        self._narrowed = 0
        """How often it was made narrower."""
        self._usual_s: float | None = None
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def width(self) -> int:
        """How many are let in at a time, at present."""
        return int(self._width)

    @property
    def lined_up(self) -> int:
        """How many may be ready to come in: where calls are quick, more than are let in.

        To make one ready takes about as long as a quick call, and no turn is to be left empty.
        """
        if self._usual_s is None or self._usual_s >= SLOW_S:
            return self.width
        times = AHEAD_S / max(self._usual_s, AHEAD_S / AHEAD_TIMES)
        return self.width + int(self.width * max(times, 1.0))

    @property
    def crowded(self) -> bool:
        """Whether so many are in line that none who comes a little later is missed."""
        return sum(map(len, self._waiting.values())) >= CROWD * self.width

    def limit(self, limit: int) -> None:
        """Let in another number at most: fewer at once, more as the calls go well."""
        self._limit = limit
        self._width = min(self._width, float(limit))

    @asynccontextmanager
    async def turn(self, host: Hashable) -> AsyncIterator[Turn]:
        """Wait for a turn, and keep it while the block runs."""
        await self._enter(host)
        try:
            yield Turn(self, self._narrowed)
        finally:
            self._leave()

    def ended(self, narrowed: int, took_s: float, *, well: bool, taken: bool = True) -> None:
        """Learn from a call that was begun when it had been narrowed so often."""
        usual_s = took_s if self._usual_s is None else self._usual_s
        if well and took_s <= max(SLOW_S, SLOW_TIMES * usual_s):
            self._width = min(self._width + 1.0 / self._width, float(self._limit))
        elif narrowed == self._narrowed:  # the others of that time tell no more than this one
            self._width = max(self._width / 2.0, 1.0)
            self._narrowed += 1
        if well and taken:
            drift = DRIFT if self.width == 1 else 0.0
            self._usual_s = min(took_s, usual_s + drift * (took_s - usual_s))

    async def _enter(self, host: Hashable) -> None:
        if self._inside < self.width and not self._waiting:
            self._inside += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(host, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # it was let in at the moment at which it gave up
            raise

    def _leave(self) -> None:
        """Let in whoever is next, as far as there is room."""
        self._inside -= 1
        while self._waiting and self._inside < self.width:
            host, queue = self._waiting.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._waiting[host] = queue  # to the end: the other hosts come first
            if not turn.done():
                self._inside += 1
                turn.set_result(None)


class Turn:
    """One caller's turn, of which it may tell how its call went."""

    def __init__(self, turnstile: Turnstile, narrowed: int) -> None:
        """Remember how often the turnstile had been narrowed when it began."""
        self._turnstile = turnstile
        self._narrowed = narrowed

    def ended(self, took_s: float, *, well: bool, taken: bool = True) -> None:
        """Tell how long the call took, whether it was answered, and whether it was taken on."""
        self._turnstile.ended(self._narrowed, took_s, well=well, taken=taken)
