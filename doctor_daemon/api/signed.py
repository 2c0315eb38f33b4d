"""Who has signed a request may speak for a source: HMAC-SHA256 as Standard Webhooks 1.0.0 have it.

What is signed is the request's id, the second in which it was signed, and the very bytes of its
body. So a request that is read on the way cannot be changed, cannot be sent again, and gives away
no secret. The body has to be read before it is known who has sent it; so the source's rate is not
taken from before.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from aiohttp import web

from doctor_daemon.api.gatekeepers import Unproven
from doctor_daemon.errors import ConfigError, Temporary
from doctor_daemon.ports.refusal import Refusal
from doctor_daemon.ports.replays import Replays, Spending, Spent
from doctor_daemon.ports.secrets import SecretFile
from doctor_daemon.ports.signature import key_of, signatures

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
SCHEME = "Webhook-Signature"
_ID = re.compile(r"[!-~]{1,128}")
_SECONDS = re.compile(r"[1-9][0-9]{0,11}")
SIGNATURES_MAX = 512
"""Characters of all signatures of one request: two are 95."""


class SignatureGate:
    """Admits who has signed the request with one of several keys, at its time, and once."""

    def __init__(
        self, source: str, keys: Sequence[SecretFile], window_s: float, replays: Replays
    ) -> None:
        """Take any of several keys, so that one can be changed while the old one still works."""
        self._source = source
        self._keys = tuple(keys)
        self._window_s = window_s
        self._replays = replays

    def admit(self, request: web.Request) -> None:
        """Raise Unproven where a header is missing, and so no body is read in vain."""
        _stamp(request)

    def verify(self, request: web.Request, body: bytes) -> None:
        """Raise Unproven unless somebody with a key has signed this, whenever that was."""
        id_, signed_s, offered = _stamp(request)
        if not self._signed(id_, signed_s, body, offered):
            raise Unproven("unsigned", "no signature is right", SCHEME)

    async def settle(self, request: web.Request) -> None:
        """Raise Unproven unless this was signed just now, and Refusal if it came before."""
        id_, signed_s, _ = _stamp(request)
        nonce = hashlib.sha256(f"{id_}.{signed_s}".encode()).hexdigest()[:32]
        spending = await self._replays.spend(Spent(self._source, nonce, signed_s), self._window_s)
        if spending is Spending.STALE:
            why = f"it was signed at {signed_s}, which is not now by our clock, or was long ago"
            raise Unproven("stale", why, SCHEME)
        if spending is Spending.REPLAYED:
            raise Refusal(
                409,
                "replayed",
                "it has been sent before",
                field=ID,
                expected="each attempt to be signed anew, at its own time",
            )

    def _signed(self, id_: str, signed_s: int, body: bytes, offered: Sequence[str]) -> bool:
        """Compare with every key, in a time that does not tell which it was."""
        matches, unread = False, ""
        for file in self._keys:
            try:
                key = key_of(file.read())
            except ConfigError as error:
                unread = f"secret {file}: {error}"
                continue
            right = signatures([key], id_, signed_s, body).encode()
            for one in offered:
                matches |= hmac.compare_digest(one.encode("utf-8", "surrogateescape"), right)
        if unread and not matches:
            raise Temporary(unread)
        return matches


def _stamp(request: web.Request) -> tuple[str, int, Sequence[str]]:
    """Return what a request says of its signing. Raise Unproven where it is not all there."""
    found = [request.headers.getall(name, []) for name in (ID, TIMESTAMP, SIGNATURE)]
    if any(len(values) != 1 for values in found):
        raise Unproven(
            "unsigned", f"not exactly one each of {ID}, {TIMESTAMP} and {SIGNATURE}", SCHEME
        )
    [[id_], [seconds], [offered]] = found
    if not _ID.fullmatch(id_) or not _SECONDS.fullmatch(seconds) or len(offered) > SIGNATURES_MAX:
        raise Unproven("unsigned", f"{ID}, {TIMESTAMP} or {SIGNATURE} is not as expected", SCHEME)
    return id_, int(seconds), offered.split(" ")
