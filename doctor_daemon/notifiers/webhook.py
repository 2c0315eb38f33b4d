"""The webhook: one consumer is told by POST, signed as Standard Webhooks have it.

Delivery repeats the same id and the same bytes until the consumer takes them; only the moment of
the attempt, and with it the signature, is new.
"""

from __future__ import annotations

import time
from typing import ClassVar

from pydantic import Field

from doctor_daemon.core.notices import Notice
from doctor_daemon.errors import ConfigError, Temporary
from doctor_daemon.notifiers.audience import Hearing
from doctor_daemon.notifiers.cloudevents import MEDIA_TYPE, event
from doctor_daemon.notifiers.posting import Posting
from doctor_daemon.ports.consumer import NoticeRow
from doctor_daemon.ports.endpoint import Endpoint
from doctor_daemon.ports.secrets import SecretFile
from doctor_daemon.ports.signature import key_of, signatures


class WebhookConfig(Hearing, Endpoint):
    """Where to post, how to sign, and what to tell."""

    timeout_s: float = Field(default=5.0, gt=0, le=60, allow_inf_nan=False)
    """How long one delivery may take; half of it for the connection."""
    secret_file: SecretFile
    """The file with the secret that signs: `whsec_` and the base64 of 24 to 64 random bytes."""
    previous_secret_file: SecretFile | None = None
    """While the secret is being changed: the other one, which signs too."""


class Webhook:
    """A `Notifier` that posts CloudEvents."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[WebhookConfig]] = WebhookConfig

    def __init__(self, config: WebhookConfig, name: str) -> None:
        """Connect to nothing yet. Raise ConfigError when `ca_file` cannot be used."""
        self.name = name
        self._config = config
        self._posting = Posting(config)

    def wants(self, notice: Notice) -> bool:
        """Tell whether this consumer is to hear of it."""
        return self._config.includes(notice)

    def render(self, notice: Notice, id_: str, sequence: int) -> str:
        """Return the body, to be frozen."""
        return event(notice, id_, sequence)

    async def deliver(self, row: NoticeRow) -> None:
        """Post one notice, once. Raise Temporary to try again, Permanent to give it up."""
        body = row.body.encode()
        await self._posting.post(self._config.url, body, self._headers(row, body))

    async def close(self) -> None:
        """Let go of the connections, for good."""
        await self._posting.close()

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
