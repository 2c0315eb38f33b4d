"""The results: what was found beside what is wanted, as JSON and as a table."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import ENOUGH, Spread, allowed_s, overhead_ratio, percentile
from benchmarks.following import Following
from benchmarks.plan import REALISTIC, Json

EARLY_WANTED_S: Mapping[str, float] = {"50/5": 0.010, "50/50": 0.040, "500/50": 0.050}
EVACUATION_WANTED = 1.2
BESIDE = ("heartbeat", "end_to_end", "storm", "soak", "restart")
"""Keys of the file that are written by programs of their own."""
Times = Mapping[str, Sequence[float]]
"""Seconds by cell, or by number of servers."""


@dataclass(slots=True)
class Measured:
    """All times that were measured with one set of delays."""

    early: dict[str, list[float]] = field(default_factory=dict)
    one_consumer: dict[str, list[float]] = field(default_factory=dict)
    forced: dict[str, list[float]] = field(default_factory=dict)
    floor: list[float] = field(default_factory=list)
    evacuation: list[float] = field(default_factory=list)
    evacuation_floor: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Line:
    """One figure beside what is wanted. `n` is the number of incidents that it rests on."""

    what: str
    found: float
    wanted: float
    n: int
    unit: str = "s"

    @property
    def verdict(self) -> str:
        """Say whether it is good, and whether that can be known."""
        met = "met" if self.found <= self.wanted else "not met"
        p99 = "p99" in self.what
        return f"{met}, preliminary" if p99 and self.n < ENOUGH else met


@dataclass(frozen=True, slots=True)
class Results:
    """One run."""

    quick: bool
    hold_s: float
    disk: Spread
    effective: Mapping[str, Json]
    """Figure -> the configuration that the daemon had."""
    measured: Mapping[str, Measured]
    """Name of the delays -> times."""
    following: Sequence[Following] = ()

    def lines(self) -> Iterator[Line]:
        """Yield everything that something is wanted of."""
        for name, found in self.measured.items():
            for cell, wanted_s in EARLY_WANTED_S.items():
                if times := found.early.get(cell):
                    what = f"early notice p99, {cell}, delays {name}"
                    yield Line(what, percentile(times, 99), wanted_s, len(times))
            for servers, times in found.forced.items():
                yield self._forced(name, servers, times, percentile(found.floor, 99))
            if found.evacuation:
                ratio = percentile(found.evacuation, 50) / percentile(found.evacuation_floor, 50)
                what = f"last evacuation POST / floor, p50, delays {name}"
                yield Line(what, ratio, EVACUATION_WANTED, len(found.evacuation), "x")

    def _forced(self, name: str, servers: str, times: Sequence[float], floor_s: float) -> Line:
        what = f"forced_down - hold p99, {servers} servers, delays {name}"
        wanted_s = allowed_s(floor_s, self.hold_s) - self.hold_s
        return Line(what, percentile(times, 99) - self.hold_s, wanted_s, len(times))

    def data(self) -> Json:
        """Return what is written: the figures by which runs are compared first."""
        return {
            "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {
                "cpus": os.cpu_count(),
                "load_1min_at_end": os.getloadavg()[0],
                "system": f"{platform.system()} {platform.release()} {platform.machine()}",
                "python": platform.python_version(),
            },
            "quick": self.quick,
            "hold_s": self.hold_s,
            "fdatasync_p99_s": self.disk.p99_s,
            "early_notice_p99_s": self._early(),
            "forced_down_over_floor": self._over_floor(),
            "evacuation_over_floor": self._evacuation_over_floor(),
            "following_requests": [asdict(one) for one in self.following],
            "wanted": [{**asdict(line), "verdict": line.verdict} for line in self.lines()],
            "fdatasync": asdict(self.disk),
            "delays": {name: _spreads(found) for name, found in self.measured.items()},
            "effective_configuration": dict(self.effective),
        }

    def _early(self) -> dict[str, float]:
        """Return the p99 of each cell, the worst of all delays."""
        found: dict[str, float] = {}
        for one in self.measured.values():
            for cell, times in one.early.items():
                found[cell] = max(percentile(times, 99), found.get(cell, 0.0))
        return found

    def _over_floor(self) -> dict[str, float]:
        """Return the ratio of the p99, without the hold time, with realistic delays."""
        found = self.measured.get(REALISTIC.name) or Measured()
        return {
            servers: overhead_ratio(percentile(times, 99), percentile(found.floor, 99), self.hold_s)
            for servers, times in found.forced.items()
        }

    def _evacuation_over_floor(self) -> float | None:
        found = self.measured.get(REALISTIC.name) or Measured()
        if not found.evacuation:
            return None
        return percentile(found.evacuation, 50) / percentile(found.evacuation_floor, 50)

    def write(self, path: Path) -> None:
        """Write the JSON. What other benchmarks have put beside it stays."""
        kept = json.loads(path.read_text()) if path.exists() else {}
        beside = {name: kept[name] for name in BESIDE if name in kept}
        path.write_text(json.dumps({**self.data(), **beside}, indent=1) + "\n")

    def table(self) -> str:
        """Return the table that is printed."""
        rows = [("figure", "n", "p50", "p99", "max"), *self._rows()]
        parts = [_aligned(rows), f"hold time, in every forced_down above: {self.hold_s:g} s"]
        if self.following:
            head = ("following a round", "hosts", "requests", "more pages")
            parts.append(_aligned([head, *(_followed(one) for one in self.following)]))
        wanted = [("wanted", "verdict", "found", "at most", "n")]
        wanted += [
            (
                line.what,
                line.verdict,
                _number(line.found, line.unit),
                _number(line.wanted, line.unit),
                str(line.n),
            )
            for line in self.lines()
        ]
        parts.append(_aligned(wanted, words=2))
        if self.quick:
            parts.append("A quick run: too few incidents for any p99 to be relied upon.")
        return "\n\n".join(parts)

    def _rows(self) -> Iterator[tuple[str, ...]]:
        yield _row("fdatasync of the disk", self.disk)
        for name, found in self.measured.items():
            for what, times in _named(found):
                yield _row(f"{what}, delays {name}", Spread.of(times))


def _named(found: Measured) -> Iterator[tuple[str, Sequence[float]]]:
    for cell, times in found.early.items():
        yield f"early notice {cell}", times
    for cell, times in found.one_consumer.items():
        yield f"early notice {cell}, one consumer for all", times
    for servers, times in found.forced.items():
        yield f"forced_down {servers} servers", times
    for what, times in (
        ("forced_down floor", found.floor),
        ("last evacuation POST", found.evacuation),
        ("last evacuation POST floor", found.evacuation_floor),
    ):
        if times:
            yield what, times


def _spreads(found: Measured) -> Json:
    return {what: asdict(Spread.of(times)) for what, times in _named(found)}


def _row(what: str, spread: Spread) -> tuple[str, ...]:
    times = (spread.p50_s, spread.p99_s, spread.max_s)
    return (what, str(spread.n), *(_number(time, "s") for time in times))


def _followed(one: Following) -> tuple[str, ...]:
    counts = (one.hosts, one.requests, one.more_pages)
    return (f"{one.evacuations} evacuations", *map(str, counts))


def _number(value: float, unit: str) -> str:
    return f"{value:.2f} x" if unit == "x" else f"{value * 1000:.1f} ms"


def _aligned(rows: Sequence[tuple[str, ...]], words: int = 1) -> str:
    """Put rows under one another: the first columns are words, to the left; then numbers."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(_cells(row, widths, words)).rstrip() for row in rows)


def _cells(row: Sequence[str], widths: Sequence[int], words: int) -> Iterator[str]:
    for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.ljust(width) if place < words else cell.rjust(width)
