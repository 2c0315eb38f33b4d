"""Fail a run that tested less than it should: too few tests, or one that was skipped.

A suite that vanishes (a renamed folder, a mark, a missing package) otherwise passes in silence.
`tests/minimums.toml` lists each suite with the least number of tests it must collect; raising a
number is part of adding tests. A run that was narrowed by hand is held to no number.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

FILE = Path("tests", "minimums.toml")
NARROWING = ("keyword", "markexpr", "deselect", "lf", "stepwise", "ignore_glob")
"""The options of pytest that leave tests out one by one."""


def read_minimums(file: Path) -> Mapping[str, int]:
    """Each suite's path and its minimum.

    Raise UsageError where the file says anything else: a typing error must not free a suite.
    """
    minimums: dict[str, int] = {}
    for target, suites in tomllib.loads(file.read_text(encoding="utf-8")).items():
        if not isinstance(suites, dict):
            msg = f"{file}: {target} = {suites!r}; expected a table named by a make target"
            raise pytest.UsageError(msg)
        for suite, minimum in suites.items():
            if type(minimum) is not int or minimum < 1:
                msg = f"{file}: [{target}] {suite!r} = {minimum!r}; expected a number from 1 up"
                raise pytest.UsageError(msg)
            minimums[suite] = minimum
    return minimums


def is_within(path: Path, places: Iterable[Path]) -> bool:
    """Whether the path is one of the places or lies in one."""
    return any(path.is_relative_to(place) for place in places)


def is_asked_for(suite: Path, config: pytest.Config) -> bool:
    """Whether the command line asks for the whole of the suite."""
    if any(config.getoption(option, default=None) for option in NARROWING):
        return False
    start = config.invocation_params.dir
    # A node id ("file::test") is no place that any suite lies in, so it asks for none.
    wanted = [(start / argument).resolve() for argument in config.args]
    ignored = [(start / path).resolve() for path in config.getoption("ignore") or ()]
    is_narrowed = is_within(suite, ignored) or any(is_within(path, [suite]) for path in ignored)
    return is_within(suite, wanted) and not is_narrowed


class Minimums:
    """Counts what is collected and what is skipped, and has the last word on the exit status."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._minimums = read_minimums(config.rootpath / FILE)
        self._shortfalls: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for name, minimum in self._minimums.items():
            suite = self._config.rootpath / name
            found = sum(item.path.is_relative_to(suite) for item in session.items)
            if found < minimum and is_asked_for(suite, self._config):
                self._shortfalls.append(f"{name}: collected {found}, {FILE} asks for {minimum}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._shortfalls.append(f"{report.nodeid}: skipped whole")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if hasattr(report, "wasxfail"):
            self._shortfalls.append(f"{report.nodeid}: expected to fail")
        elif report.skipped:
            self._shortfalls.append(f"{report.nodeid}: skipped")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        passed = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if self._shortfalls and passed:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._shortfalls:
            terminalreporter.section("less was tested than should be", red=True, bold=True)
            for line in self._shortfalls:
                terminalreporter.line(line, red=True)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Minimums(config))
