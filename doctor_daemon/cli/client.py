"""Talks to the running daemon over its socket.

Plain http.client: a command asks once and ends, so there is no loop to run and nothing to pool.
"""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

TIMEOUT_S = 15.0
ANSWER_MAX = 16 * 1024 * 1024


class Unanswered(Exception):
    """The daemon could not be asked, or has said no; the text says what and why."""


class NoDaemon(Unanswered):
    """Nobody listens on the socket."""


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of to a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(str(self._path))


def ask(path: Path, method: str, resource: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    """Ask the daemon once. Raise Unanswered with a sentence that says what to do."""
    connection = _Connection(path)
    try:
        sent = None if body is None else json.dumps(body)
        connection.request(method, resource, sent, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read(ANSWER_MAX)
    except (FileNotFoundError, ConnectionRefusedError):
        msg = f"no daemon listens on {path}: is doctor-daemon running? (--socket names another)"
        raise NoDaemon(msg) from None
    except PermissionError:
        msg = f"{path} may not be used by you: be root or in the operators' group"
        raise Unanswered(msg) from None
    except TimeoutError:
        msg = (
            f"the daemon behind {path} has not answered within {TIMEOUT_S:g} s; what was asked for "
            "may have been done all the same: see `doctor-daemon status`"
        )
        raise Unanswered(msg) from None
    except (OSError, http.client.HTTPException) as error:
        msg = f"the daemon behind {path} does not answer: {error}"
        raise Unanswered(msg) from None
    finally:
        connection.close()
    return _parsed(answer.status, text)


def _parsed(status: int, text: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        found = json.loads(text)
    except ValueError:
        msg = f"the daemon answered {status} without JSON"
        raise Unanswered(msg) from None
    if status < http.client.BAD_REQUEST:
        return found
    error = found.get("error", {}) if isinstance(found, dict) else {}
    field, expected = error.get("field"), error.get("expected")
    text_ = error.get("message") or f"status {status}"
    words = f"{field}: {text_}" if field else text_
    raise Unanswered(f"{words}; expected {expected}" if expected else words)
