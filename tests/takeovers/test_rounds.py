"""One leader is killed, and what came of it is added to what was known."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.false_positives.results import ROOT, rows
from tests.takeovers.plan import Moment, drawn
from tests.takeovers.results import code
from tests.takeovers.stage import DAEMONS

SEED, LEASE_S, LIMIT_S = 3, 5, 170.0
SLACK_S = 4.0
"""What a busy machine may take longer than a lease."""


async def played(into: Path) -> str:
    """Have one kill played, unless it was; return what was told."""
    options = ("--kills", "1", "--seed", str(SEED), "--lease-s", str(LEASE_S), "--into", str(into))
    made = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.takeovers", *options),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            said, _ = await made.communicate()
    finally:
        if made.returncode is None:
            made.terminate()
            await made.wait()
    return said.decode()


@pytest.mark.timeout(180)
async def test_a_leader_that_is_killed_is_followed_and_no_seed_is_played_twice(
    tmp_path: Path,
) -> None:
    assert drawn(SEED).moment is Moment.READING
    into = tmp_path / "results"
    told, line = (await played(into)).splitlines()
    (row,) = rows(into, code(LEASE_S, DAEMONS))
    assert (row["seed"], row["wrong"]) == (SEED, []), told
    assert row["call"] == "read"
    assert 1 < row["takeover_s"] <= LEASE_S + SLACK_S
    assert row["down_s"] > row["takeover_s"]
    assert line.startswith("kills=1 takeover_p50_s=")
    assert line.endswith(f"lease_s={LEASE_S} violations=0")
    assert (await played(into)).splitlines() == [line]
