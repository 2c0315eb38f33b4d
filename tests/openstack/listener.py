"""A small HTTP server on loopback: one function answers, one thread a connection.

With the standard library, so that a peer of the daemon shares nothing with it; and in threads, so
that an answer may simply wait.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self, cast

_LOG = logging.getLogger(__name__)
BODY_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: ``mono`` is the arrival of its last byte, in seconds of CLOCK_MONOTONIC."""

    mono: float
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handle = Callable[[Asked], Reply | None]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Nagle's algorithm and delayed acknowledgements would add 40 ms to an answer in two writes.
    disable_nagle_algorithm = True

    def serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_LIMIT:
            self.send_error(413)
            return
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(time.monotonic(), self.command, self.path, headers, body)
        reply = cast("_Server", self.server).handle(asked)
        if reply is None:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: object) -> None:
        """Nothing: what came is kept by whoever answers."""


# http.server calls a method named for each verb.
for _verb in ("GET", "POST", "PUT", "DELETE"):
    setattr(_Handler, f"do_{_verb}", _Handler.serve)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, handle: Handle) -> None:
        self.handle = handle
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: object) -> None:
        self._open.discard(cast("socket.socket", request))
        super().shutdown_request(cast("socket.socket", request))

    def handle_error(self, request: object, client_address: object) -> None:
        # A peer that was killed leaves a broken connection, and that is no news.
        if not isinstance(sys.exception(), ConnectionError):
            _LOG.exception("a listener's answer failed")

    def hang_up(self) -> None:
        """Close what idle clients keep open, so that no thread waits for them."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Listener:
    """Answers on a port of loopback from ``start`` to ``close``; 0 lets the kernel choose.

    ``handle`` may return None: the connection is dropped without an answer.
    """

    def __init__(self, handle: Handle, port: int = 0) -> None:
        self._server = _Server(port, handle)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
