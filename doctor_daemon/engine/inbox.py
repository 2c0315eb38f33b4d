"""What waits for a case: letters in the order in which they came, and when they are to be read.

Mostly that is at once. Where many hosts are evacuated, a step for each answer would be most of the
work, and what it has to send would only wait in line: so the answers to a batch are read together,
when the last one has come or a moment after the first. Nothing else waits for them, and whatever
else comes is read at once, and they with it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from doctor_daemon.core.evidence import Evidence
from doctor_daemon.core.messages import ASKING, Effect, EvacuateEnded, Observation, Wait

GATHER_S = 0.05
"""How long an answer may wait for the others of its batch: as long as one that a slow disk keeps.

A crash meanwhile has Nova asked what has become of them, as it does before any answer has come.
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """One observation for a case: of which effect it is the end, who waits, and what it covers."""

    observation: Observation
    effect: Effect | None = None
    saved: asyncio.Future[None] | None = None
    covered: tuple[Evidence, ...] = ()  # said before, and again by this: saved, and not folded

    @property
    def asked(self) -> bool:
        """Whether it is the answer to a question, or the end of a wait."""
        return isinstance(self.effect, (*ASKING, Wait))

    @property
    def answers(self) -> bool:
        """Whether it is the end of a request for one server: many come, and stop no other."""
        return isinstance(self.observation, EvacuateEnded)


class Inbox:
    """The letters of one case."""

    def __init__(self) -> None:
        """Begin with none."""
        self.letters: list[Letter] = []
        self.statements = 0
        """What the letters tell, with all that they cover."""
        self._readable = asyncio.Event()
        self._gathering: asyncio.TimerHandle | None = None

    def put(self, letter: Letter, *, gather: bool = False) -> None:
        """Add a letter. `gather`: others like it are about to come, and it is read with them."""
        self.letters.append(letter)
        self.statements += 1 + len(letter.covered)
        if not gather:
            self._readable.set()
        elif self._gathering is None:
            later = asyncio.get_running_loop().call_later
            self._gathering = later(GATHER_S, self._readable.set)

    async def wait(self) -> None:
        """Wait until there is something to be read."""
        await self._readable.wait()

    def take(self) -> list[Letter]:
        """Take all letters out."""
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        self._readable.clear()
        letters, self.letters, self.statements = self.letters, [], 0
        return letters
