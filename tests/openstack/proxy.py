"""What stands between the daemon and Nova: it writes down every request, and can hold one back.

Holding the force-down before Nova has seen it is how the daemon is killed between proof and PUT
without a line of test code in the daemon; holding Nova's answer is how it is killed while it cannot
know what it has done.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.openstack.listener import Asked, Listener, Reply
from tests.openstack.testbed.processes import wait_for

TIMEOUT_S = 60.0
# About the connection, not about the message: each side of the proxy has its own.
_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server")


@dataclass(frozen=True, slots=True)
class Passed:
    """One request and its fate; times in seconds of CLOCK_MONOTONIC.

    ``status`` is Nova's: None while there is none, and for ever if Nova has not got the request.
    """

    number: int
    asked: Asked
    forwarded: float | None = None
    status: int | None = None
    answered: float | None = None

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.asked.body))


@dataclass(eq=False)
class Fault:
    """What befalls requests for as long as it lasts: each takes the first that fits."""

    methods: tuple[str, ...] = ()
    """Empty: all."""
    status: int = 0
    """They are answered so, and go no further. 0: they go on."""
    pause_s: float = 0.0
    """How much later they are answered than they would be."""
    loses: int = 0
    """So many are not answered: the service has got them. Then it befalls no other."""
    befell: list[Asked] = field(default_factory=list)

    def takes(self, asked: Asked) -> bool:
        """Whether it befalls this request. The proxy asks about one at a time."""
        worn = self.loses and len(self.befell) == self.loses
        if worn or (self.methods and asked.method not in self.methods):
            return False
        self.befell.append(asked)
        return True


_NONE = Fault()


class Hold:
    """The nth request that matches stays here, or Nova's answer to it, until it is decided on."""

    def __init__(self, method: str, path: str, nth: int, *, answered: bool) -> None:
        self.answered = answered
        self.asked: Asked | None = None
        self._method = method
        self._path = re.compile(path)
        self._left = nth
        self._arrived = threading.Event()
        self._decided = threading.Event()
        self._forward = False

    def takes(self, asked: Asked) -> bool:
        """Whether this request is the one. The proxy asks about one at a time."""
        if asked.method == self._method and self._path.search(asked.path):
            self._left -= 1
            if not self._left:
                self.asked = asked
                return True
        return False

    def stay(self) -> bool:
        """Wait for the decision; whether to pass it on. After the time limit: dropped."""
        self._arrived.set()
        self._decided.wait(TIMEOUT_S)
        return self._forward

    def await_request(self, limit_s: float = 60.0) -> Asked:
        """The request, once it, or its answer, is here."""
        wait_for(f"{self._method} {self._path.pattern} at the proxy", self._arrived.is_set, limit_s)
        assert self.asked is not None
        return self.asked

    def release(self) -> None:
        """It goes on its way, whether or not its sender still lives."""
        self._forward = True
        self._decided.set()

    def drop(self) -> None:
        """It goes no further; whoever waits for an answer gets none."""
        self._decided.set()


def forward(address: tuple[str, int], asked: Asked) -> Reply:
    """Ask somebody else, and return the answer. OSError: there is none."""
    connection = http.client.HTTPConnection(*address, timeout=TIMEOUT_S)
    headers = {name: value for name, value in asked.headers.items() if name not in _HOP}
    try:
        connection.request(asked.method, asked.path, asked.body or None, headers)
        got = connection.getresponse()
        body = got.read()
    finally:
        connection.close()
    kept = {name: value for name, value in got.getheaders() if name.lower() not in _HOP}
    return Reply(got.status, body, kept)


class Proxy:
    """Forwards to one service; requests of several connections at once."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._lock = threading.Lock()
        self._passed: list[Passed] = []
        self._holds: list[Hold] = []
        self._pauses: list[tuple[str, str, float]] = []
        self._faults: list[Fault] = []
        self._listener = Listener(self._pass)

    @property
    def url(self) -> str:
        return self._listener.url

    def hold(self, method: str, path: str, nth: int = 1, *, answered: bool = False) -> Hold:
        """Hold the nth request from now that has this method and matches a regular expression.

        ``answered``: Nova gets it at once, and its answer is what is held.
        """
        held = Hold(method, path, nth, answered=answered)
        with self._lock:
            self._holds.append(held)
        return held

    def slow(self, method: str, path: str, pause_s: float) -> None:
        """Let every answer to such requests wait for so long."""
        with self._lock:
            self._pauses.append((method, path, pause_s))

    @contextmanager
    def suffering(self, fault: Fault) -> Iterator[None]:
        """Have a fault befall requests until the block ends."""
        with self._lock:
            self._faults.append(fault)
        try:
            yield
        finally:
            with self._lock:
                self._faults.remove(fault)

    def clear(self) -> None:
        """Hold nothing any more, and slow nothing down. What is held still is dropped."""
        with self._lock:
            for held in self._holds:
                held.drop()
            self._holds.clear()
            self._pauses.clear()

    def passed(self, method: str = "", path: str = "") -> list[Passed]:
        """Requests so far in order of arrival."""
        with self._lock:
            rows = list(self._passed)
        return [
            row
            for row in rows
            if row.asked.method.startswith(method) and re.search(path, row.asked.path)
        ]

    def close(self) -> None:
        self.clear()
        self._listener.close()

    def _pass(self, asked: Asked) -> Reply | None:
        with self._lock:
            row = Passed(len(self._passed), asked)
            self._passed.append(row)
            held = next((held for held in self._holds if held.takes(asked)), None)
            fault = next((fault for fault in self._faults if fault.takes(asked)), _NONE)
        if fault.status:
            return Reply(fault.status, b"out of order")
        if held and not held.answered and not held.stay():
            return None
        row = self._note(replace(row, forwarded=time.monotonic()))
        try:
            reply = forward(self._address, asked)
        except OSError:
            return Reply(502, b"the service behind the proxy does not answer")
        self._note(replace(row, status=reply.status, answered=time.monotonic()))
        time.sleep(self._pause_s(asked) + fault.pause_s)
        if fault.loses:
            return None
        return None if held and held.answered and not held.stay() else reply

    def _pause_s(self, asked: Asked) -> float:
        with self._lock:
            pauses = list(self._pauses)
        return sum(
            pause_s
            for method, path, pause_s in pauses
            if asked.method == method and re.search(path, asked.path)
        )

    def _note(self, row: Passed) -> Passed:
        with self._lock:
            self._passed[row.number] = row
        return row
