"""An answer of etcd's JSON gateway that goes on: one JSON object on each line."""

from __future__ import annotations

from aiohttp import ClientResponse

from doctor_daemon.ports.endpoint import Endpoint
from doctor_daemon.stores.etcd_json import Json
from doctor_daemon.stores.etcd_meaning import Expired, TooLong, Unanswered, sorted_out, understood

LINE_MAX = 16 * 1024 * 1024
"""Bytes of a line. etcd cuts what it tells into pieces of 2 MiB and base64 adds a third; what one
transaction of ours has written fits in it."""


class Stream:
    """Such an answer, word by word. Waiting for a word may be given up, and begun again."""

    def __init__(self, response: ClientResponse, endpoint: Endpoint) -> None:
        """Take an answer of which nothing has been read."""
        self._response = response
        self.endpoint = endpoint
        """Who answers."""
        self._kept = bytearray()

    async def next(self) -> Json:
        """Return the next word; the caller bounds the time.

        Raise Unanswered when there is no more, TooLong for one that is none of etcd's.
        """
        known = 0
        while (end := self._kept.find(b"\n", known)) < 0:
            known = len(self._kept)
            if known > LINE_MAX:
                raise TooLong(f"etcd: {self.endpoint.url}: a word has more than {LINE_MAX} bytes")
            with sorted_out(self.endpoint.timeout_s):
                more = await self._response.content.readany()
            if not more and not self._kept:
                raise Unanswered("the answer has ended", sent=True)
            self._kept += more or b"\n"
        line = bytes(self._kept[:end])
        del self._kept[: end + 1]
        try:
            return understood(self._response.status, line, self.endpoint)
        except Expired:
            raise Unanswered("the token counts no more", sent=True) from None

    def close(self) -> None:
        """Hear no more of it."""
        self._response.close()
