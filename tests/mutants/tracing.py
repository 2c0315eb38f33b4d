"""Run files of tests once as they are, and keep which lines each test runs, and for how long.

`python -m tests.mutants.tracing AREA SEEDS FILE…`, in a process of its own: lines that are run
while modules are loaded have to be told from those that a test runs. The exit status is 1 when a
test fails: what is known of its file is not kept.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from coverage import Coverage

from tests.mutants import ending, traces
from tests.mutants.areas import Area
from tests.mutants.hasty import OPTIONS, Hasty
from tests.mutants.traces import Ran
from tests.mutants.trial import tell_one

Lines = Mapping[str, Mapping[str, Sequence[int]]]


class Tracer:
    """A plug-in of pytest: says which test is running, and takes its time."""

    def __init__(self, coverage: Coverage) -> None:
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        self._coverage = coverage

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        began = time.monotonic()
        result = yield
        self.seconds[item.nodeid] = time.monotonic() - began
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)
            sys.stderr.write(f"the original does not pass {report.nodeid}\n{report.longrepr}\n")


def trace(area: Area, suites: Sequence[Path], seeds: int) -> bool:
    """Run and keep. Return whether the original passes."""
    # Of nothing else: what is not looked at is run as quickly as ever.
    files = [str(file) for file in area.files()]
    coverage = Coverage(data_file=None, config_file=False, include=files, messages=False)
    coverage.start()
    tracer, status = Tracer(coverage), pytest.ExitCode.OK
    if suites:
        options = [one for one in OPTIONS if one != "-x"]
        status = pytest.ExitCode(
            pytest.main([*options, *map(str, suites)], plugins=[Hasty(), tracer])
        )
    told = {}
    for seed in range(seeds):
        coverage.switch_context(str(seed))
        began = time.monotonic()
        violations, edges = tell_one(seed)
        told[str(seed)] = time.monotonic() - began, sorted(edges)
        if violations:
            tracer.failed.add(str(seed))
    coverage.stop()
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return False  # not all that was to be run was
    lines = _lines(coverage)
    traces.keep_imported(area.mark, lines[""])
    for suite in suites:
        mine = [name for name in tracer.seconds if name.partition("::")[0] == str(suite)]
        if not tracer.failed.intersection(mine):
            traces.keep(
                area.mark, suite, {name: Ran(tracer.seconds[name], lines[name]) for name in mine}
            )
    if seeds and not tracer.failed.intersection(told):
        ran = {seed: Ran(took, lines[seed], edges) for seed, (took, edges) in told.items()}
        traces.keep(area.mark, traces.SEEDS, ran)
    return not status and not tracer.failed


def main(arguments: Sequence[str]) -> int:
    """Trace what the arguments name."""
    area, seeds, *suites = arguments
    ending.in_order()
    return 0 if trace(Area.taken(area), [Path(one) for one in suites], int(seeds)) else 1


def _lines(coverage: Coverage) -> Lines:
    """Return the lines that were run, by test and file; those that no test ran are by no name."""
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    data, here = coverage.get_data(), Path.cwd()
    for path in sorted(data.measured_files()):
        for line, contexts in sorted(data.contexts_by_lineno(path).items()):
            for context in contexts:
                found[context][str(Path(path).relative_to(here))].append(line)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
