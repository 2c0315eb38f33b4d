"""One estate for all tests of this folder, ended whatever happens to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.openstack.estate import Estate
from tests.openstack.whole import whole

# Long enough for the first test of a fresh machine, during which all is installed.
LIMIT_S = 900
HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(LIMIT_S))


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Print a line with the seconds since the start, past pytest's capturing."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    began = time.monotonic()

    def line(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{time.monotonic() - began:6.1f} s  {text}", end="", flush=True)

    return line


@pytest.fixture(scope="session")
def whole_estate(say: Callable[[str], None]) -> Iterator[Estate]:
    """The processes of a run, from the first to the last."""
    with whole(say) as made:
        yield made


@pytest.fixture
def estate(whole_estate: Estate) -> Iterator[Estate]:
    """The estate for one test, which may leave it in any state."""
    try:
        yield whole_estate
    finally:
        whole_estate.restore()
