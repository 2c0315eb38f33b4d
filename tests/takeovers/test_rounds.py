"""Three leaders are killed, and what came of it is added to what was known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.false_positives.results import rows
from tests.played import played
from tests.takeovers.plan import Moment, drawn
from tests.takeovers.results import code
from tests.takeovers.stage import DAEMONS

MOMENTS = (Moment.CUT_LOST, Moment.CUT_ANSWERED, Moment.READING)
"""What the seeds from SEED on draw. At the first no answer is saved: the cut is weighed anew."""
SEED, LEASE_S, LIMIT_S = 1, 5, 170.0
SLACK_S = 4.0
"""What a busy machine may take longer than a lease."""


async def round_of(into: Path) -> str:
    """Have the kills played that were not yet; return what was told."""
    options = ("--kills", str(len(MOMENTS)), "--seed", str(SEED), "--lease-s", str(LEASE_S))
    _, told = await played("tests.takeovers", *options, "--into", str(into), limit_s=LIMIT_S)
    return told


@pytest.mark.timeout(180)
async def test_a_leader_that_is_killed_is_followed_and_no_seed_is_played_twice(
    tmp_path: Path,
) -> None:
    seeds = [*range(SEED, SEED + len(MOMENTS))]
    assert [drawn(seed).moment for seed in seeds] == [*MOMENTS]
    into = tmp_path / "results"
    told = await round_of(into)
    found = rows(into, code(LEASE_S, DAEMONS))
    assert [(row["seed"], row["wrong"]) for row in found] == [(seed, []) for seed in seeds], told
    for row in found:
        assert row["call"] == "read"
        assert 1 < row["takeover_s"] <= LEASE_S + SLACK_S
        assert row["down_s"] > row["takeover_s"]
    *_, line = told.splitlines()
    assert line.startswith(f"kills={len(MOMENTS)} takeover_p50_s=")
    assert line.endswith(f"lease_s={LEASE_S} violations=0")
    assert (await round_of(into)).splitlines() == [line]
