"""Many seeds, on every core, added up; and the least that they must have exercised.

A simulation that never reaches an edge or a fault proves nothing about it, so what was really
walked and what really struck is counted, printed, and compared with a committed minimum.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import structlog

from doctor_daemon.core.phases import SUCCESSORS
from tests.simulation.chronicle import Chronicle
from tests.simulation.faults import KINDS
from tests.simulation.story import ALONE, Verdict, tell

FAULTS_MIN = 3
"""How often each kind of fault must have struck in 300 seeds; more seeds, in proportion."""
EDGES = {(before.value, after.value) for before, to in SUCCESSORS.items() for after in to}
CHUNK = 10
ALONE_ONE_IN = 10


@dataclass
class Tally:
    """What a run of seeds has shown so far."""

    seeds: int = 0
    alone: int = 0
    """Seeds in which there was a single daemon; they are told beside."""
    violations: list[str] = field(default_factory=list)
    edges: set[tuple[str, str]] = field(default_factory=set)
    faults: Counter[str] = field(default_factory=Counter)
    boundaries: Counter[str] = field(default_factory=Counter)
    incidents: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        """Add one seed."""
        self.seeds += verdict.seed < ALONE
        self.alone += verdict.seed >= ALONE
        self.violations += [f"seed {verdict.seed}: {text}" for text in verdict.violations]
        self.edges |= {(before.value, after.value) for before, after in verdict.edges}
        self.faults += verdict.faults
        self.boundaries += verdict.boundaries
        self.incidents += verdict.incidents

    def missing(self) -> list[str]:
        """Say what was not exercised enough."""
        least = max(1, FAULTS_MIN * self.seeds // 300)
        rare = [kind for kind in KINDS if self.faults[kind] < least]
        faults = [f"fault {kind} struck {self.faults[kind]} times" for kind in rare]
        edges = [f"edge {a} -> {b} was never walked" for a, b in sorted(EDGES - self.edges)]
        return faults + edges

    def table(self) -> str:
        """Tell what was exercised."""
        rows = [f"  {kind:24} {self.faults[kind]:8}" for kind in KINDS]
        edges = [f"  {before} -> {after}" for before, after in sorted(self.edges)]
        passed = [f"  {name:40} {count:8}" for name, count in sorted(self.boundaries.items())]
        ends = ", ".join(f"{count} {phase}" for phase, count in self.incidents.most_common())
        return "\n".join(
            [
                "faults that struck:",
                *rows,
                f"edges walked ({len(self.edges)} of {len(EDGES)}):",
                *edges,
                "boundaries at which the daemon could die:",
                *passed,
                f"incidents: {sum(self.incidents.values())} ({ends})",
            ]
        )


def quiet() -> None:
    """Let the daemon's log go nowhere: a story is told by its timelines."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory(), processors=[_silence])


def _silence(logger: object, method: str, event: structlog.typing.EventDict) -> str:
    raise structlog.DropEvent


def _tell_some(seeds: Iterable[int]) -> list[Verdict]:
    quiet()
    verdicts = []
    for seed in seeds:
        verdict = tell(seed)
        verdict.story, verdict.chronicle = "", Chronicle()  # for whoever looks at one seed
        verdicts.append(verdict)
    return verdicts


def run(first: int, count: int, jobs: int | None = None) -> Iterator[Verdict]:
    """Run seeds on all cores; yield each verdict as it comes.

    For every ten of them there is one with a single daemon.
    """
    few = -(-count // ALONE_ONE_IN)
    spans = ((first, first + count), (ALONE + first, ALONE + first + few))
    begins = [(n, end) for begin, end in spans for n in range(begin, end, CHUNK)]
    chunks = [range(n, min(n + CHUNK, end)) for n, end in begins]
    with ProcessPoolExecutor(jobs or os.cpu_count()) as pool:
        for verdicts in pool.map(_tell_some, chunks):
            yield from verdicts


def progress(tally: Tally, count: int, began: float) -> None:
    """Show how far it is, where somebody looks."""
    if not sys.stderr.isatty() or tally.seeds % 20 or tally.alone:
        return
    spent_s = time.monotonic() - began
    left_s = spent_s / tally.seeds * (count - tally.seeds)
    sys.stderr.write(f"\r{tally.seeds}/{count} seeds, {left_s:.0f} s left ")
