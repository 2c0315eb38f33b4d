"""The scenes of a module, all under way; a test awaits its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.slice.script import Scenes, Script, Stories


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scenes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scenes]:
    """Play the module's SCRIPT."""
    script = request.module.SCRIPT
    assert isinstance(script, Script | Stories)
    async with script.played(tmp_path_factory.mktemp("scenes")) as tasks:
        yield tasks
