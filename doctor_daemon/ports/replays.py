"""What was signed once counts once: the signed requests that were taken, over a restart too.

The wall clock counts here, and nowhere else: it is the only one that a sender shares with us.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Spent:
    """A signed request that has come: the name it has from its sender, and when it was signed.

    `signed_s` is in Unix seconds, by the sender's clock.
    """

    source: str
    nonce: str
    signed_s: int


@dataclass(frozen=True, slots=True)
class Floor:
    """Nothing of this source that was signed at or before this second is taken any more.

    What was spent until then need not be known one by one.
    """

    source: str
    signed_s: int


class Spending(Enum):
    """What became of an attempt to spend a signed request."""

    FIRST = auto()
    REPLAYED = auto()
    STALE = auto()
    """It was signed too long ago, or in the future, by our clock."""


class Replays(Protocol):
    """Remembers what was spent. When it says FIRST, that is durable."""

    async def spend(self, request: Spent, window_s: float) -> Spending:
        """Tell whether a request may be taken that was signed at most `window_s` from now.

        Raise Temporary when that could not be made durable in time, or there is no room.
        """
        ...
