"""A test for which another one has made something that takes its time; it notices no change."""

from __future__ import annotations

import time

import pytest

from doctor_daemon.core.instant import Instant

MADE_S = 1.5


@pytest.fixture(scope="module")
def shared() -> float:
    time.sleep(MADE_S)
    return 7.0


def test_whoever_comes_first_makes_it(shared: float) -> None:
    assert shared


def test_whoever_comes_next_has_it(shared: float) -> None:
    moment = Instant("boot", shared, shared)
    assert moment.reached(moment) in {True, False}
