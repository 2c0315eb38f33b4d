"""Where names lead: as the system resolves them, and where they led last while it cannot.

A name server that is gone is our own trouble, and must not keep a dead host from being fenced: a
BMC that is known by name is where it was an hour ago. But somebody else may be there by now, and
what is sent is a password or the order to cut. So where a name led counts only for those who show
who they are before anything is sent, by a certificate that is verified; and only while the system
gives no answer. That there is no such name is one. A name that was never resolved leads nowhere.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import TypeAlias

import structlog
from aiohttp.abc import AbstractResolver
from typing_extensions import override

from doctor_daemon.ports.lookups import Found, Lookups

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LATE_S = 5.0
"""How long the system is waited for where it is known where a name led. One name server's own
time-out, by default (resolv.conf(5))."""
PATIENCE_S = 0.5
"""The same, where the system has already given no answer about the name at last."""
ANSWERED_S = 30.0
"""How long it is waited for at all; who asks then asks anew."""
CACHED_S = 1
"""How long a connector may go on with an answer: it does not ask whether it still holds."""
ABSENT = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})
"""The errors that are answers: there is no such name, or it leads nowhere."""
KEPT_S = 86_400.0
NAMES_MAX = 10_000
LEADS_S = 2 * LATE_S
"""How long it is waited for where it is only to be told whether a name leads anywhere: the first of
two name servers may be gone, and the second answers."""
Key: TypeAlias = tuple[str, int]
"""A name, and the family of its addresses."""
Lookup = Callable[[str, socket.AddressFamily], Awaitable[Found]]


@dataclass(slots=True)
class Known:
    """Where a name led, and when that was (CLOCK_MONOTONIC)."""

    found: Found
    at_s: float
    lost: bool = False
    """Whether it could not be resolved since."""


class Memory:
    """Where names led. `lookup` asks the system; `clock` counts seconds, and never back."""

    def __init__(
        self, lookup: Lookup | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lookup = lookup or Lookups().find
        self._clock = clock
        self._known: OrderedDict[Key, Known] = OrderedDict()
        self._asked: dict[Key, asyncio.Task[Found]] = {}

    async def resolve(
        self, host: str, family: socket.AddressFamily, *, shown: bool = True
    ) -> Found:
        """Return where a name leads. Raise OSError where that is not known.

        `shown`: whoever is there shows who it is before anything is sent. Without, only what the
        system answers now is good enough.
        """
        key = (host, family)
        asked, known = self._ask(key, family), self._lately(key)
        if known is None or not shown:
            return await asyncio.shield(asked)
        await asyncio.wait((asked,), timeout=PATIENCE_S if known.lost else LATE_S)
        if not asked.done() or asked.cancelled():
            return known.found
        error = asked.exception()
        if error is None or _answers(error):
            return asked.result()
        return known.found

    def _ask(self, key: Key, family: socket.AddressFamily) -> asyncio.Task[Found]:
        """Have the system asked; whoever wants to know the same meanwhile waits for that."""
        asked = self._asked.get(key)
        if asked is None or asked.get_loop() is not asyncio.get_running_loop():
            asked = self._asked[key] = asyncio.create_task(self._looked_up(key[0], family))
            asked.add_done_callback(lambda done: self._learn(key, done))
        return asked

    async def _looked_up(self, host: str, family: socket.AddressFamily) -> Found:
        late = asyncio.get_running_loop().call_later(LATE_S, self._lose, (host, family))
        try:
            async with asyncio.timeout(ANSWERED_S):
                return await self._lookup(host, family)
        except TimeoutError:  # to aiohttp this would be one of the peer's
            text = f"no name server has answered within {ANSWERED_S:g} s"
            raise socket.gaierror(socket.EAI_AGAIN, text) from None
        finally:
            late.cancel()

    def _lately(self, key: Key) -> Known | None:
        known = self._known.get(key)
        return None if known is None or self._clock() - known.at_s > KEPT_S else known

    def _learn(self, key: Key, done: asyncio.Future[Found]) -> None:
        if self._asked.get(key) is done:
            del self._asked[key]
        if done.cancelled():
            return
        error = done.exception()
        if error is not None and _answers(error):
            if self._known.pop(key, None) is not None:
                log.warning("there is no such name any more", name=key[0])
            return
        if error is not None or not done.result():
            self._lose(key)
            return
        known = self._known.get(key)
        if known is not None and known.lost:
            log.info("a name can be resolved again", name=key[0])
        self._known[key] = Known(done.result(), self._clock())
        self._known.move_to_end(key)
        while len(self._known) > NAMES_MAX:
            self._known.popitem(last=False)

    def _lose(self, key: Key) -> None:
        """Tell once that the system gives no answer about a name that led somewhere."""
        known = self._known.get(key)
        if known is not None and not known.lost:
            known.lost = True
            to = [one["host"] for one in known.found]
            text = "a name cannot be resolved: by verified TLS it leads where it led"
            log.warning(text, name=key[0], to=to)


def _answers(error: BaseException) -> bool:
    """Tell whether the system has answered, though there is nothing to go to."""
    return isinstance(error, socket.gaierror) and error.errno in ABSENT


def shows(tls: ssl.SSLContext, url: str) -> bool:
    """Tell whether whoever is at a URL has to show who it is before anything is sent there."""
    verified = tls.verify_mode is ssl.CERT_REQUIRED and tls.check_hostname
    return verified and url.lower().startswith("https:")


@lru_cache(maxsize=1)
def _shared() -> Memory:
    """Return the memory of this process: what one connection has learnt, the next one knows."""
    return Memory()


async def leads(place: str, *, shown: bool, memory: Memory | None = None) -> bool:
    """Tell whether a name leads anywhere, as far as that can be said in time; an address does."""
    with suppress(ValueError):
        ip_address(place.partition("%")[0])
        return True
    try:
        async with asyncio.timeout(LEADS_S):
            found = await (memory or _shared()).resolve(place, socket.AF_UNSPEC, shown=shown)
    except (OSError, TimeoutError):
        return False
    return bool(found)


class Names(AbstractResolver):
    """The resolver of a connector, which is to keep an answer no longer than `CACHED_S`."""

    def __init__(self, memory: Memory | None = None, *, shown: bool) -> None:
        """Share what all others know, unless given a memory of its own.

        `shown`: all who are reached by it have to show who they are (see `shows`).
        """
        self._memory = memory or _shared()
        self.shown = shown

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> Found:
        found = await self._memory.resolve(host, family, shown=self.shown)
        return [{**one, "port": port} for one in found]

    @override
    async def close(self) -> None:
        """Keep what is known: it is shared."""
