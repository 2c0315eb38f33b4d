"""Prometheus' query API: one instant query, and an answer that is believed only when it is whole.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/ ("Instant queries"). A partial
answer (Thanos, Mimir and others say so by `warnings`) may lack the very series that would show a
host alive, so nothing of it is used. `infos` are advice on the query's text, and are let be.
"""

from __future__ import annotations

import asyncio
import math
from base64 import b64encode
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

from aiohttp import ClientError, ClientSession
from pydantic import Field, model_validator
from yarl import URL

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.inspectors.wire import Found, cleaned, parsed, shown
from doctor_daemon.ports.endpoint import Endpoint, bounded
from doctor_daemon.ports.refusal import Refusal
from doctor_daemon.ports.secrets import SecretFile

BODY_MAX = 8 * 1024 * 1024
SERIES_MAX = 20_000
WORDS_MAX = 200


class QueryEndpoint(Endpoint):
    """Where Prometheus is, and how one logs in there."""

    timeout_s: float = Field(default=5.0, gt=0, le=60, allow_inf_nan=False)
    """How long one query may take; half of it for the connection."""
    bearer_file: SecretFile | None = None
    """A file with the token that is sent as `Authorization: Bearer`."""
    username: str = Field(default="", max_length=256)
    """The name for HTTP's basic authentication."""
    password_file: SecretFile | None = None
    """The file with its password."""

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        if bool(self.username) is not bool(self.password_file) or ":" in self.username:
            msg = "username: expected it together with password_file, and without a colon"
            raise ValueError(msg)
        if self.bearer_file and self.password_file:
            msg = "bearer_file: expected either it or username and password_file"
            raise ValueError(msg)
        return self

    def authorization(self) -> dict[str, str]:
        """Return the header that logs in. Raise ConfigError when a secret cannot be read."""
        if self.bearer_file:
            return {"Authorization": f"Bearer {self.bearer_file.read()}"}
        if self.password_file:
            pair = f"{self.username}:{self.password_file.read()}".encode()
            return {"Authorization": f"Basic {b64encode(pair).decode()}"}
        return {}


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an answer. `at_s` is when it was evaluated, by Prometheus' clock."""

    labels: dict[str, str]
    value: float
    at_s: float


class Queries:
    """Asks one Prometheus."""

    def __init__(self, endpoint: QueryEndpoint) -> None:
        """Connect to nothing yet. Raise ConfigError when `ca_file` cannot be used."""
        self._endpoint = endpoint
        self._tls = endpoint.tls()
        self._url = URL(endpoint.url) / "api/v1/query"
        self._session: ClientSession | None = None

    async def ask(self, query: str, lookback_s: float) -> list[Sample]:
        """Evaluate a query now. Raise Temporary or Permanent unless the answer is whole."""
        if self._session is None:
            self._session = self._endpoint.session(self._tls)
        timeout_s = self._endpoint.timeout_s
        form = {
            "query": query,
            "timeout": f"{timeout_s:g}s",
            "lookback_delta": f"{lookback_s:g}s",  # unknown to releases before 2.38: ignored there
        }
        headers = self._endpoint.authorization()
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._session.post(
                    self._url, data=form, headers=headers, allow_redirects=False
                ) as response,
            ):
                body = await bounded(response, BODY_MAX)
        except TimeoutError:
            msg = f"no answer within {timeout_s:g} s"
            raise Temporary(msg) from None
        except (ClientError, OSError) as error:
            msg = f"no answer: {cleaned(str(error), WORDS_MAX) or type(error).__name__}"
            raise Temporary(msg) from error
        return samples(response.status, body)

    async def close(self) -> None:
        """Let go of the connections; the next question opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def samples(status: int, body: bytes) -> list[Sample]:
    """Read an answer. Raise Permanent for one that a repetition will not better."""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        msg = f"Prometheus does not let us in ({status})"
        raise Permanent(msg)
    if status // 100 == 3:  # noqa: PLR2004 - RFC 9110: redirections
        msg = f"{status}: it redirects, which is not followed: configure the final url"
        raise Permanent(msg)
    try:
        answer = Found(parsed(body))
        if status != HTTPStatus.OK or answer.must("status", "success").value != "success":
            raise _failed(status, answer)
        _whole(answer)
        data = answer.must("data", "the result")
        kind = data.must("resultType", "vector").text()
        if kind != "vector":
            msg = f"the query gives a {cleaned(kind, WORDS_MAX)}; expected an instant vector"
            raise Permanent(msg)
        return _vector(data.must("result", "a list of series"))
    except Refusal as error:
        msg = f"{status}: no answer of Prometheus' query API: {error}"
        raise (Temporary if status != HTTPStatus.OK else Permanent)(msg) from None


def _failed(status: int, answer: Found) -> Permanent | Temporary:
    told = answer.may("error")
    words = told.summary()[:WORDS_MAX] if told else "no reason is given"
    msg = f"{status}: Prometheus cannot answer: {words}"
    bad = status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
    return Permanent(msg) if bad else Temporary(msg)


def _whole(answer: Found) -> None:
    """Raise Temporary for an answer that says it is partial."""
    warnings = answer.may("warnings")
    if warnings is not None and warnings.value:
        first = warnings.items("warnings")[0].summary()[:WORDS_MAX]
        msg = f"the answer is partial, and not used: {first}"
        raise Temporary(msg)


def _vector(result: Found) -> list[Sample]:
    if result.value == []:
        return []
    if isinstance(result.value, list) and len(result.value) > SERIES_MAX:
        msg = f"the query gives {len(result.value)} series; expected at most {SERIES_MAX}"
        raise Permanent(msg)
    series = result.value if isinstance(result.value, list) else result.items("series")
    return [_sample(Found(item, f"{result.field}[{n}]")) for n, item in enumerate(series)]


def _sample(found: Found) -> Sample:
    labels = found.must("metric", "the labels").texts()
    pair = found.must("value", "a time and a value")
    match pair.value:
        case [int() | float() as at_s, str(text)]:
            return Sample(labels, _number(text, pair), _moment(at_s, pair))
        case _:
            raise pair.wrong("a time and a value")


def _moment(at_s: float, pair: Found) -> float:
    """Return when a sample was evaluated: JSON has whole numbers that are larger than any time."""
    try:
        found = float(at_s)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise pair.wrong("a time and a value")
    return found


def _number(text: str, pair: Found) -> float:
    """Return a value; NaN, and what is no finite number, says nothing."""
    try:
        value = float(text)
    except ValueError:
        raise Found(shown(text), pair.field).wrong("a number") from None
    return value if math.isfinite(value) else math.nan
