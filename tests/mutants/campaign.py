"""Try many mutants, each in a process of its own, some at a time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from tests.mutants.mutate import Mutant, mutants
from tests.mutants.trial import End, Task

CORE = Path("doctor_daemon", "core")
TESTS = Path("tests", "core")
LAST = "test_properties.py"
"""The slowest of the core's tests."""
SLACK = 4
"""A trial may take so many times what the original takes, on a machine that is busy."""
SPARE_S = 30.0
TAIL = 3000


class BrokenError(Exception):
    """The original does not pass, or a trial has failed by itself: the figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every trial of a campaign."""

    seeds: int
    edges: Sequence[str] = ()
    limit_s: float = 600.0
    tests: Sequence[Path] = ()
    """Only these files of tests; else all of the core."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one mutant; `by` is empty when it survived."""

    mutant: Mutant
    by: str


ENDS = {
    End.SURVIVED: "",
    End.BY_TESTS: "tests",
    End.BY_SEEDS: "seeds",
    End.BY_STANDSTILL: "standstill",
}


def every_mutant() -> Iterator[Mutant]:
    """Yield every mutant of the core."""
    for file in sorted(CORE.glob("*.py")):
        module = ".".join((*CORE.parts, file.stem))
        yield from mutants(module, file.read_text("utf-8"))


def agree(seeds: int, steps: Sequence[str]) -> Terms:
    """Try the original, and see how long it takes. Raise BrokenError when it does not pass."""
    file = CORE / "decide.py"
    module = ".".join((*CORE.parts, file.stem))
    original = Mutant(module, 0, "", "", "", 1, file.read_text("utf-8"))
    began = time.monotonic()
    terms = Terms(seeds, steps)
    fate = attempt(original, terms)
    if fate.by:
        msg = f"the original itself is killed by {fate.by}"
        raise BrokenError(msg)
    return replace(terms, limit_s=SLACK * (time.monotonic() - began) + SPARE_S)


def attempt(mutant: Mutant, terms: Terms) -> Fate:
    """Try one mutant. Raise BrokenError when the trial itself fails."""
    files = order(mutant.module, terms.tests or list(TESTS.glob("test_*.py")))
    task = Task(mutant.module, mutant.source, files, terms.seeds, terms.edges)
    command = [sys.executable, "-m", "tests.mutants.trial"]
    try:
        done = subprocess.run(
            command,
            input=task.written(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=terms.limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Fate(mutant, "time-out")
    try:
        return Fate(mutant, ENDS[End(done.returncode)])
    except ValueError:
        msg = f"{mutant.name}: status {done.returncode}\n{done.stdout[-TAIL:]}"
        raise BrokenError(msg) from None


def order(module: str, files: Sequence[Path]) -> list[str]:
    """Put the tests that are likely to notice in front, and the slowest at the end."""
    own = f"test_{module.rpartition('.')[2]}.py"
    ranked = sorted(files, key=lambda file: (file.name == LAST, file.name != own, file.name))
    return [file.as_posix() for file in ranked]


def campaign(chosen: Sequence[Mutant], terms: Terms, jobs: int) -> Iterator[Fate]:
    """Try all; yield each fate as it comes. Raise BrokenError at the first trial that fails."""
    with ThreadPoolExecutor(jobs) as pool:
        trials = [pool.submit(attempt, mutant, terms) for mutant in chosen]
        try:
            for trial in as_completed(trials):
                yield trial.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
