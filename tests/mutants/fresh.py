"""Try one mutant in a process that loads its module anew: slow, and for the few that need it."""

from __future__ import annotations

import subprocess
import sys

from tests.mutants import record
from tests.mutants.areas import Area
from tests.mutants.covering import Covering
from tests.mutants.mutate import Mutant
from tests.mutants.record import Fate
from tests.mutants.trial import STEPS, End, Task

SLACK = 4
"""A trial may take so many times what the original takes, on a machine that is busy."""
SPARE_S = 30.0
SEED_S = 4.0
TAIL = 3000

ENDS = {
    End.SURVIVED: "",
    End.BY_TESTS: record.TESTS,
    End.BY_SEEDS: record.SEEDS,
    End.BY_STANDSTILL: record.STANDSTILL,
}


class BrokenError(Exception):
    """The original does not pass, or a trial has failed by itself: the figures mean nothing."""


def fresh(area: Area, mutant: Mutant, covering: Covering) -> Fate:
    """Try it with each file of tests that runs anything of its module, the quickest first."""
    suites = covering.suites(mutant)
    files = sorted(suites, key=lambda suite: suites[suite])
    task = Task(mutant.module, mutant.source, files, area.seeds, STEPS if area.seeds else ())
    return attempt(mutant, task, SLACK * sum(suites.values()) + SPARE_S + SEED_S * area.seeds)


def attempt(mutant: Mutant, task: Task, limit_s: float) -> Fate:
    """Try it. Raise BrokenError when the trial itself fails."""
    command = [sys.executable, "-m", "tests.mutants.trial"]
    try:
        done = subprocess.run(
            command,
            input=task.written(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Fate(mutant, record.TIME_OUT)
    try:
        return Fate(mutant, ENDS[End(done.returncode)])
    except ValueError:
        msg = f"{mutant.name}: status {done.returncode}\n{done.stdout[-TAIL:]}"
        raise BrokenError(msg) from None
