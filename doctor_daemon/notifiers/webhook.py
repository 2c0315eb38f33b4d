"""The webhook: one consumer is told by POST, signed as Standard Webhooks have it.

Delivery repeats the same id and the same bytes until the consumer takes them; only the moment of
the attempt, and with it the signature, is new. Of what the consumer answers only the status is
read: a tenant's endpoint can neither hold the daemon up nor write into the operator's log.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Annotated, ClassVar, Literal, Self

from aiohttp import ClientConnectorError, ClientError, ClientResponse, ClientSession
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.notices import OPERATORS, Notice
from doctor_daemon.errors import ConfigError, Permanent, Temporary
from doctor_daemon.notifiers.cloudevents import MEDIA_TYPE, event
from doctor_daemon.notifiers.signature import key_of, signatures
from doctor_daemon.ports.consumer import NoticeRow
from doctor_daemon.ports.endpoint import Endpoint
from doctor_daemon.ports.secrets import SecretFile

RETRY_AFTER_MAX_S = 3600.0

_TRY_AGAIN = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)

ProjectId = Annotated[str, Field(min_length=1, max_length=64)]
"""Not empty: the empty one stands for the operators."""


class Audience(BaseModel):
    """Whose notices a consumer gets: the operators' (they name the host), and whole projects'."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True
    )

    operators: bool = False
    """Whether it gets the operators' notices: they name the host and say everything."""
    projects: Literal["all"] | tuple[ProjectId, ...] = ()
    """The ids of the projects whose notices it gets, or `all`. These name no host."""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.operators and not self.projects:
            msg = "expected operators: true, or projects: all or a list of project ids"
            raise ValueError(msg)
        return self

    def includes(self, project: str) -> bool:
        """Tell whether a notice for this project is for this consumer."""
        if project == OPERATORS:
            return self.operators
        return self.projects == "all" or project in self.projects


class WebhookConfig(Endpoint):
    """Where to post, how to sign, and what to tell."""

    timeout_s: float = Field(default=5.0, gt=0, le=60, allow_inf_nan=False)
    """How long one delivery may take; half of it for the connection."""
    secret_file: SecretFile
    """The file with the secret that signs: `whsec_` and the base64 of 24 to 64 random bytes."""
    previous_secret_file: SecretFile | None = None
    """While the secret is being changed: the other one, which signs too."""
    audience: Audience
    """Whose notices it gets."""
    kinds: frozenset[NoticeKind] = frozenset(NoticeKind)
    """Which kinds of notices it gets; left out: all, those to come included."""

    @field_validator("kinds")
    @classmethod
    def _never_left_in_error(cls, kinds: frozenset[NoticeKind]) -> frozenset[NoticeKind]:
        """Refuse to tell what will not be taken back."""
        if not kinds:
            msg = f"expected some of {', '.join(NoticeKind)}"
            raise ValueError(msg)
        if kinds != {NoticeKind.HELD} and NoticeKind.WITHDRAWN not in kinds:
            msg = "expected withdrawn too: what is told has to be taken back when it was wrong"
            raise ValueError(msg)
        return kinds


class Webhook:
    """A `Notifier` that posts CloudEvents."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[WebhookConfig]] = WebhookConfig

    def __init__(self, config: WebhookConfig, name: str) -> None:
        """Connect to nothing yet. Raise ConfigError when `ca_file` cannot be used."""
        self.name = name
        self._config = config
        self._tls = config.tls()
        self._session: ClientSession | None = None
        self._closed = False

    def wants(self, notice: Notice) -> bool:
        """Tell whether this consumer is to hear of it."""
        return notice.kind in self._config.kinds and self._config.audience.includes(notice.project)

    def render(self, notice: Notice, id_: str, sequence: int) -> str:
        """Return the body, to be frozen."""
        return event(notice, id_, sequence)

    async def deliver(self, row: NoticeRow) -> None:
        """Post one notice, once. Raise Temporary to try again, Permanent to give it up."""
        body = row.body.encode()
        headers = self._headers(row, body)
        session = self._connected()
        try:
            async with (
                asyncio.timeout(self._config.timeout_s),
                session.post(
                    self._config.url, data=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                _judge(response)
        except TimeoutError:
            msg = f"no answer within {self._config.timeout_s:g} s"
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

    def _headers(self, row: NoticeRow, body: bytes) -> dict[str, str]:
        now_s = int(time.time())
        headers = {
            "Content-Type": MEDIA_TYPE,
            "webhook-id": row.id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": signatures(self._keys(), row.id, now_s, body),
        }
        return headers | ({"webhook-gap-before": "true"} if row.gap_before else {})

    def _keys(self) -> list[bytes]:
        """Read the secrets anew. An unreadable one can be mended: the notice waits for it."""
        files = (self._config.secret_file, self._config.previous_secret_file)
        keys: list[bytes] = []
        for file in files:
            if file is None:
                continue
            try:
                keys.append(key_of(file.read()))
            except ConfigError as error:
                msg = f"secret {file}: {error}"
                raise Temporary(msg) from None
        return keys

    def _connected(self) -> ClientSession:
        """Return the session; the first call makes it, on the loop that it will live on."""
        if self._closed:
            msg = "the notifier was closed"
            raise Temporary(msg)
        if self._session is None:
            self._session = self._config.session(self._tls)
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
