"""Processes that stand still. SIGSTOP is sent at once, and obeyed a moment later."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

LIMIT_S = 10.0
_STOPPED = "T"


def stand_still(pid: int) -> None:
    """Stop a process, and return once none of its threads runs."""
    os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + LIMIT_S
    while set(_states(pid)) != {_STOPPED}:
        assert time.monotonic() < until, f"{pid} runs on: {_states(pid)}"
        time.sleep(0.001)


def _states(pid: int) -> list[str]:
    """Return the state of every thread. Raise OSError where there is no such process."""
    stats = [(task / "stat").read_text() for task in Path("/proc", str(pid), "task").iterdir()]
    return [stat.rpartition(")")[2].split()[0] for stat in stats]
