"""What kills have found: how soon another one went on, as percentiles, and what was wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from tests.false_positives import results
from tests.false_positives.results import Row

CODE = ("doctor_daemon", "tests/takeovers")
SLACK_S = 2.0
"""A take-over may last so much longer than the lease, at the 99th percentile."""


def code(lease_s: int, daemons: int) -> str:
    """Name what is judged: the code, the lease and how many daemons there are."""
    return f"{results.code(CODE)} lease_s={lease_s} daemons={daemons}"


def times_s(found: Iterable[Row]) -> list[float]:
    """Return how long each take-over lasted, the shortest first; one that never came is endless."""
    each = (row["takeover_s"] for row in found)
    return sorted(math.inf if one is None else float(one) for one in each)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the least value that so many percent do not exceed: one that was measured."""
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def passed(found: Sequence[Row], lease_s: int) -> bool:
    """Tell whether nothing was wrong, and another one went on in time."""
    clean = bool(found) and not any(row["wrong"] for row in found)
    return clean and percentile(times_s(found), 99) <= lease_s + SLACK_S


def summary(found: Sequence[Row], lease_s: int) -> str:
    """Return the one line that says it all."""
    wrong = sum(bool(row["wrong"]) for row in found)
    if not found:
        return f"kills=0 lease_s={lease_s} violations=0"
    ordered = times_s(found)
    middle, high = percentile(ordered, 50), percentile(ordered, 99)
    return (
        f"kills={len(found)} takeover_p50_s={middle:.2f} p99_s={high:.2f} "
        f"max_s={ordered[-1]:.2f} lease_s={lease_s} violations={wrong}"
    )
