"""A consumer of notices, who trusts no notice but a signed one.

Written from the Standard Webhooks specification alone (symmetric signatures, ``v1``), and not from
the daemon's code: the two agree only if both follow it. CloudEvents 1.0 in structured JSON mode.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.openstack.listener import Asked, Listener, Reply
from tests.openstack.testbed.processes import wait_for

# The specification leaves the tolerance to the consumer and advises against a wide one.
TOLERANCE_S = 300
_REQUIRED = ("specversion", "id", "source", "type")


class Unsigned(Exception):
    """A notice whose signature is missing, wrong or too old."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified notice; ``mono`` is its arrival in seconds of CLOCK_MONOTONIC."""

    mono: float
    id: str
    event: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.event["type"])

    @property
    def data(self) -> Mapping[str, Any]:
        return dict(self.event["data"])

    @property
    def text(self) -> str:
        """The whole body, to look for what must not be in it."""
        return json.dumps(self.event)


def verify(key: str, asked: Asked, now: float) -> str:
    """The id of a notice whose signature holds. Unsigned says why it does not.

    ``key`` is ``whsec_`` and base64; ``now`` is wall time in seconds, as is the header.
    """
    secret = base64.b64decode(key.removeprefix("whsec_"), validate=True)
    try:
        identity, stamp, given = (
            asked.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature")
        )
    except KeyError as error:
        raise Unsigned(f"no header {error}") from error
    if not stamp.isdecimal() or abs(now - int(stamp)) > TOLERANCE_S:
        raise Unsigned(f"timestamp {stamp!r} is not within {TOLERANCE_S} s of {now:.0f}")
    message = f"{identity}.{stamp}.".encode() + asked.body
    right = "v1," + base64.b64encode(hmac.digest(secret, message, hashlib.sha256)).decode()
    # Several, separated by spaces, while a key is being changed.
    if not any(hmac.compare_digest(right, one) for one in given.split(" ")):
        raise Unsigned("the signature is not that of the body")
    return identity


def parse(body: bytes) -> dict[str, Any]:
    """A CloudEvent 1.0 of structured mode. ValueError: the body is none."""
    event = json.loads(body)
    missing = [name for name in _REQUIRED if not event.get(name)]
    if missing or event["specversion"] != "1.0":
        raise ValueError(f"no CloudEvent 1.0; missing: {missing}")
    return dict(event)


class Consumer:
    """Keeps verified notices in the order of their arrival, and says no to all else."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._lock = threading.Lock()
        self._notices: list[Notice] = []
        self.refused: list[str] = []
        self._listener = Listener(self._receive)

    @property
    def url(self) -> str:
        return self._listener.url + "/notices"

    def close(self) -> None:
        self._listener.close()

    def notices(self, host: str = "") -> list[Notice]:
        """All, each id once, as a consumer counts them; or those that speak of a host."""
        with self._lock:
            once = {notice.id: notice for notice in reversed(self._notices)}
        found = sorted(once.values(), key=lambda notice: notice.mono)
        return [notice for notice in found if not host or notice.data.get("host") == host]

    def deliveries(self) -> list[Notice]:
        """All in the order of their arrival, each as often as it came."""
        with self._lock:
            return list(self._notices)

    def clear(self) -> None:
        with self._lock:
            self._notices.clear()

    def await_notice(self, kind: str, limit_s: float = 60.0) -> Notice:
        """The first notice whose type ends in this kind: suspected, confirmed, held and so on."""

        def find() -> Notice | None:
            ends = (notice for notice in self.notices() if notice.type.endswith(kind))
            return next(ends, None)

        found = wait_for(f"a notice of kind {kind}", find, limit_s)
        assert found is not None
        return found

    def _receive(self, asked: Asked) -> Reply:
        try:
            identity = verify(self._key, asked, time.time())
            event = parse(asked.body)
        except (Unsigned, ValueError) as error:
            self.refused.append(str(error))
            return Reply(400, str(error).encode())
        with self._lock:
            self._notices.append(Notice(asked.mono, identity, event))
        return Reply(204)
