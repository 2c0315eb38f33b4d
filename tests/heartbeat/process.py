"""The listener as a process, as the daemon starts it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from doctor_daemon.heartbeat.keys import Key
from tests.heartbeat.beats import OF_ALL

Json = dict[str, Any]
LIMIT_S = 60.0


def orders(
    *, keys: Sequence[Key] = (OF_ALL,), memory: Path | None = None, **changes: object
) -> Json:
    """What the listener is told at first."""
    said = [
        {"number": key.number, "algorithm": key.algorithm, "secret": key.secret.hex()}
        for key in keys
    ]
    return {
        "listen": [["127.0.0.1", 0]],
        "keys": said,
        "hbv2_keys": [],
        "hbv2_interval_s": 30.0,
        "misses": 4,
        "phi": 8.0,
        "longest_s": 30.0,
        "leaving_s": 300.0,
        "warm_up_s": 0.0,
        "buffer_bytes": 1_048_576,
        "memory": str(memory) if memory else None,
        **changes,
    }


class Listening:
    """A running listener, and what it has told."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.told: list[Json] = []
        self._lines: Queue[bytes] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def say(self, what: Json) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        self.process.stdin.flush()

    def until(self, met: Callable[[Json], object], limit_s: float = LIMIT_S) -> Json:
        """Read on until something is told that meets the wish."""
        until_s = time.monotonic() + limit_s
        while True:
            try:
                line = self._lines.get(timeout=max(until_s - time.monotonic(), 0.001))
            except Empty:
                raise AssertionError(f"not told in {limit_s:g} s: {self.told[-3:]}") from None
            assert line, f"it has ended: {self.told[-3:]}"
            self.told.append(json.loads(line))
            if met(self.told[-1]):
                return self.told[-1]

    def change(self, what: str, name: str) -> list[Any]:
        """Read on until that is told of a host; return it."""
        found = self.until(
            lambda told: [
                one for one in told.get("changes", ()) if one[2] == what and one[0] == name
            ]
        )
        (row,) = [one for one in found["changes"] if one[2] == what and one[0] == name]
        assert isinstance(row, list)
        return row

    def changes(self, what: str) -> list[str]:
        """Return of whom that has been told so far."""
        rows = [one for told in self.told for one in told.get("changes", ())]
        return [one[0] for one in rows if one[2] == what]

    def end(self) -> int:
        """End its input, and wait for it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(LIMIT_S)


@contextmanager
def listening(said: Json) -> Iterator[tuple[Listening, list[int]]]:
    """Run a listener until the block ends; give it and its ports."""
    argv = (sys.executable, "-m", "doctor_daemon.heartbeat.listener")
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        made = Listening(process)
        try:
            made.say(said)
            yield made, list(made.until(lambda told: "ready" in told)["ready"])
        finally:
            if process.poll() is None:
                process.kill()
