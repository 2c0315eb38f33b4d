"""The lab's time: CLOCK_MONOTONIC, and a wall clock that follows it.

Everything is stamped with CLOCK_MONOTONIC, so that the record of the lab and the log of a daemon on
the same machine can be laid side by side. The wall time that the services print is counted on from
one anchor: a step of the machine's clock in mid-test changes nothing.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=4096)
def _second(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Clock:
    """Seconds of CLOCK_MONOTONIC, and how each service of OpenStack writes them."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now(self) -> float:
        return time.monotonic()

    def second(self, at_s: float) -> str:
        """`2026-11-21T04:30:02.000000`: how Nova prints a time read back from its database."""
        return _second(int(at_s + self._offset_s)) + ".000000"

    def exact(self, at_s: float) -> str:
        """`2026-11-21T04:30:02.123456`: how Nova prints a time it has just written."""
        unix_s = at_s + self._offset_s
        return f"{_second(int(unix_s))}.{int(unix_s % 1 * 1e6):06d}"

    def zulu(self, at_s: float) -> str:
        """`2026-11-21T04:30:02Z`: how Nova prints a server's times."""
        return _second(int(at_s + self._offset_s)) + "Z"

    def floor(self, at_s: float) -> float:
        """Cut to the wall clock's whole second: what a database keeps of a time."""
        return math.floor(at_s + self._offset_s) - self._offset_s

    def read(self, text: str) -> float:
        """Read an ISO 8601 time, UTC if it names no zone. Raises ValueError."""
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.timestamp() - self._offset_s
