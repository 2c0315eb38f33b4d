"""Who may act, of several daemons that share one store.

A store that several daemons may open has an attribute `leadership`. Its `open` then waits until
this daemon leads; before that the others' state can be read, and nothing is written. One without
it belongs to a single daemon, which leads for as long as it runs.

Whoever has led and leads no more never leads again in the same process: what it had in mind is of
before. It ends, and is begun anew as one that stands by.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, cast


class Role(StrEnum):
    """What a daemon is among those that share its store."""

    STANDING_BY = "standing by"
    """Another leads, or nobody yet."""
    LEADING = "leading"
    UNSURE = "unsure"
    """It has led, and the store has not said for too long that it does: nothing is begun."""
    OVER = "over"
    """It leads no more, for good."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one daemon stands among all."""

    role: Role
    name: str
    """What this daemon is called."""
    leader: str = ""
    """Who leads; empty: nobody, or it is not known."""
    ready: tuple[str, ...] = ()
    """Who stands by and could take over at once, this one not among them."""
    text: str = ""
    """Why it is not as it should be; empty: it is."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """An operator's word, said to a daemon that stands by: nothing may be cut any more."""

    by: str
    why: str
    id: str


def leadership_of(store: object) -> Leadership | None:
    """Return what tells who leads; None: the store belongs to a single daemon."""
    return cast("Leadership | None", getattr(store, "leadership", None))


class Words(Protocol):
    """What is said to whoever leads, at a daemon that stands by."""

    async def forbid(self, by: str, why: str) -> None:
        """Have whoever leads begin nothing more until it has heeded this: a disarm, said elsewhere.

        From when this returns `confirm` raises there. Raise Temporary where it is not durable.
        """
        ...

    async def forbidden(self) -> Forbidden:
        """Wait until somebody has forbidden something that is not heeded yet; return it."""
        ...

    async def heeded(self, word: Forbidden) -> None:
        """Drop a word that is in force by now in what is saved. Raise Temporary, Conflict."""
        ...


class Leadership(Protocol):
    """The right to act, for a time that has to be renewed."""

    @property
    def words(self) -> Words:
        """What is said to whoever leads."""
        ...

    def standing(self) -> Standing:
        """Say how this daemon stands, as far as it is known."""
        ...

    def left_s(self) -> float:
        """Return for how many seconds yet an effect may begin; 0 or less: none may.

        The margin to the moment from which another may lead is taken off already.
        """
        ...

    async def confirm(self) -> None:
        """Ask the store once more whether this daemon leads. Raise LateError unless it says so.

        No clock of a machine that was frozen knows how long. The store does: so this is asked
        just before an effect.
        """
        ...

    async def over(self) -> str:
        """Wait until this daemon leads no more, for good; return why."""
        ...

    async def release(self) -> None:
        """Let another lead, at once: nothing is begun or saved from here on. Never raises."""
        ...
