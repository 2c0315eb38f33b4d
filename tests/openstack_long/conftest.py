"""The same estate as of the shorter scenarios, begun for these alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.openstack.conftest import LIMIT_S, estate, say, whole_estate

__all__ = ["estate", "say", "whole_estate"]

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(LIMIT_S))
