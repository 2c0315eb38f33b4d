"""A watchdog that is no hardware: it answers as Linux' watchdog API says, and resets its host.

The host is one process: to reset it is to kill it. The device is a Unix socket, so that it stays
what it is whatever becomes of the process that had it open; `StandIn` is the node on its other end.
A thread of its own keeps the time: the test's may be busy.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doctor_daemon.heartbeat.dog import (
    GETSUPPORT,
    GETTIMEOUT,
    INFO,
    KEEPALIVE,
    KEEPS_ALIVE,
    MAGIC_CLOSE,
    NUMBER,
    SETS_TIMEOUT,
    SETTIMEOUT,
)

FIT = SETS_TIMEOUT | MAGIC_CLOSE | KEEPS_ALIVE
IDENTITY = "iron dog"
LIMIT_S = 60.0


def now_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Hardware:
    """The timer. `rounds` rounds a time-out, as some drivers do."""

    def __init__(self, *, options: int = FIT, identity: str = IDENTITY, rounds: int = 1) -> None:
        self.options, self.identity, self.rounds = options, identity, rounds
        self.timeout_s = 30
        self.fed = 0
        self.opened = 0
        self.fired_s: float | None = None
        self.host: int | None = None
        """The process that dies with it."""
        self._due_s: float | None = None
        self._magic = False
        self._ends = threading.Event()

    @property
    def running(self) -> bool:
        return self._due_s is not None

    @contextmanager
    def at(self, path: Path) -> Iterator[Hardware]:
        """Be there under that path."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
            door.bind(str(path))
            door.listen()
            door.settimeout(0.01)
            thread = threading.Thread(target=self._serve, args=(door,))
            thread.start()
            try:
                yield self
            finally:
                self._ends.set()
                thread.join(LIMIT_S)

    def _serve(self, door: socket.socket) -> None:
        opened: socket.socket | None = None
        while not self._ends.is_set():
            self._look()
            if opened is None:
                try:
                    opened, _ = door.accept()
                except TimeoutError:
                    continue
                opened.settimeout(0.01)
                self.opened += 1
                self._feed()
                continue
            try:
                asked = opened.recv(4096)
            except TimeoutError:
                continue
            except ConnectionResetError:
                asked = b""
            if asked:
                opened.send(json.dumps(self._answer(json.loads(asked))).encode())
                continue
            opened.close()
            opened = None
            if self._magic or not self.options & MAGIC_CLOSE:
                self._due_s = None
            self._magic = False
        if opened is not None:
            opened.close()

    def _look(self) -> None:
        if self._due_s is not None and self.fired_s is None and now_s() >= self._due_s:
            self.fired_s = now_s()
            if self.host is not None:
                os.kill(self.host, signal.SIGKILL)

    def _feed(self) -> None:
        self._due_s = now_s() + self.timeout_s

    def _answer(self, asked: dict[str, str]) -> dict[str, object]:
        found = bytes.fromhex(asked["data"])
        if asked["call"] == "write":
            self._magic = found == b"V"
            return {"data": ""}
        match int(asked["call"]):
            case number if number == GETSUPPORT:
                found = INFO.pack(self.options, 1, self.identity.encode())
            case number if number == SETTIMEOUT:
                (wanted_s,) = NUMBER.unpack(found)
                self.timeout_s = -(-wanted_s // self.rounds) * self.rounds
                self._feed()
                found = NUMBER.pack(self.timeout_s)
            case number if number == GETTIMEOUT:
                found = NUMBER.pack(self.timeout_s)
            case number if number == KEEPALIVE:
                self.fed += 1
                self._feed()
            case _:
                return {"errno": errno.ENOTTY}
        return {"data": found.hex()}


class StandIn:
    """`dog.Node` of such hardware."""

    def __init__(self, path: Path) -> None:
        self._to = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._to.connect(str(path))

    def control(self, request: int, argument: bytes) -> bytes:
        return self._call(str(request), argument)

    def write(self, data: bytes) -> None:
        self._call("write", data)

    def close(self) -> None:
        self._to.close()

    def _call(self, call: str, data: bytes) -> bytes:
        self._to.send(json.dumps({"call": call, "data": data.hex()}).encode())
        answer = json.loads(self._to.recv(4096))
        if "errno" in answer:
            raise OSError(answer["errno"], "refused")
        return bytes.fromhex(answer["data"])
