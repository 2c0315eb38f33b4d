"""Where RabbitMQ is: the options of whoever listens there. The client itself is in `amqp`.

It is an optional extra, `pip install doctor-daemon[rabbitmq]`, so nothing here needs it.
"""

from __future__ import annotations

import re
import ssl
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from yarl import URL

from doctor_daemon.errors import ConfigError
from doctor_daemon.ports import SecretFile
from doctor_daemon.ports.endpoint import is_loopback

CLIENT = "aio_pika"
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
PORTS = {True: 5671, False: 5672}
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")]


class Broker(BaseModel):
    """Where RabbitMQ is, how one logs in there, and what is listened to."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    addresses: Annotated[tuple[str, ...], Field(min_length=1, max_length=8)]
    """HOST or HOST:PORT of each node of RabbitMQ, tried in turn. The port is 5671, and 5672 without
    TLS."""
    username: Word
    """The user that is logged in as."""
    password_file: SecretFile
    """The file of the password."""
    vhost: Word = "/"
    """The virtual host: what stands behind the last slash of Nova's `transport_url`, or `/`."""
    exchange: Word = "nova"
    """Nova's `control_exchange`. It is Nova's to make; it is never declared."""
    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")] = "versioned_notifications"
    """One of Nova's `versioned_notifications_topics`."""
    tls: bool = True
    """Whether TLS is spoken; the certificate is verified."""
    ca_file: Path | None = None
    """A PEM file of certificates to trust in the place of the system's."""
    i_accept_plain_amqp: bool = False
    """Needed for `tls: false` to another machine: the password is readable on the way."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 10.0
    """How long each request to RabbitMQ may take."""

    @field_validator("addresses")
    @classmethod
    def _plain(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what is no plain address; the text is not repeated, it may hold a password."""
        for text in addresses:
            if not _ADDRESS.fullmatch(text) or not node_url(text).host:
                msg = "expected HOST or HOST:PORT"
                raise ValueError(msg)
        return addresses

    @model_validator(mode="after")
    def _plain_is_accepted(self) -> Self:
        away = any(not is_loopback(node_url(text)) for text in self.addresses)
        if away and not self.tls and not self.i_accept_plain_amqp:
            msg = "tls: found false; expected true, or i_accept_plain_amqp: true"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _client_is_there(self) -> Self:
        if find_spec(CLIENT) is None:
            msg = f"{CLIENT} is not installed: pip install 'doctor-daemon[rabbitmq]'"
            raise ValueError(msg)
        return self

    def context(self) -> ssl.SSLContext | None:
        """Return the TLS context. Raise ConfigError when `ca_file` cannot be used."""
        if not self.tls:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:  # ssl.SSLError is one
            msg = f"ca_file: {self.ca_file} cannot be used: {error.strerror or error}"
            raise ConfigError(msg) from None


def node_url(address: str) -> URL:
    """Return a node's address in parts; one that is none has no host."""
    try:
        return URL(f"amqp://{address}")
    except ValueError:
        return URL()
