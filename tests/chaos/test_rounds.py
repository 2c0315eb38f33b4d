"""A few rounds of the chaos, one of them with a leader that is killed while hosts die."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import pytest

from tests.chaos.plan import Fault, drawn
from tests.played import played

LIMIT_S = 300.0
PLAYED: Mapping[int, AbstractSet[Fault]] = {
    24: {Fault.CUT_OFF},
    25: {Fault.CLOCK, Fault.KILL},
    26: {Fault.DISK, Fault.KILL, Fault.CUT_OFF},
}
"""What is played, of one cloud and one state; the others are for `make chaos`."""
LEADER_DIES = 25


@pytest.mark.timeout(LIMIT_S + 30)
async def test_whatever_fails_beside_them_dead_hosts_end_down_and_nothing_is_done_twice() -> None:
    assert {seed: drawn(seed).faults for seed in PLAYED} == PLAYED
    troubles = drawn(LEADER_DIES).troubles
    assert any((one.fault, one.rank) == (Fault.KILL, 0) for one in troubles)
    options = ("--rounds", str(len(PLAYED)), "--seed", str(min(PLAYED)))
    status, told = await played("tests.chaos", *options, limit_s=LIMIT_S)
    assert status == 0, told
    *_, last = told.splitlines()
    assert last.startswith(f"rounds={len(PLAYED)} kills=2 "), told
    assert last.endswith("violations=0"), told
