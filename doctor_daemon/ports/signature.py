"""Standard Webhooks signatures: who sent a notice, and when. Source: standardwebhooks.com, 1.0.0.

What is signed is the notice's id, the moment of this attempt and the very bytes of the body, so a
recorded delivery can neither be changed nor be played back later. With two keys both sign, and a
consumer can change from one to the other at its own time.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable

from doctor_daemon.errors import ConfigError

PREFIX = "whsec_"
KEY_MIN = 24
KEY_MAX = 64
"""Bytes of a key, by the specification."""


def key_of(secret: str) -> bytes:
    """Read `whsec_` and base64. Raise ConfigError, which does not repeat the secret."""
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not KEY_MIN <= len(key) <= KEY_MAX:
        msg = f"expected {PREFIX} and the base64 of {KEY_MIN} to {KEY_MAX} random bytes"
        raise ConfigError(msg)
    return key


def signatures(keys: Iterable[bytes], id_: str, timestamp_s: int, body: bytes) -> str:
    """Return the header `webhook-signature`: one signature for each key."""
    signed = f"{id_}.{timestamp_s}.".encode() + body
    return " ".join(f"v1,{_signature(key, signed)}" for key in keys)


def _signature(key: bytes, signed: bytes) -> str:
    return b64encode(hmac.digest(key, signed, "sha256")).decode()
