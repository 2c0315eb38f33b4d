"""What it costs to follow evacuations: the same for one as for five hundred, pages apart."""

from __future__ import annotations

import pytest

from benchmarks.figures import Spread
from benchmarks.following import UNDER_WAY, Following, followed
from benchmarks.results import Results
from doctor_daemon.controllers.evacuations import PAGE


@pytest.mark.parametrize("count", UNDER_WAY)
async def test_a_round_costs_one_request_however_many_are_under_way(count: int) -> None:
    assert await followed(count) == Following(
        evacuations=count, hosts=min(count, 10), requests=1, more_pages=count // PAGE
    )


def test_the_table_shows_it() -> None:
    disk = Spread(n=1, p50_s=0.001, p99_s=0.001, max_s=0.001)
    found = Results(
        quick=True,
        hold_s=2.0,
        disk=disk,
        effective={},
        measured={},
        following=[Following(1, 1, 1, 0), Following(500, 10, 1, 1)],
    )
    lines = [" ".join(line.split()) for line in found.table().splitlines()]
    assert "following a round hosts requests more pages" in lines
    assert "500 evacuations 10 1 1" in lines
    assert found.data()["following_requests"] == [
        {"evacuations": 1, "hosts": 1, "requests": 1, "more_pages": 0},
        {"evacuations": 500, "hosts": 10, "requests": 1, "more_pages": 1},
    ]
