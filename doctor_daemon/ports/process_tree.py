"""A program that was started, and all that it starts: none of it outlives the call that began it.

A program may fork, leave its process group and ignore what it is told. So it gets a group of its
own, and a mark in its environment by which what has left the group is found. Nothing is signalled
by a number that may have been given to another process meanwhile: the leader is reaped last, and
the others are held by descriptors.
"""

from __future__ import annotations

import os
import resource
import secrets
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
HANDED = "{file}"
MARK = "DOCTOR_DAEMON_CALL"
SWEEPS_MAX = 16
"""How often the marked are looked for anew: what forks faster than that is not ended."""

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
        self._mark = secrets.token_hex(16)
        environment = {**_ENVIRONMENT, MARK: self._mark}
        with _handed(call) as (arguments, stdin, files):
            self._popen = subprocess.Popen(  # noqa: S603 - a list from the configuration, no shell
                arguments,
                bufsize=0,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env=environment,
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
        self._limit(call.memory_bytes)

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

    def kill_marked(self) -> None:
        """Kill all that bears the mark, wherever it has gone, until nothing new is found."""
        killed: set[int] = set()
        for _ in range(SWEEPS_MAX):
            found = {pid for pid in _processes() if pid not in killed and self._kill_marked(pid)}
            if not found:
                return
            killed |= found

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

    def _limit(self, memory_bytes: int) -> None:
        """Bound its memory, and have it leave no core file: there are secrets in it."""
        with suppress(OSError):
            resource.prlimit(self.pid, resource.RLIMIT_CORE, (0, 0))
            if memory_bytes:
                resource.prlimit(self.pid, resource.RLIMIT_AS, (memory_bytes, memory_bytes))

    def _kill_marked(self, pid: int) -> bool:
        if not self._marked(pid):
            return False
        try:
            held = os.pidfd_open(pid)
        except OSError:
            return False
        try:
            if not self._marked(pid):  # the number was another process's before it was held
                return False
            signal.pidfd_send_signal(held, signal.SIGKILL)
        except OSError:
            return False
        finally:
            os.close(held)
        return True

    def _marked(self, pid: int) -> bool:
        """Tell whether a process bears the mark. One that is dead already has none."""
        try:
            environment = (_PROC / str(pid) / "environ").read_bytes()
        except OSError:
            return False
        return f"{MARK}={self._mark}".encode() in environment.split(b"\0")


def _processes() -> Iterator[int]:
    own = os.getpid()
    for process in _PROC.iterdir():
        if process.name.isdecimal() and int(process.name) != own:
            yield int(process.name)


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
