"""One lab and one daemon for the commands of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.cli.terminal import Terminal
from tests.slice.conftest import scenes
from tests.slice.process import daemon
from tests.slice.site import site

__all__ = ["scenes", "terminal"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def terminal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Terminal]:
    """Sit down before a daemon that is not armed."""
    async with site(tmp_path_factory.mktemp("site")) as place, daemon(place):
        yield Terminal(place)
