"""One HTTP request to Nova and its answer: bounded, timed, sent at most once and never too late.

What the caller must know of a failure is whether anything can have reached Nova, so failures are
of two kinds: NothingSentError and NoAnswerError. aiohttp would send a PUT a second time when a kept
connection breaks; that is prevented here, since the second might be sent after its permit lapsed,
and would hide that the first was sent.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import aiohttp

from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import ConfigError, Temporary
from doctor_daemon.ports import Clock, Permit
from doctor_daemon.ports.endpoint import bounded
from doctor_daemon.ports.names import CACHED_S, Names, shows
from doctor_daemon.ports.permits import permit_trace

WORDS_MAX = 300
REQUEST_ID_MAX = 60
_REQUEST_ID = "x-openstack-request-id"
_UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


class NothingSentError(Temporary):
    """There was no connection: nothing was sent."""


class NoAnswerError(Temporary):
    """There was a connection, and no answer, or half of one: what was asked may have been done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask. Its headers hold a token, so they are in no repr."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    timeout_s: float
    answer_max: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered. `asked_at` is a moment before anything was sent."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    asked_at: Instant
    took_s: float = 0.0

    def words(self) -> str:
        """Return Nova's own words: its error's message, or the status and some of the body."""
        try:
            fault = next(iter(json.loads(self.body).values()))
            message = fault["message"]
        except (ValueError, TypeError, KeyError, AttributeError, StopIteration, RecursionError):
            message = self.body[:WORDS_MAX].decode(errors="replace")
        text = " ".join(str(message).split())[:WORDS_MAX]
        said = "".join(letter if letter.isprintable() else "?" for letter in text)
        return f"{self.status} {said}".rstrip()

    def request_id(self) -> str:
        """Return Nova's own id of the request, by which its logs and instance actions are found."""
        ids = (said for name, said in self.headers.items() if name.lower() == _REQUEST_ID)
        return next(ids, "without a request id")[:REQUEST_ID_MAX]


class Wire:
    """A pool of connections. Reads and writes have one each: reads never keep a write waiting."""

    def __init__(
        self,
        tls: ssl.SSLContext,
        clock: Clock,
        *,
        connections: int,
        connect_s: float,
        keep_s: float,
    ) -> None:
        """Open nothing yet; keep idle connections for `keep_s`. 0: a new one for each request.

        A kept one may have been closed at the other end, which is only found out by writing to it.
        """
        self._tls = tls
        self._clock = clock
        self._connections = connections
        self._connect_s = connect_s
        self._keep_s = keep_s
        self._pools: dict[bool, aiohttp.ClientSession] = {}
        """Of those who show who they are, and of those who do not (plain HTTP, unverified TLS)."""

    async def send(self, request: Request, permit: Permit | None = None) -> Answer:
        """Send one request once. Raise NothingSentError, NoAnswerError or LateError."""
        session = self._opened(shown=shows(self._tls, request.url))
        asked_at = self._clock.now()
        timeout = aiohttp.ClientTimeout(
            total=request.timeout_s, connect=min(self._connect_s, request.timeout_s)
        )
        try:
            async with session.request(
                request.method,
                request.url,
                params=request.query,
                json=request.body,
                headers=request.headers,
                allow_redirects=False,
                timeout=timeout,
                trace_request_ctx=permit,
            ) as response:
                body = await bounded(response, request.answer_max)
                took_s = self._clock.now().since(asked_at)
                return Answer(response.status, dict(response.headers), body, asked_at, took_s)
        except _UNSENT as error:
            msg = f"nothing was sent, for no connection stood: {_brief(error)}"
            raise NothingSentError(msg) from None
        except TimeoutError:
            msg = f"no answer within {request.timeout_s:g} s"
            raise NoAnswerError(msg) from None
        except (aiohttp.ClientError, OSError) as error:
            msg = f"the answer broke off: {_brief(error)}"
            raise NoAnswerError(msg) from None

    async def close(self) -> None:
        """Close every connection."""
        pools, self._pools = self._pools, {}
        for session in pools.values():
            await session.close()

    def _opened(self, *, shown: bool) -> aiohttp.ClientSession:
        session = self._pools.get(shown)
        if session is None:
            session = self._pools[shown] = aiohttp.ClientSession(
                connector=self._connector(shown=shown),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={
                    "User-Agent": "doctor-daemon",
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                },
                auto_decompress=False,
                trace_configs=[permit_trace(self._clock)],
                middlewares=[_once],
            )
        return session

    def _connector(self, *, shown: bool) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(
            limit=self._connections,
            ssl=self._tls,
            resolver=Names(shown=shown),
            ttl_dns_cache=CACHED_S,
            force_close=not self._keep_s,
            keepalive_timeout=self._keep_s or None,
        )


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Let no broken connection be answered by sending again: aiohttp does so with GET and PUT."""
    try:
        return await handler(request)
    except _UNSENT:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        msg = f"the connection broke before the answer: {_brief(error)}"
        raise NoAnswerError(msg) from None


def _brief(error: Exception) -> str:
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}".rstrip(": ")[:WORDS_MAX]


def ahead_s(answer: Answer, known_s: float) -> float:
    """Compare the answer's date with our clock; without one, believe what was known."""
    try:
        date = parsedate_to_datetime(answer.headers["Date"])
        return date.timestamp() - answer.asked_at.wall_s
    except (ValueError, TypeError, KeyError, OverflowError):
        return known_s


def asked_there_s(answer: Answer) -> float | None:
    """Return when it was asked at the latest, in Unix seconds of the other side's clock.

    An answer is dated when it is sent, which may be a minute after what is in it was read. None:
    it has no date.
    """
    try:
        return parsedate_to_datetime(answer.headers["Date"]).timestamp() - answer.took_s
    except (ValueError, TypeError, KeyError, OverflowError):
        return None


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Read Retry-After: seconds, or a date, which is compared with the date of the same answer."""
    asked = headers.get("Retry-After", "")
    if asked.isascii() and asked.isdigit():
        return float(asked)
    try:
        until, now = (parsedate_to_datetime(text) for text in (asked, headers["Date"]))
        return (until - now).total_seconds()
    except (ValueError, TypeError, KeyError):
        return 0.0


def tls_context(cacert: str, cert: str, key: str, *, verify: bool) -> ssl.SSLContext:
    """Make the TLS context of a cloud. Raise ConfigError for files that cannot be used."""
    try:
        context = ssl.create_default_context(cafile=cacert or None)
        if cert:
            context.load_cert_chain(cert, key or None)
    except (OSError, ssl.SSLError) as error:
        named = ", ".join(name for name in (cacert, cert, key) if name)
        msg = f"TLS files of the cloud ({named}): {_brief(error)}"
        raise ConfigError(msg) from None
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
