"""A few runs of the suite, and one of a daemon that lacks what keeps it from being fooled."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.false_positives.plan import Fault, Without, drawn
from tests.false_positives.results import code, rows
from tests.played import played

LIMIT_S = 170.0
PLAYED: Mapping[int, Fault] = {
    1: Fault.SWITCH,
    2: Fault.DNS,
    5: Fault.BEATS,
    144: Fault.OWN_LINK,
    478: Fault.STOP,
}
"""What is played, short ones of each: the others are for `make false-positives`."""
FOOLED = 1


async def run_of(folder: Path, seed: int, *more: str) -> tuple[int | None, str]:
    """Play one run; return its status and what was told."""
    options = ("--runs", "1", "--seed", str(seed), "--results", str(folder / "results"))
    return await played("tests.false_positives", *options, *more, limit_s=LIMIT_S)


@pytest.mark.timeout(180)
async def test_a2_nobody_who_lives_is_cut_and_the_suite_would_see_it(tmp_path: Path) -> None:
    """All at once: most of a run is waiting."""
    assert {seed: drawn(seed).fault for seed in PLAYED} == PLAYED
    folders = {name: tmp_path / name for name in (*map(str, PLAYED), "fooled")}
    for folder in folders.values():
        folder.mkdir()
    *found, (status, story) = await asyncio.gather(
        *(run_of(folders[str(seed)], seed) for seed in PLAYED),
        run_of(folders["fooled"], FOOLED, "--without", Without.MASS.value),
    )
    for one, text in found:
        assert one == 0, text
        assert "living_cut=0 dead_fenced=1/1 violations=0" in text
    assert status == 1, story
    (row,) = rows(folders["fooled"] / "results", code())
    assert row["living_cut"] != []
    assert "lived, and its power was cut" in story
    assert f"play it again: python -m tests.false_positives --play {FOOLED}" in story
    assert "every gate is open: cutting the power" in story
