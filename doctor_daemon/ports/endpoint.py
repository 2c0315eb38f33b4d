"""Where an adapter speaks HTTP to: one URL from the configuration, and nowhere else.

What is sent there (a password, the order to cut power, the names of a tenant's servers) is meant
for that peer alone. So no redirect is followed, no proxy of the environment is asked, no cookie is
kept, TLS is verified, and plain HTTP outside this machine needs the operator's word. What the peer
answers is read up to a bound and never unpacked.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from aiohttp import (
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    TraceConfig,
)
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from yarl import URL

from doctor_daemon.errors import ConfigError
from doctor_daemon.ports.names import CACHED_S, Names, shows

CONNECTIONS_MAX = 32


class Endpoint(BaseModel):
    """The options of every plug-in that is a client of one URL. A plug-in's own are added to it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    url: str
    """The only URL that is ever asked; redirects are not followed."""
    ca_file: Path | None = None
    """A PEM file of certificates to trust in the place of the system's."""
    timeout_s: float = Field(default=10.0, gt=0, le=60, allow_inf_nan=False)
    """How long one request may take; half of it for the connection."""
    i_accept_plain_http: bool = False
    """Needed for an http URL that leads to another machine: everything is readable on the way."""

    @field_validator("url")
    @classmethod
    def _plain_url(cls, text: str) -> str:
        """Refuse what is no plain address; the text is not repeated, it may hold a password."""
        try:
            url = URL(text)
        except ValueError:
            url = URL()
        if url.scheme not in {"http", "https"} or not url.host or not text.isprintable():
            msg = "expected https://HOST[:PORT]/PATH"
            raise ValueError(msg)
        if url.raw_user is not None or url.raw_password is not None or url.raw_fragment:
            msg = "expected a URL without user, password and #fragment"
            raise ValueError(msg)
        return text

    @model_validator(mode="after")
    def _plain_http_is_accepted(self) -> Self:
        url = URL(self.url)
        if url.scheme == "http" and not self.i_accept_plain_http and not is_loopback(url):
            msg = (
                "url: plain http sends everything readable to whoever is on the way; "
                "expected https, or i_accept_plain_http: true"
            )
            raise ValueError(msg)
        return self

    def tls(self, *, verify: bool = True) -> ssl.SSLContext:
        """Return the TLS context. Raise ConfigError when `ca_file` cannot be used."""
        try:
            found = self.ca_file.stat() if self.ca_file else None
            stamp = (found.st_mtime_ns, found.st_size) if found else (0, 0)
            return _context(self.ca_file, stamp, verify=verify)
        except OSError as error:  # ssl.SSLError is one
            msg = f"ca_file: {self.ca_file} cannot be used: {error.strerror or error}"
            raise ConfigError(msg) from None

    def session(self, tls: ssl.SSLContext, *traces: TraceConfig) -> ClientSession:
        """Open a session for this URL; half of the time-out is for the connection."""
        return ClientSession(
            connector=TCPConnector(
                ssl=tls,
                limit=CONNECTIONS_MAX,
                resolver=Names(shown=shows(tls, self.url)),
                ttl_dns_cache=CACHED_S,
            ),
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=None, sock_connect=self.timeout_s / 2),
            headers={"User-Agent": "doctor-daemon", "Accept-Encoding": "identity"},
            auto_decompress=False,
            trace_configs=list(traces),
        )


@lru_cache(maxsize=64)
def _context(ca_file: Path | None, _stamp: tuple[int, int], *, verify: bool) -> ssl.SSLContext:
    """Make a context once for all who share it: five hundred take seconds to make."""
    context = ssl.create_default_context(cafile=ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def is_loopback(url: URL) -> bool:
    """Tell whether a URL leads to this very machine."""
    if url.host == "localhost":
        return True
    try:
        return ip_address(url.host or "").is_loopback
    except ValueError:
        return False


async def bounded(response: ClientResponse, limit: int) -> bytes:
    """Read a whole body. Raise ClientPayloadError past `limit` bytes: the rest stays unread."""
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > limit:
            msg = f"the answer is longer than {limit} bytes"
            raise ClientPayloadError(msg)
    return bytes(content)
