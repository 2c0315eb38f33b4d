"""Whether a series is flat: its last third beside the third before, once retention bites.

Before that everything grows, as it is meant to. The median of a third stands for it: what is
dropped now and then makes a saw's teeth of every number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.samples import Sample

LEAST = 12
"""Samples after retention bites, below which nothing is said of a growth."""


@dataclass(frozen=True, slots=True)
class Bound:
    """How much more the last third may have: a share of the third before, and so much besides."""

    share: float
    besides: float

    def allowed(self, before: float) -> float:
        """Return the most that there may be."""
        return before * (1 + self.share) + self.besides


BOUNDS: Mapping[str, Bound] = {
    "rss_kib": Bound(0.02, 2048),
    "files": Bound(0.1, 4),  # connections are kept for a while, and let go
    "threads": Bound(0.0, 1),
    "tasks": Bound(0.1, 10),
    "stored_bytes": Bound(0.02, 4 * 1024 * 1024),
}
"""Of what a daemon could run out of."""


@dataclass(frozen=True, slots=True)
class Growth:
    """One number in the third before, and in the last third."""

    what: str
    before: float
    after: float
    allowed: float

    @property
    def flat(self) -> bool:
        """Whether it has not grown by more than its bound."""
        return self.after <= self.allowed


def bitten(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Return the samples from when on retention bites."""
    first = next((n for n, one in enumerate(samples) if one.bitten), len(samples))
    return samples[first:]


def growths(samples: Sequence[Sample]) -> list[Growth]:
    """Compare the last two thirds of what was sampled since retention bites; none: too little."""
    since = bitten(samples)
    if len(since) < LEAST:
        return []
    third = len(since) // 3
    last, before = since[-third:], since[-2 * third : -third]
    return [_growth(what, before, last) for what in BOUNDS]


def _growth(what: str, before: Sequence[Sample], last: Sequence[Sample]) -> Growth:
    was = float(median(getattr(one, what) for one in before))
    now = float(median(getattr(one, what) for one in last))
    return Growth(what, was, now, BOUNDS[what].allowed(was))


def verdict(found: Sequence[Growth]) -> str:
    """Say whether all is flat. What is not known is not flat."""
    if not found:
        return "not known: retention has bitten too late, or not at all"
    grown = [one.what for one in found if not one.flat]
    return f"not met: {', '.join(grown)} has grown" if grown else "met"
