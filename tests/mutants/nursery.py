"""Try the mutants of an area: `python -m tests.mutants.nursery AREA SHARE SHARES ONLY SECONDS`.

All is imported and collected once. For each mutant a process is forked, in which the changed code
is put in the place of the original (`swapping.py`), and which runs the tests that run its line:
first the one that is known to have killed it before something changed, next those that have killed
another mutant of that function, then the quick ones that run the least else of the area. Mutants
that were once killed come before those that may live, which take long. Each fate goes into the
record at once. A change of what is run as a module is loaded is tried in a process that loads it
anew (`fresh.py`).
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from itertools import zip_longest
from pathlib import Path

import pytest

from tests.mutants import ending, fork, record
from tests.mutants.areas import Area, module_of
from tests.mutants.covering import Covering
from tests.mutants.fresh import fresh
from tests.mutants.hasty import OPTIONS, Hasty
from tests.mutants.mutate import Mutant
from tests.mutants.record import Fate
from tests.mutants.standing import Standing, standing
from tests.mutants.swapping import Functions, Swap, swap
from tests.mutants.traces import Ran
from tests.mutants.trial import STEPS, tell_one

SLACK = 10
"""A test may take so many times what it takes, under a change, on a machine that is busy."""
KILLED, SURVIVED, STANDSTILL = b"k", b"s", b"e"
TOLD_EVERY_S = 20.0
KILLERS_MAX = 5
ALONE_S = 240.0


class Nursery:
    """A plug-in of pytest: tries mutants in the place of running the tests."""

    def __init__(self, area: Area, mutants: Sequence[Mutant], ends_at: float) -> None:
        self.tried = 0
        self._area, self._mutants, self._ends_at = area, mutants, ends_at
        self._covering = Covering(area)
        self._known = record.killers(area)
        self._killers: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._alone: dict[str, float] = {}
        self._failed = False
        self._items: dict[str, pytest.Item] = {}
        self._standing: Standing | None = None

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Failed("the tests cannot be collected")
        self._items = {item.nodeid: item for item in session.items}
        for file in self._area.files():
            import_module(module_of(file))
        functions = Functions(self._area.files())
        with ExitStack() as exits:
            if self._area.etcd:
                folder = Path(exits.enter_context(tempfile.TemporaryDirectory()))
                self._standing = exits.enter_context(standing(folder))
            self._try_all(functions)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed = self._failed or report.failed

    def _try_all(self, functions: Functions) -> None:
        began = told = time.monotonic()
        for mutant in self._mutants:
            if time.monotonic() > self._ends_at:
                return
            fate = self._attempt(mutant, functions.swaps(mutant))
            record.write(self._area, fate)
            self.tried += 1
            if not fate.by:
                sys.stderr.write(f"survived: {mutant.title}\n")
            now = time.monotonic()
            if now > told + TOLD_EVERY_S:
                told = now
                left_s = (now - began) / self.tried * (len(self._mutants) - self.tried)
                progress = f"{self.tried}/{len(self._mutants)} mutants, {left_s:.0f} s left"
                sys.stderr.write(f"{self._area.name}: {progress}\n")

    def _attempt(self, mutant: Mutant, swaps: Sequence[Swap] | None) -> Fate:
        """Try one. What was run already when it was changed may live for that reason alone."""
        fate = self._tried_here(mutant, swaps) if swaps else Fate(mutant, "")
        if not fate.by and (swaps is None or self._covering.imported(mutant)):
            return fresh(self._area, mutant, self._covering)
        return fate

    def _tried_here(self, mutant: Mutant, swaps: Sequence[Swap]) -> Fate:
        place = mutant.module, mutant.place
        first = [self._known.get(mutant.name, ""), *self._killers[place]]
        tests = self._covering.tests(mutant, first)
        seeds = self._covering.seeds(mutant)
        if not tests and not seeds:
            return Fate(mutant, "", "no test runs it")
        at = [*tests, *(f"seed {seed}" for seed in seeds), "its end"]
        limits = [self._limit_s(*one) for one in [*tests.items(), *seeds.items()]]
        if self._standing:
            self._standing.ready()
        passed, word = fork.watched(lambda: self._trial(swaps, list(tests), list(seeds)), limits)
        if word == fork.BROKEN:
            raise RuntimeError(f"the trial of {mutant.title} has failed by itself")
        if word == SURVIVED:
            return Fate(mutant, "")
        if word == STANDSTILL:
            return Fate(mutant, record.STANDSTILL)
        if word != KILLED:
            if at[passed] in tests and self._slow_alone(at[passed]):
                return self._tried_here(mutant, swaps)
            return Fate(mutant, record.TIME_OUT, at[passed])
        if passed < len(tests):
            self._killers[place] = [at[passed], *self._killers[place]][:KILLERS_MAX]
        by = record.TESTS if passed < len(tests) else record.SEEDS
        return Fate(mutant, by, at[passed])

    def _limit_s(self, name: str, ran: Ran) -> float:
        return self._area.spare_s + SLACK * max(ran.seconds, self._alone.get(name, 0.0))

    def _slow_alone(self, name: str) -> bool:
        """Whether a test is slower than was known: what others had made for it, it makes itself.

        It is run once as it is. Raise RuntimeError where it does not pass.
        """
        if name in self._alone:
            return False
        if self._standing:
            self._standing.ready()
        began = time.monotonic()
        _, word = fork.watched(lambda: self._trial([], [name], []), [ALONE_S])
        if word != SURVIVED:
            raise RuntimeError(f"the original does not pass {name}, alone")
        self._alone[name] = time.monotonic() - began
        known = self._covering.seconds(name)
        return self._alone[name] > known * SLACK / 2 + self._area.spare_s / 2

    def _trial(
        self, swaps: Sequence[Swap], tests: Sequence[str], seeds: Sequence[str]
    ) -> Iterator[bytes]:
        """Try one, in a process of its own."""
        if self._standing:
            self._standing.hand_out()
        swap(swaps)
        items = [self._items[name] for name in tests]
        for item, following in zip_longest(items, items[1:]):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed:
                yield KILLED
                return
            yield fork.PASSED
        walked = self._covering.walked_without(seeds)
        for seed in seeds:
            try:
                violations, steps = tell_one(int(seed))
            except Exception:  # noqa: BLE001 - whatever the mutant breaks, it was noticed
                violations, steps = ["an exception"], set()
            if violations:
                yield KILLED
                return
            walked |= steps
            yield fork.PASSED
        yield STANDSTILL if seeds and not set(STEPS) <= walked else SURVIVED


def main(arguments: Sequence[str]) -> int:
    """Try what is not in the record yet. The exit status is 2 when a trial fails by itself.

    Told to end, it leaves nothing running.
    """
    written, share, shares, only, seconds = arguments
    area, ends_at = Area.taken(written), time.monotonic() + float(seconds)
    made = [one for one in area.mutants() if re.search(only, one.title)]
    known, killers = record.read(area, made), record.killers(area)
    left = [one for one in made if one.name not in known]
    left = sorted(left, key=lambda one: one.name not in killers)[int(share) :: int(shares)]
    if not left:
        return 0
    fork.adopt()
    ending.in_order()
    nursery = Nursery(area, left, ends_at)
    try:
        with tempfile.TemporaryDirectory() as folder:
            options = [*OPTIONS, "--basetemp", f"{folder}/base"]
            status = pytest.main([*options, *area.tests], plugins=[Hasty(), nursery])
    finally:
        fork.end()
    return 0 if status == pytest.ExitCode.OK else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
