"""Which tests run the line of a mutant, in the order in which they are to be tried."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.mutants import traces
from tests.mutants.areas import Area, file_of
from tests.mutants.mutate import Mutant
from tests.mutants.traces import Ran

Lines = dict[tuple[str, int], set[str]]
QUICK_S = 0.2
"""Tests that take no longer cost the same."""


class Covering:
    """What the tests of an area run, of its modules. Everything has been traced before."""

    def __init__(self, area: Area) -> None:
        """Read it. Raise KeyError where something has not been traced."""
        self._files = {str(file) for file in area.files()}
        self._ran: dict[str, Ran] = {}
        self._breadth: dict[str, int] = {}
        """How many lines of the area each test, or seed, runs."""
        self._lines: Lines = defaultdict(set)
        for suite in area.suites():
            self._take(area, suite, self._ran, self._lines)
        self._seeds: dict[str, Ran] = {}
        self._seed_lines: Lines = defaultdict(set)
        if area.seeds:
            self._take(area, traces.SEEDS, self._seeds, self._seed_lines)
        self._imported = {
            (file, line) for file, some in traces.imported(area.mark).items() for line in some
        }

    def _take(self, area: Area, suite: Path, into: dict[str, Ran], lines: Lines) -> None:
        found = traces.kept(area.mark, suite)
        if found is None:
            raise KeyError(str(suite))
        for name, ran in found.items():
            into[name] = Ran(ran.seconds, {}, ran.edges)
            own = self._files & ran.lines.keys()
            self._breadth[name] = sum(len(ran.lines[file]) for file in own)
            for file in own:
                for line in ran.lines[file]:
                    lines[file, line].add(name)

    def imported(self, mutant: Mutant) -> bool:
        """Whether its line is run as modules are loaded or tests collected."""
        return any(place in self._imported for place in _places(mutant))

    def tests(self, mutant: Mutant, first: Sequence[str]) -> Mapping[str, Ran]:
        """Return the tests that run its line: those named first, then quick ones, then slow ones.

        Of the quick ones those come first that run little else of the area: they are about it.
        """
        found = {name for place in _places(mutant) for name in self._lines.get(place, ())}
        ranked = sorted(found, key=self._rank)
        return {name: self._ran[name] for name in [*(f for f in first if f in found), *ranked]}

    def _rank(self, name: str) -> tuple[float, int]:
        """Return what grows with what a test costs, and with what else it is about."""
        return max(self._ran[name].seconds, QUICK_S), self._breadth[name]

    def seconds(self, name: str) -> float:
        """Return how long a test took among all others."""
        return self._ran[name].seconds

    def seeds(self, mutant: Mutant) -> Mapping[str, Ran]:
        """Return the seeds that run its line, the quickest first."""
        found = {name for place in _places(mutant) for name in self._seed_lines.get(place, ())}
        ranked = sorted(found, key=lambda name: self._seeds[name].seconds)
        return {name: self._seeds[name] for name in ranked}

    def walked_without(self, seeds: Sequence[str]) -> set[str]:
        """Return the steps of the diagram that the other seeds take, whatever has changed."""
        others = [ran for name, ran in self._seeds.items() if name not in seeds]
        return {step for ran in others for step in ran.edges}

    def suites(self, mutant: Mutant) -> Mapping[str, float]:
        """Return the files of tests that run anything of its module, with their seconds."""
        file = str(file_of(mutant.module))
        names = {name for place, some in self._lines.items() if place[0] == file for name in some}
        found: dict[str, float] = defaultdict(float)
        for name in self._ran:
            suite = name.partition("::")[0]
            if suite in {one.partition("::")[0] for one in names}:
                found[suite] += self._ran[name].seconds
        return found


def _places(mutant: Mutant) -> list[tuple[str, int]]:
    file = str(file_of(mutant.module))
    return [(file, line) for line in range(mutant.line, max(mutant.line, mutant.end) + 1)]
