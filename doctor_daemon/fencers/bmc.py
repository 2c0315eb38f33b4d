"""One BMC's web service: one request at a time, each with its deadline, each answer bounded.

What the network did is told apart by what the caller can know: that nothing was sent, that the BMC
refused, or that the answer was lost and the order may have been carried out.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ConnectionTimeoutError,
    encode_basic_auth,
)
from yarl import URL

from doctor_daemon.core.instant import Instant
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.fencers.computer_system import cleaned, complaint
from doctor_daemon.fencers.logins import Logins, LoginsRest
from doctor_daemon.fencers.timed import Line
from doctor_daemon.ports.endpoint import Endpoint, bounded
from doctor_daemon.ports.permits import permit_trace
from doctor_daemon.ports.secrets import remember
from doctor_daemon.ports.time import Clock, Permit

BODY_MAX = 262_144
GETS_MAX = 2
GET_PAUSE_S = 0.2

_HEADERS = {"Accept": "application/json", "OData-Version": "4.0"}
_REFUSED_LOGIN = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_REDIRECTS = range(300, 400)
_TRY_LATER = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole body, and when it was asked for and had come in."""

    content: bytes
    asked_at: Instant
    answered_at: Instant


class _LoginRefused(Permanent):
    """The BMC does not take this password (401)."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the BMC, and the passwords that may be that user's now."""

    username: str
    logins: Logins


class Bmc:
    """The client."""

    def __init__(
        self, endpoint: Endpoint, tls: ssl.SSLContext, account: Account, clock: Clock
    ) -> None:
        """Connect to nothing yet."""
        self.url = URL(endpoint.url)
        self.line = Line(endpoint.timeout_s)
        self._endpoint = endpoint
        self._tls = tls
        self._account = account
        self._clock = clock
        self._session: ClientSession | None = None
        self._closed = False

    async def close(self) -> None:
        """Let go of the connection, for good."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def ask(self, deadline_s: float) -> Answer:
        """Get the resource. Raise Temporary or Permanent.

        A connection that cannot be made is tried once more: a busy BMC turns callers away. One that
        breaks is too, by aiohttp itself, since a GET may be repeated (RFC 9110, 9.2.2).
        """
        with self._answering():
            async with asyncio.timeout_at(deadline_s):
                for _ in range(1, GETS_MAX):
                    try:
                        return await self._get()
                    except ClientConnectorError:
                        await asyncio.sleep(GET_PAUSE_S)
                return await self._get()

    async def _get(self) -> Answer:
        """Get it with the first password that is taken."""
        refusal = ""
        for password in self._passwords():
            try:
                return await self._got(password)
            except _LoginRefused as error:
                refusal = str(error)
        raise Permanent(refusal)

    async def _got(self, password: str) -> Answer:
        session, headers = self._connected(), self._headers(password)
        asked_at = self._clock.now()
        async with session.get(self.url, headers=headers, allow_redirects=False) as response:
            content = await bounded(response, BODY_MAX)
        answered_at = self._clock.now()
        self._note(password, response.status)
        _expect_ok(response, content)
        return Answer(content, asked_at, answered_at)

    async def order(
        self, target: URL, order: Mapping[str, str], permit: Permit
    ) -> tuple[Outcome, str]:
        """Post an order, once. Raise LateError or Permanent when nothing was done.

        One that was answered by 401 was not carried out (RFC 9110, 15.5.2): then it is posted with
        the other password, if there is one, and if the permit is still good.
        """
        try:
            async with asyncio.timeout(self._endpoint.timeout_s):
                return await self._post(target, order, permit)
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            return Outcome.UNSENT, f"nothing was sent: {_words(error)}"
        except TimeoutError:
            return Outcome.UNKNOWN, self.line.late
        except (ClientError, OSError) as error:
            return Outcome.UNKNOWN, f"the answer was lost: {_words(error)}"

    async def _post(
        self, target: URL, order: Mapping[str, str], permit: Permit
    ) -> tuple[Outcome, str]:
        ended = Outcome.UNSENT, "there is no password"
        for password in self._passwords():
            session, headers = self._connected(), self._headers(password)
            request = session.post(
                target, json=order, headers=headers, allow_redirects=False, trace_request_ctx=permit
            )
            async with request as response:
                self._note(password, response.status)
                ended = _judged(response.status, await bounded(response, BODY_MAX))
            if response.status != HTTPStatus.UNAUTHORIZED:
                break
        return ended

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Turn what the network throws into Temporary."""
        try:
            yield
        except TimeoutError:
            raise Temporary(self.line.late) from None
        except (ClientError, OSError) as error:
            raise Temporary(_words(error)) from error

    def _connected(self) -> ClientSession:
        """Return the session; the first call makes it, on the loop that it will live on."""
        if self._closed:
            msg = "the device was closed"
            raise Permanent(msg)
        if self._session is None:
            self._session = self._endpoint.session(self._tls, permit_trace(self._clock))
        return self._session

    def _passwords(self) -> Sequence[str]:
        """Return what may be tried now. Raise Permanent while all that was refused is at rest.

        On the event loop: a thread might be waited for in vain while others hang in theirs.
        """
        try:
            return self._account.logins.passwords()
        except LoginsRest as error:
            msg = f"{HTTPStatus.UNAUTHORIZED.value}: {error}"
            raise Permanent(msg) from None

    def _headers(self, password: str) -> dict[str, str]:
        login = encode_basic_auth(self._account.username, password)
        remember(login.removeprefix("Basic "))
        return {**_HEADERS, "Authorization": login}

    def _note(self, password: str, status: int) -> None:
        """Have one rest that was refused (401). 403 is an answer to somebody who is let in."""
        if status == HTTPStatus.UNAUTHORIZED:
            self._account.logins.refused(password)
        else:
            self._account.logins.taken(password)


def _words(error: Exception) -> str:
    return cleaned(str(error)) or type(error).__name__


def _expect_ok(response: ClientResponse, content: bytes) -> None:
    """Raise unless the answer is 200."""
    status = response.status
    if status == HTTPStatus.OK:
        return
    if status in _REFUSED_LOGIN:
        msg = f"the BMC refuses username and password_file ({status})"
        raise (_LoginRefused if status == HTTPStatus.UNAUTHORIZED else Permanent)(msg)
    if status in _REDIRECTS:
        to = cleaned(response.headers.get("Location", "nowhere"))
        msg = f"{status}: it redirects to {to}, which is not followed: configure the final url"
        raise Permanent(msg)
    msg = f"{status}: {complaint(content)}".rstrip(": ")
    later = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRY_LATER
    raise (Temporary if later else Permanent)(msg)


def _judged(status: int, content: bytes) -> tuple[Outcome, str]:
    """Judge the answer to an order by its class (RFC 9110, section 15)."""
    text = f"{status} {complaint(content)}".rstrip()
    match status // 100:
        case 2:
            return Outcome.ACCEPTED, text
        case 4:
            return Outcome.REFUSED, text
        case _:
            return Outcome.UNKNOWN, text
