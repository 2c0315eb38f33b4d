"""How long a host may be silent before that means anything.

Two measures, and the longer one counts. Consecutive misses: so many expected beats have not come,
and half an interval has passed besides. Phi accrual (Hayashibara et al., SRDS 2004): by the gaps
between the host's last beats, taken for normally distributed, so long a gap has a chance of less
than 10 to the minus phi. The window is bounded. The deviation has a floor, as Akka and Cassandra
give it one: beats that came like clockwork for a minute would otherwise be accused for a hair.

Solved for the gap, phi needs no arithmetic while beats arrive: it is the mean and so many
deviations, and the number of deviations is the same for all.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass

WINDOW = 64
"""Gaps that are remembered of a host."""
DEVIATION_MIN = 0.25
"""The deviation's floor, in intervals."""
GAP_MAX = 8
"""A gap counts as so many intervals at most: our own pause must not make us deaf for a minute."""
TOLERANCE = 0.5
"""Intervals by which a beat may be late and is not missed."""
_SEARCH = 60


@dataclass(frozen=True, slots=True)
class Patience:
    """The rules, the same for all hosts."""

    misses: int = 4
    deviations: float = 5.612
    """What phi comes to: see `deviations`."""
    longest_s: float = 30.0
    """However irregular a host's beats were; but never below its misses."""
    leaving_s: float = 300.0
    """For an agent that said that it is being stopped."""

    def limit_s(self, rhythm: Rhythm, *, leaving: bool = False) -> float:
        """Return how long a host of this rhythm may be silent."""
        missed_s = (self.misses + TOLERANCE) * rhythm.interval_s
        unlikely_s = rhythm.mean_s() + self.deviations * rhythm.deviation_s()
        limit_s = max(missed_s, min(unlikely_s, self.longest_s))
        return max(limit_s, self.leaving_s) if leaving else limit_s


def deviations(phi: float) -> float:
    """Return how many deviations above the mean a gap's chance is 10 to the minus phi."""
    low, high = 0.0, 40.0
    for _ in range(_SEARCH):
        middle = (low + high) / 2
        chance = 0.5 * math.erfc(middle / math.sqrt(2))
        low, high = (middle, high) if chance > 10**-phi else (low, middle)
    return high


class Rhythm:
    """The gaps between one host's last beats. Its sums are kept, so a beat costs the same always.

    `hearing` writes the fields itself: a call for each datagram is what cannot be had twice.
    """

    __slots__ = ("at", "gap_max_s", "gaps", "interval_s", "squares", "total_s")

    def __init__(self, interval_s: float) -> None:
        """Begin with what the host says of itself."""
        self.gaps = array("d", bytes(8 * WINDOW))
        self.begin(interval_s)

    def begin(self, interval_s: float) -> None:
        """Forget the gaps: a host that returns, or beats in another interval, has a new rhythm."""
        self.interval_s = interval_s
        self.gap_max_s = GAP_MAX * interval_s
        for place in range(WINDOW):
            self.gaps[place] = interval_s
        self.count()

    def count(self) -> None:
        """Add up anew: what is kept up gap by gap drifts."""
        self.at = 0
        self.total_s = sum(self.gaps)
        self.squares = sum(gap * gap for gap in self.gaps)

    def note(self, gap_s: float) -> None:
        """Remember one gap."""
        new_s = min(gap_s, self.gap_max_s)
        old_s = self.gaps[self.at]
        self.gaps[self.at] = new_s
        self.total_s += new_s - old_s
        self.squares += new_s * new_s - old_s * old_s
        self.at += 1
        if self.at == WINDOW:
            self.count()

    def mean_s(self) -> float:
        """Return the mean gap."""
        return self.total_s / WINDOW

    def deviation_s(self) -> float:
        """Return the gaps' standard deviation, and its floor where that is more."""
        mean_s = self.mean_s()
        found_s = math.sqrt(max(self.squares / WINDOW - mean_s * mean_s, 0.0))
        return max(found_s, DEVIATION_MIN * self.interval_s)
