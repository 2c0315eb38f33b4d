"""A few rounds of the chaos, one of them with a leader that is killed while hosts die."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import pytest

from tests.chaos.plan import Fault, drawn
from tests.false_positives.results import ROOT

LIMIT_S = 300.0
PLAYED: Mapping[int, AbstractSet[Fault]] = {
    24: {Fault.CUT_OFF},
    25: {Fault.CLOCK, Fault.KILL},
    26: {Fault.DISK, Fault.KILL, Fault.CUT_OFF},
}
"""What is played, of one cloud and one state; the others are for `make chaos`."""
LEADER_DIES = 25


async def played(seed: int, rounds: int) -> tuple[int | None, str]:
    """Play some rounds; return the status and what was told."""
    made = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.chaos", "--rounds", str(rounds), "--seed", str(seed)),
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
    return made.returncode, said.decode()


@pytest.mark.timeout(LIMIT_S + 30)
async def test_whatever_fails_beside_them_dead_hosts_end_down_and_nothing_is_done_twice() -> None:
    assert {seed: drawn(seed).faults for seed in PLAYED} == PLAYED
    troubles = drawn(LEADER_DIES).troubles
    assert any((one.fault, one.rank) == (Fault.KILL, 0) for one in troubles)
    status, told = await played(min(PLAYED), len(PLAYED))
    assert status == 0, told
    *_, last = told.splitlines()
    assert last.startswith(f"rounds={len(PLAYED)} kills=2 "), told
    assert last.endswith("violations=0"), told
