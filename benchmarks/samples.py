"""How a daemon stands while it is soaked: its memory, its files and tasks, and what it has stored.

What the kernel knows is read below /proc, what the daemon counts is scraped, and the rows are
counted in the database, by a connection that only reads.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.scene import Scene
from benchmarks.traffic import Tally
from doctor_daemon.engine.keys import KEYS_MAX
from doctor_daemon.stores.retention import KEYS_MAX as KEYS_KEPT

SCRAPE_S = 1.0
TABLES = ("incidents", "notices", "evidence_keys", "entries", "audit")
_LINE = re.compile(r"^([a-z_]+)(?:\{[^}]*\})? ([0-9.e+-]+|NaN)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Sample:
    """The daemon after so many pieces of evidence."""

    pieces: int
    at_s: float
    """Since the first piece."""
    rate_per_s: float
    """Pieces a second, since the sample before."""
    rss_kib: int
    threads: int
    files: int
    """File descriptors."""
    tasks: int
    stored_bytes: int
    """The database and its log."""
    incidents: int
    """Rows that are kept, as the four below."""
    notices: int
    evidence_keys: int
    entries: int
    audit: int
    ended: int
    """Incidents that have ended, kept or not."""
    lag_max_s: float
    """The worst lag of the event loop that was seen since the sample before."""
    commit_s: float
    """How long a commit has taken on average, since the sample before."""
    bitten: bool
    """Whether everything that is bounded has begun to be dropped."""


@dataclass(slots=True)
class Series:
    """The samples of one run, taken while it goes on."""

    place: Scene
    tally: Tally
    every: int
    """A sample is taken after so many pieces."""
    age_s: float
    """How old evidence may be: for so long accusations are remembered."""
    samples: list[Sample] = field(default_factory=list)
    say: Callable[[Sample], None] = lambda _: None
    _began_s: float = field(default_factory=time.monotonic)
    _lag_s: float = 0.0
    _commits: tuple[float, float] = (0.0, 0.0)

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            found = await self.scraped()
            if self.tally.answered >= self.every * (len(self.samples) + 1):
                self.samples.append(await self._taken(found))
                self.say(self.samples[-1])
            await asyncio.sleep(SCRAPE_S)

    async def scraped(self) -> Mapping[str, float]:
        """Return the daemon's metrics, those of one name added up."""
        url = f"{self.place.configuration.metrics_url}/metrics"
        async with self.place.session.get(url, raise_for_status=True) as answer:
            text = await answer.text()
        found: dict[str, float] = {}
        for name, number in _LINE.findall(text):
            found[name] = found.get(name, 0.0) + float(number)
        self._lag_s = max(self._lag_s, found["doctor_loop_lag_seconds"])
        return found

    async def _taken(self, found: Mapping[str, float]) -> Sample:
        """Take a sample; what is taken since the one before begins anew."""
        status, files = of_process(self.place.daemon)
        path = self.place.configuration.database
        rows = await asyncio.to_thread(_rows, path)
        now_s, pieces, ended = time.monotonic(), self.tally.answered, len(self.tally.ended)
        before = self.samples[-1] if self.samples else None
        since_s = now_s - self._began_s - (before.at_s if before else 0.0)
        total = (found["doctor_commit_seconds_sum"], found["doctor_commit_seconds_count"])
        took_s, commits = (now - then for now, then in zip(total, self._commits, strict=True))
        lag_s, self._lag_s, self._commits = self._lag_s, 0.0, total
        at_s = now_s - self._began_s
        return Sample(
            pieces=pieces,
            at_s=at_s,
            rate_per_s=(pieces - (before.pieces if before else 0)) / since_s,
            rss_kib=status["VmRSS"],
            threads=status["Threads"],
            files=files,
            tasks=int(found["doctor_tasks"]),
            stored_bytes=_stored(path),
            ended=ended,
            lag_max_s=lag_s,
            commit_s=took_s / commits if commits else 0.0,
            bitten=at_s > self.age_s and self._dropped(rows, ended),
            **rows,
        )

    def _dropped(self, rows: Mapping[str, int], ended: int) -> bool:
        """Tell whether the oldest of everything has been dropped by now."""
        remembered = all(self.tally.alive[one] > KEYS_MAX for one in self.tally.alive)
        return remembered and rows["incidents"] < ended and self.tally.ids > KEYS_KEPT


def of_process(pid: int) -> tuple[dict[str, int], int]:
    """Return what /proc says of a process: numbers of its status, and its file descriptors."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    pairs = (line.partition(":") for line in lines)
    words = {name: value.split() for name, _, value in pairs}
    numbers = {name: int(some[0]) for name, some in words.items() if some and some[0].isdigit()}
    return numbers, len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _stored(path: Path) -> int:
    """Return the bytes of a database and its log."""
    return sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*"))


def _rows(path: Path) -> dict[str, int]:
    """Count rows."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        asked = (f"SELECT count(*) FROM {table}" for table in TABLES)  # noqa: S608 - our own words
        counts = [connection.execute(one).fetchone()[0] for one in asked]
    return dict(zip(TABLES, counts, strict=True))
