"""`make bench`: measure all, print the table, write results.json."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import disk
from benchmarks.early import early
from benchmarks.evacuation import evacuated
from benchmarks.following import following
from benchmarks.forced import forced
from benchmarks.plan import FULL, LEAST, NONE, PROJECTS, QUICK, REALISTIC, Counts, Delays, Json
from benchmarks.results import Measured, Results
from doctor_daemon.core.policy import Policy

FIGURES = ("early", "forced", "evacuation")
RESULTS = Path(__file__).parent / "results.json"
ONE_CONSUMER_PROJECTS = 50


@dataclass(frozen=True, slots=True)
class Run:
    """What is to be measured, and how often."""

    counts: Counts
    figures: tuple[str, ...] = FIGURES
    projects: tuple[int, ...] = PROJECTS
    delays: tuple[Delays, ...] = (NONE, REALISTIC)

    async def results(self) -> Results:
        """Measure everything, one scene after the other."""
        effective: dict[str, Json] = {}
        measured = {}
        spread = disk.fdatasync(Path(tempfile.gettempdir()))
        for delays in self.delays:
            measured[delays.name] = await self._measured(delays, effective)
        return Results(
            quick=self.counts is not FULL,
            hold_s=Policy().off_hold_s,
            disk=spread,
            effective=effective,
            measured=measured,
            following=await following(),
        )

    async def _measured(self, delays: Delays, effective: dict[str, Json]) -> Measured:
        found = Measured()
        if "early" in self.figures:
            for projects in self.projects:
                _say(f"early notices of {projects} projects, delays {delays.name}")
                times, effective["early"] = await early(projects, delays, self.counts.early)
                found.early |= times
            if ONE_CONSUMER_PROJECTS in self.projects and delays is REALISTIC:
                _say(f"early notices to one consumer for all, delays {delays.name}")
                found.one_consumer, _ = await early(
                    ONE_CONSUMER_PROJECTS, delays, self.counts.early, one_consumer=True
                )
        if "forced" in self.figures:
            _say(f"forced_down, delays {delays.name}")
            way = await forced(delays, self.counts)
            found.forced, found.floor, effective["forced"] = (
                way.by_servers,
                way.floor,
                way.effective,
            )
        if "evacuation" in self.figures:
            _say(f"evacuations, delays {delays.name}")
            moved = await evacuated(delays, self.counts)
            found.evacuation, found.evacuation_floor = moved.daemon, moved.floor
            effective["evacuation"] = moved.effective
        return found


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def main() -> None:
    """Parse the command line, measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer incidents; the results say so")
    parser.add_argument("--least", action="store_true", help="one incident a figure")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--only", choices=FIGURES, action="append", help="these figures alone")
    words = parser.parse_args()
    counts = LEAST if words.least else QUICK if words.quick else FULL
    delays = (NONE, REALISTIC) if counts is FULL else (REALISTIC,)
    figures = tuple(words.only or FIGURES)
    results = asyncio.run(Run(counts, figures, delays=delays).results())
    results.write(words.out)
    print(results.table())


if __name__ == "__main__":
    main()
