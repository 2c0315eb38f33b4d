"""A test that timed out may be slow by itself: what others had made for it, it makes alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.mutants.areas import Area

CHANGE = r"Instant\.reached: self\.since\(until\) >= 0 -> self\.since\(until\) > 0"


def run(kept: Path, *words: str) -> int:
    """Run one of the processes of a campaign; return its exit status."""
    return subprocess.run(
        [sys.executable, "-m", f"tests.mutants.{words[0]}", *words[1:]],
        env={**os.environ, "MUTANTS_KEPT": str(kept)},
        stdout=subprocess.DEVNULL,
        timeout=200,
        check=False,
    ).returncode


def tried(kept: Path, sample: str) -> tuple[int, list[tuple[str, str]]]:
    """Try the change with a sample; return the exit status, and by what it was ended, if ever."""
    file = f"tests/mutants/samples/{sample}.py"
    area = Area("core", ("core/instant.py",), (file,), spare_s=0.3).written()
    run(kept, "tracing", area, "0", file)
    status = run(kept, "nursery", area, "0", "1", CHANGE, "200")
    record = kept / "record.jsonl"
    lines = record.read_text("utf-8").splitlines() if record.exists() else []
    fates = [json.loads(line) for line in lines]
    return status, [(fate["by"], fate["test"].partition("::")[2]) for fate in fates]


def test_a_test_that_makes_alone_what_was_made_for_it_is_given_that_time(tmp_path: Path) -> None:
    assert tried(tmp_path, "sharing") == (0, [("", "")])


def test_a_test_that_is_quick_alone_has_noticed_the_change(tmp_path: Path) -> None:
    assert tried(tmp_path, "waiting") == (0, [("time-out", "test_a_moment_has_come")])


def test_a_test_that_does_not_pass_alone_breaks_the_campaign(tmp_path: Path) -> None:
    assert tried(tmp_path, "leaning") == (2, [])
