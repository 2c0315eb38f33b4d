"""The system is asked where names lead by threads of their own, which may hang.

`getaddrinfo` waits for a dead name server for as long as resolv.conf(5) says, and nothing ends it;
`getpwuid` waits likewise for a directory of users that is gone. So they take no thread that
anything else waits for, and nobody waits for them when the daemon ends: these threads are daemons,
are few, and go when there is nothing to be asked.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Lock, Thread
from typing import Any, TypeAlias, TypeVar

from aiohttp.abc import ResolveResult

THREADS_MAX = 16
WAITING_MAX = 10_000
"""Names that wait for a thread."""
Found: TypeAlias = list[ResolveResult]
Ask = Callable[[str, socket.AddressFamily], Found]
T = TypeVar("T")
_Job: TypeAlias = tuple["Future[Any]", Callable[[], Any]]


def ask(host: str, family: socket.AddressFamily) -> Found:
    """Ask the system, and wait for it. Raise OSError."""
    try:
        rows = socket.getaddrinfo(
            host, 0, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
    except UnicodeError:  # an empty label, or one of more than 63 bytes (RFC 1035, 2.3.4)
        raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is no name of a host") from None
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    return [
        ResolveResult(
            hostname=host,
            host=socket.getnameinfo(address, numeric)[0],  # with the scope, if it has one
            port=0,
            family=kind,
            proto=proto,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for kind, _, proto, _, address in rows
    ]


class Lookups:
    """Asks by `threads` threads at most; who is not waited for any more is not asked about."""

    def __init__(self, by: Ask = ask, threads: int = THREADS_MAX) -> None:
        """Start none yet."""
        self._ask = by
        self._most = threads
        self._lock = Lock()
        self._jobs: deque[_Job] = deque()
        self._threads = 0

    async def find(self, host: str, family: socket.AddressFamily) -> Found:
        """Return where a name leads. Raise OSError."""
        return await self.put(partial(self._ask, host, family))

    async def put(self, question: Callable[[], T]) -> T:
        """Have any other question answered that may hang. Raise OSError, and what it raises."""
        return await asyncio.wrap_future(self._put(question))

    def _put(self, question: Callable[[], T]) -> Future[T]:
        job = Future[T]()
        with self._lock:
            if len(self._jobs) >= WAITING_MAX:
                raise socket.gaierror(socket.EAI_AGAIN, "too many names wait to be resolved")
            if self._threads < self._most:
                self._begin()
            self._jobs.append((job, question))
        return job

    def _begin(self) -> None:
        """Start one more thread, if it can be had."""
        try:
            Thread(target=self._work, name="names", daemon=True).start()
        except RuntimeError:
            if not self._threads:
                raise socket.gaierror(socket.EAI_AGAIN, "no thread can be had") from None
        else:
            self._threads += 1

    def _work(self) -> None:
        while (job := self._next()) is not None:
            found, question = job
            if found.set_running_or_notify_cancel():
                try:
                    found.set_result(question())
                except BaseException as error:  # noqa: BLE001 - it is the waiter's
                    found.set_exception(error)

    def _next(self) -> _Job | None:
        """Take the next one; None: the thread is to go."""
        with self._lock:
            if self._jobs:
                return self._jobs.popleft()
            self._threads -= 1
            return None
