"""A consumer's side of Standard Webhooks, written from the specification and from nothing of ours.

`docs/notices.md` shows this very function: a test keeps the two alike.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping


def verified(secret: str, headers: Mapping[str, str], body: bytes, now_s: float) -> bool:
    """Tell whether `body` was sent by who knows `secret`, less than five minutes ago."""
    timestamp = headers["webhook-timestamp"]
    if abs(now_s - int(timestamp)) > 300:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    given = headers["webhook-signature"].split(" ")
    return any(hmac.compare_digest(expected, signature) for signature in given)
