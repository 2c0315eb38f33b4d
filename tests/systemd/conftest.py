"""One box for all tests of this folder, with the daemon installed in it by the book."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.systemd.installed import Installed, installed

# Long enough for the first test, before which all is installed.
LIMIT_S = 600
HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(LIMIT_S))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installed]:
    """A daemon that runs."""
    async with installed(tmp_path_factory.mktemp("systemd")) as made:
        yield made
