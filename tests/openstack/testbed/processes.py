"""Processes by name, ended by what was written down about them.

A pid alone may belong to somebody else by the time it is used. Its start time is kept beside it,
so that whoever ends a run, even a later one after a crash, ends what that run had started and
nothing else.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

# Started by this very process, which has to collect them when they are dead.
_CHILDREN: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True)
class _Stat:
    """What ``/proc/PID/stat`` says, see proc(5): group and start time in clock ticks."""

    pid: int
    state: str
    group: int
    began: str


def _stat(pid: int) -> _Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name may hold spaces and brackets; the last bracket ends it.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else _Stat(pid, fields[0], int(fields[2]), fields[19])


def _members(group: int) -> list[_Stat]:
    found = (_stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [stat for stat in found if stat and stat.group == group]


def wait_for(what: str, test: Callable[[], T], limit_s: float = 90.0) -> T:
    """The first true value of ``test``. TimeoutError, naming what was awaited, after the limit."""
    stop = time.monotonic() + limit_s
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > stop:
            raise TimeoutError(f"gave up waiting for {what} after {limit_s:g} s")
        time.sleep(0.05)


class Processes:
    """The processes of one run; each leads a process group of its own."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._pids = run / "pid"
        self._logs = run / "log"

    def launch(
        self,
        name: str,
        argv: Sequence[object],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> int:
        """Start a process under a name; its output goes to ``log/NAME.log``. The pid."""
        if self.pid(name):
            raise RuntimeError(f"{name} runs already")
        for folder in (self._pids, self._logs):
            folder.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(part) for part in argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=cwd or self._run,
                start_new_session=True,
                env=environment(env),
            )
        stat = _stat(process.pid)
        record = {"pid": process.pid, "began": stat.began if stat else ""}
        (self._pids / f"{name}.json").write_text(json.dumps(record))
        _CHILDREN.append(process)
        return process.pid

    def pid(self, name: str) -> int | None:
        """Pid of the running leader of that name."""
        record = self._record(name)
        stat = _stat(record[0]) if record else None
        return stat.pid if record and stat and stat.began == record[1] else None

    def running(self) -> list[str]:
        """Names with at least one living process."""
        return sorted(path.stem for path in self._pids.glob("*.json") if self._group(path.stem))

    def end(
        self, names: Iterable[str], how: signal.Signals = signal.SIGTERM, patience_s: float = 8.0
    ) -> None:
        """End these with all their children; who outlasts the patience is killed."""
        waiting = {name for name in names if self._signal(name, how)}
        ended = set(waiting)
        stop = time.monotonic() + patience_s
        while waiting and time.monotonic() < stop:
            waiting = {name for name in waiting if self._group(name)}
            time.sleep(0.02)
        for name in waiting:
            self._signal(name, signal.SIGKILL)
        wait_for("killed processes to go", lambda: not any(map(self._group, waiting)), 10)
        _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]
        for name in ended:
            (self._pids / f"{name}.json").unlink(missing_ok=True)

    def _signal(self, name: str, how: signal.Signals) -> bool:
        group = self._group(name)
        if group:
            # A stopped process acts on nothing but SIGKILL until it is continued.
            with suppress(ProcessLookupError):
                os.killpg(group, how)
                os.killpg(group, signal.SIGCONT)
        return bool(group)

    def _group(self, name: str) -> int | None:
        """The group this name leads, if any of it lives.

        The kernel gives no new process a number that a living group still bears. So members
        without their leader are ours, and a leader with another start time is a stranger.
        """
        record = self._record(name)
        if not record:
            return None
        pid, began = record
        members = _members(pid)
        stranger = any(stat.pid == pid and stat.began != began for stat in members)
        return pid if members and not stranger else None

    def _record(self, name: str) -> tuple[int, str] | None:
        try:
            record = json.loads((self._pids / f"{name}.json").read_text())
        except FileNotFoundError:
            return None
        return record["pid"], record["began"]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """A small environment: a proxy or a Python option of the caller must not leak in."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "PYTHONWARNINGS": "ignore", **(more or {})}
