"""A forked process is heard, is ended when it is not, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mutants import fork
from tests.mutants.apart import apart

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def is_gone(pid: int) -> bool:
    """Whether it is: one that nobody has reaped is dead all the same."""
    try:
        return Path("/proc", str(pid), "stat").read_text("ascii").split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def each_step_is_counted_and_the_last_word_is_told() -> None:
    def work() -> Iterator[bytes]:
        yield from (fork.PASSED, fork.PASSED, b"k")

    assert fork.watched(work, [5.0]) == (2, b"k")


def a_step_that_takes_too_long_is_ended() -> None:
    def work() -> Iterator[bytes]:
        yield fork.PASSED
        signal.pause()

    assert fork.watched(work, [5.0, 0.2]) == (1, b"")


def one_that_dies_is_told_from_one_that_speaks() -> None:
    def work() -> Iterator[bytes]:
        yield fork.PASSED
        os.kill(os.getpid(), signal.SIGKILL)

    assert fork.watched(work, [5.0]) == (1, b"")


def one_that_fails_by_itself_says_so() -> None:
    def work() -> Iterator[bytes]:
        yield fork.PASSED
        raise ValueError("no such test")

    assert fork.watched(work, [5.0]) == (1, fork.BROKEN)


def what_it_started_ends_with_it_also_in_a_session_of_its_own() -> None:
    with tempfile.NamedTemporaryFile() as begun:

        def work() -> Iterator[bytes]:
            process = subprocess.Popen(SLEEP, start_new_session=True)
            Path(begun.name).write_text(str(process.pid), "ascii")
            yield b"s"

        fork.adopt()
        assert fork.watched(work, [5.0]) == (0, b"s")
        assert is_gone(int(begun.read()))


def what_was_there_before_stays() -> None:
    def work() -> Iterator[bytes]:
        yield b"s"

    with subprocess.Popen(SLEEP) as before:
        try:
            assert fork.watched(work, [5.0]) == (0, b"s")
            assert before.poll() is None
        finally:
            before.kill()


CHECKS = (
    each_step_is_counted_and_the_last_word_is_told,
    a_step_that_takes_too_long_is_ended,
    one_that_dies_is_told_from_one_that_speaks,
    one_that_fails_by_itself_says_so,
    what_it_started_ends_with_it_also_in_a_session_of_its_own,
    what_was_there_before_stays,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_forked(check: Callable[[], None]) -> None:
    apart(check)


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
