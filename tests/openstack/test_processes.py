"""A run ends what it started, whatever state that is in, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.openstack.testbed.processes import Processes, wait_for

SHELL = "/bin/sh"


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path)
    try:
        yield made
    finally:
        made.end(made.running(), signal.SIGKILL)


def test_a_process_runs_under_its_name_until_it_is_ended(processes: Processes) -> None:
    pid = processes.launch("one", ["/bin/sleep", 60])
    assert processes.pid("one") == pid
    assert processes.running() == ["one"]
    with pytest.raises(RuntimeError, match="one runs already"):
        processes.launch("one", ["/bin/sleep", 60])
    processes.end(["one", "never started"])
    assert processes.pid("one") is None
    assert processes.running() == []


def test_children_end_with_their_parent_or_without_it(processes: Processes, tmp_path: Path) -> None:
    script = f"/bin/sleep 60 & echo $! > {tmp_path}/child; wait"
    leader = processes.launch("family", [SHELL, "-c", script])
    wait_for("the child", (tmp_path / "child").exists, 5)
    time.sleep(0.05)
    child = int((tmp_path / "child").read_text())
    os.kill(leader, signal.SIGKILL)
    wait_for("the leader's end", lambda: processes.pid("family") is None, 5)
    assert processes.running() == ["family"]
    processes.end(["family"])
    wait_for("the child's end", lambda: not Path(f"/proc/{child}/exe").exists(), 5)


def test_one_that_is_deaf_or_stopped_is_ended_too(processes: Processes) -> None:
    processes.launch("deaf", [SHELL, "-c", "trap '' TERM; while :; do sleep 0.1; done"])
    stopped = processes.launch("stopped", ["/bin/sleep", 60])
    os.kill(stopped, signal.SIGSTOP)
    time.sleep(0.1)
    processes.end(["deaf", "stopped"], patience_s=0.5)
    assert processes.running() == []


def test_a_stranger_with_the_same_number_is_left_alone(
    processes: Processes, tmp_path: Path
) -> None:
    stranger = processes.launch("stranger", ["/bin/sleep", 60])
    record = {"pid": stranger, "began": "1"}
    (tmp_path / "pid" / "ours.json").write_text(json.dumps(record))
    assert processes.pid("ours") is None
    assert processes.running() == ["stranger"]
    processes.end(["ours"], signal.SIGKILL)
    assert processes.pid("stranger") == stranger


def test_who_started_a_process_does_not_matter_for_ending_it(
    processes: Processes, tmp_path: Path
) -> None:
    processes.launch("one", ["/bin/sleep", 60])
    another = Processes(tmp_path)
    another.end(another.running())
    assert processes.running() == []


def test_what_a_process_says_is_kept_and_the_environment_is_small(
    processes: Processes, tmp_path: Path
) -> None:
    processes.launch("env", ["/usr/bin/env"], env={"GIVEN": "1"})
    log = tmp_path / "log" / "env.log"
    wait_for("its words", lambda: "GIVEN=1" in log.read_text(), 5)
    names = {line.partition("=")[0] for line in log.read_text().splitlines()}
    assert names == {"PATH", "HOME", "LANG", "PYTHONWARNINGS", "GIVEN"}


def test_a_wait_in_vain_says_for_what() -> None:
    with pytest.raises(TimeoutError, match=r"gave up waiting for Godot after 0\.1 s"):
        wait_for("Godot", lambda: False, 0.1)
