"""Fail the test during which an exception reached nobody, or another machine was called.

A task that dies unseen, a handler that aiohttp turns into a 500, an exception that is logged and
forgotten: each is a bug that a test can walk past. Two ways lead here. Exceptions in threads and
finalisers are warnings of pytest, and warnings are errors. All others end in a log record: the
event loop's default handler, aiohttp's server and our own containment each write one.

`@pytest.mark.expects_exceptions` names a test that provokes one on purpose.
"""

import gc
import logging
from collections import deque
from collections.abc import Iterator

import pytest

from tests.house import loopback

MARKER = "expects_exceptions"
COMPLAINTS_MAX = 50
EXPECTED_WARNINGS = (
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore::pytest.PytestUnhandledThreadExceptionWarning",
)


class Unhandled(logging.Handler):
    """Keeps each record that tells of an exception nobody handled."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        self.seen: deque[str] = deque(maxlen=COMPLAINTS_MAX)

    def emit(self, record: logging.LogRecord) -> None:
        # asyncio tells of a pending task that was destroyed without any exception.
        if record.exc_info or record.name == "asyncio":
            self.seen.append(self.format(record))


class Complaints:
    """Gathers complaints and hands them to the test that is running."""

    def __init__(self) -> None:
        self._unhandled = Unhandled()
        self._called: deque[str] = deque(maxlen=COMPLAINTS_MAX)
        loopback.guard(self._called.append)

    def _take(self, *, expects_exceptions: bool) -> list[str]:
        unhandled, called = list(self._unhandled.seen), list(self._called)
        self._unhandled.seen.clear()
        self._called.clear()
        return called if expects_exceptions else unhandled + called

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        if item.get_closest_marker(MARKER):
            for warning in EXPECTED_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))

    def pytest_runtest_setup(self) -> None:
        # At each test anew: code under test may well configure logging.
        logging.getLogger().addHandler(self._unhandled)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        yield
        expects = item.get_closest_marker(MARKER) is not None
        if complaints := self._take(expects_exceptions=expects):
            pytest.fail("\n".join(complaints), pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        # What only the last collection of garbage brings to light belongs to no test any more.
        gc.collect()
        if complaints := self._take(expects_exceptions=False):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            print("\nafter the last test:", *complaints, sep="\n")
        return (yield)


@pytest.fixture(scope="module", autouse=True)
def _module_leaves_nothing() -> Iterator[None]:
    """Collect garbage at the end of a module: a forgotten task complains when it is collected.

    After every test it would be surer, and cost more than most tests do.
    """
    yield
    gc.collect()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARKER}: this test provokes an unhandled exception")
    config.pluginmanager.register(Complaints())
