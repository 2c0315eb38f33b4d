"""The scenes of a module are played as those of the slice are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.slice.conftest import scenes

__all__ = ["scenes"]

LIMIT_S = 150
HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave time for the first test of a module, which waits for the daemon and for the BMCs."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(LIMIT_S))
