"""End to end in miniature: a real link is cut, and a real agent falls silent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.end_to_end import EARLY_WANTED_S, KEY, Times, results, run, table, write
from benchmarks.plan import NONE
from tests.bench.test_results import results as others


@pytest.mark.timeout(120)
def test_a_cut_link_ends_in_an_early_notice_and_in_forced_down() -> None:
    found = run({NONE: 1}, quick=True)
    way = found["delays"][NONE.name]
    assert way["early_notice"]["n"] == way["forced_down"]["n"] == 1
    assert way["early_notice"]["p50_s"] > 0.3  # four beats have to be missing
    assert way["forced_down"]["p50_s"] > way["early_notice"]["p50_s"] + found["hold_s"]


def test_the_results_stand_beside_the_others(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write({"quick": True}, path)
    others().write(path)
    found = json.loads(path.read_text())
    assert found[KEY] == {"quick": True}
    assert found["hold_s"] == 2.0


def test_the_table_says_what_is_met() -> None:
    times = {"none": Times([0.42] * 200, [2.5] * 200)}
    told = table(results(times, quick=False))
    assert "met (wanted p99 0.5)" in told
    assert "not met" not in told
    late = {"none": Times([EARLY_WANTED_S + 0.01], [2.5])}
    assert "not met, preliminary" in table(results(late, quick=True))
