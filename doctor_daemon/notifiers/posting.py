"""One POST to a consumer, and what its answer means: taken, try again, or give up.

Of what the consumer answers only the status is read, and when to come again: a tenant's endpoint
can neither hold the daemon up nor write into the operator's log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from aiohttp import ClientConnectorError, ClientError, ClientResponse, ClientSession

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports.endpoint import Endpoint

RETRY_AFTER_MAX_S = 3600.0

_TRY_AGAIN = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


class Posting:
    """Posts for one consumer. Connections are kept between two POSTs, and opened by the first."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Connect to nothing yet. Raise ConfigError when `ca_file` cannot be used."""
        self._endpoint = endpoint
        self._tls = endpoint.tls()
        self._session: ClientSession | None = None
        self._closed = False

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Post once. Raise Temporary to try again, Permanent to give it up."""
        session, timeout_s = self._connected(), self._endpoint.timeout_s
        try:
            async with (
                asyncio.timeout(timeout_s),
                session.post(url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                _judge(response)
        except TimeoutError:
            msg = f"no answer within {timeout_s:g} s"
            raise Temporary(msg) from None
        except ClientConnectorError as error:
            msg = f"no connection: {error}"
            raise Temporary(msg) from error
        except (ClientError, OSError) as error:
            msg = f"the answer was lost or is no HTTP: {type(error).__name__}"
            raise Temporary(msg) from error

    async def close(self) -> None:
        """Let go of the connections, for good."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def _connected(self) -> ClientSession:
        """Return the session; the first call makes it, on the loop that it will live on."""
        if self._closed:
            msg = "the notifier was closed"
            raise Temporary(msg)
        if self._session is None:
            self._session = self._endpoint.session(self._tls)
        return self._session


def _judge(response: ClientResponse) -> None:
    """Raise unless the status says that the notice was taken (RFC 9110, section 15)."""
    status = response.status
    match status // 100:
        case 2:
            return
        case 4 if status not in _TRY_AGAIN:
            msg = f"the consumer refuses it: {status}"
            raise Permanent(msg)
        case _:
            error = Temporary(f"the consumer answers {status}")
            error.retry_after_s = _retry_after_s(response.headers.get("Retry-After", ""))
            raise error


def _retry_after_s(text: str) -> float | None:
    """Read a number of seconds or a date (RFC 9110, 10.2.3), within an hour; None: neither."""
    try:
        if text.isascii() and text.isdigit():
            wait_s = float(text)
        else:
            date = parsedate_to_datetime(text)
            wait_s = (date.astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(wait_s, 0.0), RETRY_AFTER_MAX_S)
