"""The audit in memory: the lines in their order, and the ends of their chain."""

from __future__ import annotations

from collections.abc import Container, Sequence

from doctor_daemon.core.audit import ORIGIN, Line, Page, Row, chained

AUDIT_MAX = 200_000
"""Lines that are kept: the newest."""
AUDIT_PAGE_MAX = 1000
"""Lines of one answer."""


class Chain:
    """All lines that are kept. `most`: how many these may be."""

    def __init__(self, most: int = AUDIT_MAX) -> None:
        """Begin empty."""
        self._most = most
        self._anchor = self._last = ORIGIN
        self._rows: list[tuple[Row, float]] = []
        self._keys: dict[str, int] = {}

    def add(self, lines: Sequence[Line]) -> None:
        """Chain lines. One that is there already stays as it is."""
        new = unknown(lines, self._keys)
        for line, row in zip(new, chained(self._last, new), strict=True):
            self._rows.append((row, line.at.wall_s))
            self._keys[line.key] = row.number
            self._last = row.link

    def page(self, after: int, limit: int) -> Page:
        """Return lines after a number."""
        begin = max(0, after - self._anchor.number)
        most = max(0, min(limit, AUDIT_PAGE_MAX))
        rows = tuple(row for row, _ in self._rows[begin : begin + most])
        return Page(self._anchor, self._last, rows)

    def drop(self, horizon_s: float) -> None:
        """Drop the oldest: those before a moment of the wall clock, and what is too many."""
        count = _old(self._rows, horizon_s, len(self._rows) - self._most)
        if count:
            self._anchor = self._rows[count - 1][0].link
            del self._rows[:count]
            least = self._anchor.number
            self._keys = {key: n for key, n in self._keys.items() if n > least}


def unknown(lines: Sequence[Line], known: Container[str]) -> tuple[Line, ...]:
    """Return the lines that are not there yet, each once."""
    new = {line.key: line for line in lines}
    return tuple(line for key, line in new.items() if key not in known)


def _old(rows: Sequence[tuple[Row, float]], horizon_s: float, spare: int) -> int:
    """Return how many of the first are to go. Whatever comes after one that stays stays, too."""
    for number, (_, at_s) in enumerate(rows):
        if number >= spare and at_s >= horizon_s:
            return number
    return len(rows)
