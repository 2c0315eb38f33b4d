"""A campaign that is told to end: it ends, and nothing that it has started goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.mutants.test_fork import is_gone

LIMIT_S = 200.0
SAMPLE = "tests/mutants/samples/hanging.py"

Found = TypeVar("Found")


def children(pid: int) -> dict[int, str]:
    """The processes that a process has started, and what they are."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return {int(one): Path("/proc", one, "cmdline").read_text("utf-8") for one in pids}


def until(found: Callable[[], Found]) -> Found:
    """Wait for something that is not nothing."""
    end = time.monotonic() + LIMIT_S
    while not (one := found()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return one


@pytest.mark.parametrize("whom", ["the command", "its nursery"])
def test_told_to_end_it_leaves_no_trial_and_no_etcd_behind(tmp_path: Path, whom: str) -> None:
    hangs = tmp_path / "hangs"
    narrow = ["--area", "leadership", "--only", "locked: path is None -> False"]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.mutants", *narrow, "--tests", SAMPLE],
        env={
            **os.environ,
            "MUTANTS_KEPT": str(tmp_path / "kept"),
            "MUTANTS_HANG": str(hangs),
        },
    ) as command:
        try:
            until(lambda: hangs.exists() or command.poll() is not None)
            (nursery,) = children(command.pid)
            started = children(nursery)
            os.kill(command.pid if whom == "the command" else nursery, signal.SIGTERM)
            assert command.wait(LIMIT_S) == 2
        finally:
            command.terminate()
    assert len(started) == 2
    assert [name.startswith("etcd") for name in started.values()].count(True) == 1
    assert [pid for pid in (nursery, *started) if not is_gone(pid)] == []
