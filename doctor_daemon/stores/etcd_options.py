"""Options of the store in etcd, and what its connections are secured by."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from doctor_daemon.config.words import parse_words
from doctor_daemon.errors import ConfigError
from doctor_daemon.ports import SecretFile
from doctor_daemon.ports.endpoint import Endpoint

PREFIX = r"/([A-Za-z0-9_.-]{1,64}/){1,8}"


class EtcdConfig(BaseModel):
    """Options of the store in etcd."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    endpoints: Annotated[tuple[str, ...], BeforeValidator(parse_words)]
    """The URLs of the members of one cluster, `https://HOST:2379`: all of them. Where one does not
    answer the next one is asked."""
    prefix: str = "/doctor-daemon/"
    """What all keys begin with: words between strokes. A second cloud's daemon needs another
    one."""
    ca_file: Annotated[Path, Field(strict=False)] | None = None
    """A PEM file of certificates to trust in the place of the system's."""
    cert_file: Annotated[Path, Field(strict=False)] | None = None
    """The daemon's certificate, PEM, for an etcd that asks its clients for one."""
    key_file: SecretFile | None = None
    """Its key, without a password."""
    username: str = Field(default="", max_length=256)
    """The user of etcd's own authentication. Left out: none is used."""
    password_file: SecretFile | None = None
    """The file with that user's password."""
    timeout_s: float = Field(default=1.5, ge=0.1, le=3, allow_inf_nan=False)
    """How long one endpoint may take to answer; half of it for the connection. A write is given up
    after 4 s, whatever this is, and each of the endpoints has its share of them at most."""
    i_accept_plain_http: bool = False
    """Needed for http URLs that lead to another machine: everything is readable on the way."""
    name: str = Field(default="", pattern=r"^[A-Za-z0-9_.-]{0,64}$")
    """What this daemon is called where it is told who leads. Left out: the host's name."""
    lease_s: int = Field(default=10, ge=5, le=60)
    """How long the daemon that leads may be silent until another may lead. A fifth of it before
    that it begins nothing any more. Less: one that died is followed sooner. More: it bears a longer
    silence of etcd."""
    keep_days: int = Field(default=400, ge=1, le=36_500)
    """How long closed incidents are kept, with their timeline and what consumers were told."""
    closed_max: int = Field(default=5000, ge=1, le=100_000)
    """Above this number the oldest closed incidents are dropped early: all are held in memory."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if bool(self.username) is not bool(self.password_file):
            msg = "username: expected it together with password_file"
            raise ValueError(msg)
        if bool(self.cert_file) is not bool(self.key_file):
            msg = "cert_file: expected it together with key_file"
            raise ValueError(msg)
        if not re.fullmatch(PREFIX, self.prefix):
            msg = "prefix: expected words of letters, digits and ._- between strokes, /as/here/"
            raise ValueError(msg)
        if not self.endpoints:
            msg = "endpoints: expected at least one URL, https://HOST:2379"
            raise ValueError(msg)
        for number, url in enumerate(self.endpoints, 1):
            try:
                self._endpoint(url)
            except ValidationError as error:
                why = error.errors()[0]["msg"].removeprefix("Value error, ")
                msg = f"endpoints: number {number}: {why}"
                raise ValueError(msg) from None
        return self

    def asked(self) -> tuple[Endpoint, ...]:
        """Return the endpoints."""
        return tuple(map(self._endpoint, self.endpoints))

    def _endpoint(self, url: str) -> Endpoint:
        return Endpoint(
            url=url,
            ca_file=self.ca_file,
            timeout_s=self.timeout_s,
            i_accept_plain_http=self.i_accept_plain_http,
        )


def tls(config: EtcdConfig) -> ssl.SSLContext:
    """Make a TLS context of its own: a client's certificate is not to be shown to others."""
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        if config.cert_file is not None and config.key_file is not None:
            config.key_file.check()
            context.load_cert_chain(config.cert_file, config.key_file.path, password=str)
    except (OSError, ssl.SSLError) as error:
        named = ", ".join(
            str(name) for name in (config.ca_file, config.cert_file, config.key_file) if name
        )
        why = error.strerror or type(error).__name__
        raise ConfigError(f"etcd: the files for TLS ({named}) cannot be used: {why}") from None
    return context
