"""A program that was started, and all that it starts: none of it outlives the call that began it.

A program may fork, leave its process group, clear its environment, lose its parent and ignore what
it is told. So it gets a group of its own, and a mark by which what has left the group is found: an
odd limit of file locks, which Linux has not heeded since 2.4.25, and hands down through every
fork, exec and setsid (getrlimit(2)). Whoever bears it cannot raise it, and nothing lowers it but
on purpose. prlimit(1) sets it before the program begins, and its other bounds with it.

Nothing is signalled by a number that may have been given to another process meanwhile: the leader
is reaped last, and the others are held by descriptors.
"""

from __future__ import annotations

import errno
import os
import resource
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
HANDED = "{file}"
SWEEPS_MAX = 16
"""How often the marked are looked for anew: what forks faster than that is not ended."""
LOCKS = 10
"""RLIMIT_LOCKS, which the standard library has no name for. It is 10 on every architecture."""

_PROC = Path("/proc")
_ENVIRONMENT = {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": "/", "TZ": "UTC"}
"""All that a program is given: no proxy, no PCMK_service, nothing of what we were started with."""


@dataclass(frozen=True, slots=True)
class Call:
    """What to start. `stdin` None: a pipe.

    A text that is to stay secret goes into `stdin` or `file`: the command line is for all to read.
    An argument that is HANDED becomes the path of the file, which has no name of its own.
    """

    arguments: Sequence[str]
    stdin: bytes | None = b""
    file: bytes | None = None
    memory_bytes: int = 0
    """The most address space that each process of it may take; 0: no bound of its own."""


class Tree:
    """The program and its descendants. Raise OSError when it cannot be started."""

    def __init__(self, call: Call) -> None:
        """Start it."""
        self.program = call.arguments[0]
        self._mark = 1 << 61 | secrets.randbits(61)
        limiter = _find("prlimit")
        _find(self.program)
        with _handed(call) as (arguments, stdin, files):
            self._popen = subprocess.Popen(  # noqa: S603 - a list from the configuration, no shell
                [limiter, *_bounds(self._mark, call.memory_bytes), "--", *arguments],
                bufsize=0,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env=_ENVIRONMENT,
                pass_fds=files,
                start_new_session=True,
            )
        self.pid = self._popen.pid
        try:
            self.pidfd = os.pidfd_open(self.pid)
        except OSError:
            self._popen.kill()
            self._popen.wait()
            self._close_pipes()
            raise

    @property
    def out(self) -> int:
        """The descriptor of its standard output."""
        return self._popen.stdout.fileno() if self._popen.stdout else -1

    @property
    def err(self) -> int:
        """The descriptor of its standard error."""
        return self._popen.stderr.fileno() if self._popen.stderr else -1

    def say(self, content: bytes) -> None:
        """Write to its standard input, which is a pipe. Raise OSError when it does not listen."""
        if self._popen.stdin is None or self._popen.stdin.write(content) != len(content):
            raise BlockingIOError

    def hang_up(self) -> None:
        """Close its standard input."""
        if self._popen.stdin is not None:
            with suppress(OSError):
                self._popen.stdin.close()

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the group, whose number is ours for as long as the leader is not reaped."""
        if self._popen.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def kill_all(self) -> set[int]:
        """Kill all that bears the mark, wherever it has gone. Return what may go on running."""
        return kill_marked(self._mark)

    def reap(self, within_s: float) -> int | None:
        """Return its exit status (negative: the signal that ended it), or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            return self._popen.wait(within_s)
        return None

    def close(self) -> None:
        """Let go of the descriptors."""
        os.close(self.pidfd)
        self._close_pipes()

    def _close_pipes(self) -> None:
        for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def kill_marked(mark: int) -> set[int]:
    """Kill all processes that bear a mark, until a sweep finds no new one.

    Return those that are another user's, and, if there was no end of new ones, the last of them.
    """
    met: set[int] = set()
    refused: set[int] = set()
    new: set[int] = set()
    for _ in range(SWEEPS_MAX):
        new = set()
        for pid in _processes():
            if pid in met:
                continue
            if (theirs := mark_of(pid)) != mark:
                if theirs is None:  # to read of another user's once more would take its time
                    met.add(pid)
                continue
            new.add(pid)
            try:
                _kill(pid, mark)
            except PermissionError:
                refused.add(pid)
        if not new:
            return refused
        met |= new
    return refused | new


def mark_of(pid: int) -> int | None:
    """Return the hard limit of a process's file locks.

    None if it has gone, or is another user's and has no limit.
    """
    try:
        return resource.prlimit(pid, LOCKS)[1]
    except PermissionError:  # it has become another user's, by setuid: this is for all to read
        return shown_mark(pid)
    except OSError:
        return None


def shown_mark(pid: int) -> int | None:
    """Return the same as /proc shows it (proc(5), /proc/pid/limits); None if it has none."""
    try:
        with Path(f"{_PROC}/{pid}/limits").open("rb", buffering=0) as file:
            limits = file.read()
    except OSError:
        return None
    soft_and_hard = limits.partition(b"Max file locks")[2].split(maxsplit=2)[:2]
    return int(soft_and_hard[1]) if soft_and_hard and soft_and_hard[1].isdigit() else None


def _kill(pid: int, mark: int) -> None:
    """Kill one that bears the mark, unless it has ended. Raise PermissionError."""
    try:
        held = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if mark_of(pid) == mark:  # or the number was another process's before it was held
            signal.pidfd_send_signal(held, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        os.close(held)


def _processes() -> Iterator[int]:
    """Yield the processes as they are read: to sort or gather them gives one more time to fork."""
    own = os.getpid()
    with os.scandir(_PROC) as entries:
        for entry in entries:
            if entry.name.isdecimal() and int(entry.name) != own:
                yield int(entry.name)


def _find(program: str) -> str:
    """Return where a program is. Raise OSError when there is none: prlimit could only exit so."""
    if found := shutil.which(program, path=PATH):
        return found
    if "/" not in program:
        raise FileNotFoundError(errno.ENOENT, f"there is no {program} in {PATH}")
    code = errno.EACCES if Path(program).exists() else errno.ENOENT
    raise OSError(code, os.strerror(code))


def _bounds(mark: int, memory_bytes: int) -> list[str]:
    """Return its mark and bounds as options of prlimit(1). A core file would hold secrets."""
    bounds = [f"--locks={mark}:{mark}", "--core=0:0"]
    if memory_bytes:
        ours = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = memory_bytes if ours == resource.RLIM_INFINITY else min(memory_bytes, ours)
        bounds.append(f"--as={most}:{most}")
    return bounds


@contextmanager
def _handed(call: Call) -> Iterator[tuple[list[str], int, list[int]]]:
    """Put what is handed over into memory that has no name.

    It is complete before the program starts: a fence agent that finds its input empty, since we
    were killed while writing it, takes that for an order to reboot.
    """
    opened: list[int] = []
    try:
        stdin = subprocess.PIPE if call.stdin is None else _memory(call.stdin, opened)
        files = [] if call.file is None else [_memory(call.file, opened)]
        path = f"/proc/self/fd/{files[0]}" if files else ""
        yield [path if part == HANDED else part for part in call.arguments], stdin, files
    finally:
        for number in opened:
            os.close(number)


def _memory(content: bytes, opened: list[int]) -> int:
    number = os.memfd_create("input", os.MFD_CLOEXEC)
    opened.append(number)
    view = memoryview(content)
    while view:
        view = view[os.write(number, view) :]
    os.lseek(number, 0, os.SEEK_SET)
    return number
