"""Do something in a forked process that tells how far it is, and end it when nothing is heard.

Whatever it has started ends with it, also what has left its group: it becomes a child of ours.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from tests.mutants import ending

PASSED = b"."
BROKEN = b"!"
MEMORY_BYTES = 4 << 30
PR_SET_CHILD_SUBREAPER = 36

Work = Callable[[], Iterator[bytes]]
"""Yields a byte for each step that is done; one that is not `PASSED` is its last word."""


def adopt() -> None:
    """Become the parent of whatever loses its own, among our descendants."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def watched(work: Work, limits: Sequence[float]) -> tuple[int, bytes]:
    """Do the work. Return how many steps passed, and the last word; none: it hangs, or is dead.

    Each step has its limit in seconds, and what comes after the last one has the last limit.
    """
    if threading.active_count() > 1:
        raise RuntimeError(f"nothing is forked beside threads: {threading.enumerate()}")
    sys.stdout.flush()
    sys.stderr.flush()
    heard, said = os.pipe()
    before = set(_children())
    pid = os.fork()
    if pid == 0:
        os.close(heard)
        _do(work, said)
    os.close(said)
    try:
        return _listen(heard, limits)
    finally:
        os.close(heard)
        end(before)


def _listen(heard: int, limits: Sequence[float]) -> tuple[int, bytes]:
    passed = 0
    while True:
        limit_s = limits[min(passed, len(limits) - 1)]
        word = os.read(heard, 1) if select.select([heard], [], [], limit_s)[0] else b""
        if word != PASSED:
            return passed, word
        passed += 1


def _do(work: Work, said: int) -> NoReturn:
    """Do it in this process, which is forked, and end."""
    os.setpgid(0, 0)
    ending.as_ever()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    errors = os.dup(2)
    os.dup2(nowhere, 2)
    try:
        for word in work():
            os.write(said, word)
    except BaseException as error:  # noqa: BLE001 - whatever it is, this process ends here
        os.write(errors, f"{type(error).__name__}: {error}\n".encode())
        os.write(said, BROKEN)
    finally:
        os._exit(0)


def end(before: Collection[int] = ()) -> None:
    """Kill all that has come since, and reap it."""
    while since := set(_children()) - set(before):
        for pid in since:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in since:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    task = Path("/proc/self/task", str(threading.get_native_id()), "children")
    return [int(pid) for pid in task.read_text("ascii").split()]
