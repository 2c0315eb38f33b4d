"""TLS on the address for evidence: certificates that are taken anew when their files change.

asyncio would greet without a bound: connections that never end their handshake count nowhere. Here
they count from their first moment on, have the time that a request's head has, and only then does
the connection begin.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import structlog
from typing_extensions import override

from doctor_daemon.api.connection import Connection, Crowd
from doctor_daemon.config.tls import Tls
from doctor_daemon.errors import ConfigError
from doctor_daemon.ports.secrets import SecretFile

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

SHUTDOWN_S = 5.0


class Certificates:
    """The context of the present certificate, and of who may show one of its own."""

    def __init__(self, certificate: Path, key: SecretFile, client_ca: Path | None) -> None:
        """Read them. Raise ConfigError."""
        self._certificate = certificate
        self._key = key
        self._client_ca = client_ca
        self._seen = self._stamp()
        self._context = self._made()

    def context(self) -> ssl.SSLContext:
        """Return a context of the files as they are; as they were, where they cannot be used."""
        seen = self._stamp()
        if seen != self._seen:
            self._seen, why = seen, ""
            try:
                self._context = self._made()
            except ConfigError as error:
                why = str(error)
            if why:
                log.error("certificate not taken: the last one stays in use", why=why)
            else:
                log.info("certificate taken anew", file=str(self._certificate))
        return self._context

    def _stamp(self) -> tuple[tuple[int, int] | None, ...]:
        files = (self._certificate, self._key.path, self._client_ca)
        return tuple(_stamp(file) if file else None for file in files)

    def _made(self) -> ssl.SSLContext:
        self._key.check()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # A key that has a password is refused: asking for it would stop the daemon.
            context.load_cert_chain(self._certificate, self._key.path, password=str)
            if self._client_ca is not None:
                context.load_verify_locations(self._client_ca)
                context.verify_mode = ssl.CERT_OPTIONAL  # who must show one, its source's gate says
        except OSError as error:  # ssl.SSLError is one
            why = error.strerror or error
            msg = f"tls: {self._certificate}, its key or client_ca_file cannot be used: {why}"
            raise ConfigError(msg) from None
        return context


def certificates(options: Tls | None) -> Certificates | None:
    """Return what the options name; None: plain HTTP. Raise ConfigError."""
    if options is None:
        return None
    return Certificates(options.certificate_file, options.key_file, options.client_ca_file)


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


class Threshold(asyncio.Protocol):
    """Keeps what a client says between the end of the greeting and the beginning of its request."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self.said = bytearray()
        self.lost = False

    @override
    def data_received(self, data: bytes) -> None:
        self.said += data

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


class Greeter:
    """Greets those who connect, so many at a time."""

    def __init__(self, crowd: Crowd, make: Callable[[], Connection]) -> None:
        """Begin a connection that `make` makes for each who ends the greeting."""
        self.certificates: Certificates | None = None
        """What is shown to those who come from now on; None: nobody is greeted, HTTP is plain."""
        self._crowd = Crowd(crowd.limits, crowd.failed)  # a place of its own before the door
        self._make = make
        self._greeting: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """How many are being greeted."""
        return len(self._greeting)

    def met(self) -> asyncio.Protocol:
        """Return the protocol for one who connects."""
        return self._make() if self.certificates is None else Door(self, self.certificates)

    def come(self, transport: asyncio.Transport, peer: str, certificates: Certificates) -> None:
        """Begin to greet, unless too many are being greeted, in all or of one peer."""
        if not self._crowd.enter(peer):
            transport.abort()
            return
        task = asyncio.create_task(self._greet(transport, peer, certificates.context()))
        self._greeting.add(task)
        task.add_done_callback(self._greeting.discard)
        task.add_done_callback(lambda _: self._crowd.leave(peer))

    def close(self) -> None:
        """Greet nobody to the end any more."""
        for task in self._greeting:
            task.cancel()

    async def _greet(
        self, transport: asyncio.Transport, peer: str, context: ssl.SSLContext
    ) -> None:
        threshold, limit_s = Threshold(), self._crowd.limits.head_s
        try:
            tls = await asyncio.get_running_loop().start_tls(
                transport,
                threshold,
                context,
                server_side=True,
                ssl_handshake_timeout=limit_s,
                ssl_shutdown_timeout=SHUTDOWN_S,
            )
        except (OSError, TimeoutError):  # ssl.SSLError is the first, and so is who hangs up
            self._crowd.failed(peer, "no_tls")
            transport.abort()
            return
        except asyncio.CancelledError:
            transport.abort()
            raise
        if tls is None or threshold.lost:
            return
        connection = self._make()
        tls.set_protocol(connection)
        connection.connection_made(tls)
        if threshold.said:
            connection.data_received(bytes(threshold.said))


class Door(asyncio.Protocol):
    """One who has connected, and has not been greeted yet."""

    def __init__(self, greeter: Greeter, certificates: Certificates) -> None:
        """Have them greeted."""
        self._greeter = greeter
        self._certificates = certificates

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.pause_reading()  # the first bytes are the greeting's
            name = transport.get_extra_info("peername")
            peer = str(name[0]) if name else ""
            self._greeter.come(transport, peer, self._certificates)
