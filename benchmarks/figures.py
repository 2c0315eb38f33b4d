"""From measured times to figures.

Percentiles are nearest rank: each one is a time that was measured, none is made up between two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ENOUGH = 200
"""Incidents below which a p99 is called preliminary: it would rest on less than two of them."""


def percentile(values: Sequence[float], rank: float) -> float:
    """Return the smallest of the values that at least `rank` percent of them do not exceed."""
    if not values or not 0 < rank <= 100:  # noqa: PLR2004 - percent
        msg = f"no percentile {rank:g} of {len(values)} values"
        raise ValueError(msg)
    ordered = sorted(values)
    return ordered[math.ceil(rank / 100 * len(ordered)) - 1]


@dataclass(frozen=True, slots=True)
class Spread:
    """How measured times are spread."""

    n: int
    p50_s: float
    p99_s: float
    max_s: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of at least one value."""
        return cls(len(values), percentile(values, 50), percentile(values, 99), max(values))


def overhead_ratio(found_s: float, floor_s: float, hold_s: float) -> float:
    """Return how many times the floor's time was needed, the hold time left out of both."""
    return (found_s - hold_s) / (floor_s - hold_s)


def allowed_s(floor_s: float, hold_s: float) -> float:
    """Return the longest time that is wanted from evidence to forced-down, given the floor's."""
    return hold_s + 1.05 * (floor_s - hold_s) + 0.020
