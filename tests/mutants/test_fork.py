"""A forked process is heard, is ended when it is not, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutants import fork

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def is_gone(pid: int) -> bool:
    """Whether it is: one that nobody has reaped is dead all the same."""
    try:
        return Path("/proc", str(pid), "stat").read_text("ascii").split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_each_step_is_counted_and_the_last_word_is_told() -> None:
    def work() -> Iterator[bytes]:
        yield from (fork.PASSED, fork.PASSED, b"k")

    assert fork.watched(work, [5.0]) == (2, b"k")


def test_a_step_that_takes_too_long_is_ended() -> None:
    def work() -> Iterator[bytes]:
        yield fork.PASSED
        signal.pause()

    assert fork.watched(work, [5.0, 0.2]) == (1, b"")


def test_one_that_dies_is_told_from_one_that_speaks() -> None:
    def work() -> Iterator[bytes]:
        yield fork.PASSED
        os.kill(os.getpid(), signal.SIGKILL)

    assert fork.watched(work, [5.0]) == (1, b"")


def test_one_that_fails_by_itself_says_so() -> None:
    def work() -> Iterator[bytes]:
        yield fork.PASSED
        raise ValueError("no such test")

    assert fork.watched(work, [5.0]) == (1, fork.BROKEN)


def test_what_it_started_ends_with_it_also_in_a_session_of_its_own(tmp_path: Path) -> None:
    begun = tmp_path / "pid"

    def work() -> Iterator[bytes]:
        process = subprocess.Popen(SLEEP, start_new_session=True)
        begun.write_text(str(process.pid), "ascii")
        yield b"s"

    fork.adopt()
    assert fork.watched(work, [5.0]) == (0, b"s")
    assert is_gone(int(begun.read_text("ascii")))


def test_what_was_there_before_stays() -> None:
    def work() -> Iterator[bytes]:
        yield b"s"

    with subprocess.Popen(SLEEP) as before:
        assert fork.watched(work, [5.0]) == (0, b"s")
        assert before.poll() is None
        before.kill()


def test_nothing_is_forked_beside_a_thread() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait, args=[5.0])
    thread.start()
    try:
        with pytest.raises(RuntimeError, match="beside threads"):
            fork.watched(lambda: iter([b"s"]), [5.0])
    finally:
        over.set()
        thread.join()
