"""Who may speak for a source: a secret in a header, or an address where the sender has none.

A refusal is the same whatever was wrong, so nothing can be learnt from it. Secrets are read when
they are needed, so a changed file counts from the next request on, and compared in a time that does
not depend on them. Where a secret's file cannot be read nobody is let in, but nobody is told that
he is wrong either: the sender tries again (Temporary) while the file is mended.

An address is no secret. It is for monitors that send none, and what comes that way can never be
enough to fence by; the configuration sees to that.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Protocol, runtime_checkable

import structlog
from aiohttp import web

from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import ConfigError, Temporary
from doctor_daemon.ports import Clock, Gatekeeper
from doctor_daemon.ports.intake import Seal
from doctor_daemon.ports.secrets import SecretFile

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Networks = Sequence[IPv4Network | IPv6Network]
LOOPBACK: Networks = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

ADMITTED = web.RequestKey("admitted", str)
"""The source that a request was let in for."""
TOLD_MAX = 256
"""Reasons for a line in the log that are remembered."""
QUIET_S = 60.0
"""How long the same again is only counted."""


class Unproven(web.HTTPUnauthorized):
    """A request that proves nothing. `reason` is counted, `why` is logged; neither is answered."""

    def __init__(self, reason: str, why: str, scheme: str = "") -> None:
        super().__init__(headers={"WWW-Authenticate": scheme} if scheme else None)
        self.counted = reason
        self.why = why


class BearerGate:
    """Admits who sends `Authorization: Bearer SECRET` (RFC 6750)."""

    def __init__(self, tokens: Sequence[SecretFile]) -> None:
        """Take any of several secrets, so that one can be changed while the old one still works."""
        self._tokens = _some(tokens, "a bearer token")

    def admit(self, request: web.Request) -> None:
        """Raise HTTPUnauthorized unless exactly one header holds one of the secrets."""
        scheme, _, offered = _only(request, "Authorization").partition(" ")
        if scheme.lower() != "bearer" or not _is_one_of(offered.strip(" "), self._tokens):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})


class TokenGate:
    """Admits who sends `X-Auth-Token: SECRET`. The secret is a fixed one: Keystone is not asked."""

    def __init__(self, tokens: Sequence[SecretFile]) -> None:
        """Take any of several secrets, so that one can be changed while the old one still works."""
        self._tokens = _some(tokens, "a token")

    def admit(self, request: web.Request) -> None:
        """Raise HTTPUnauthorized unless exactly one header holds one of the secrets."""
        if not _is_one_of(_only(request, "X-Auth-Token"), self._tokens):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "X-Auth-Token"})


class AddressGate:
    """Admits who connects from a listed address, without any secret."""

    def __init__(self, networks: Networks = LOOPBACK) -> None:
        """Raise ConfigError for no network, and for one that has every address in it."""
        if not networks:
            msg = "addresses: found none; expected at least one: an empty list admits nobody"
            raise ConfigError(msg)
        for network in networks:
            if network.prefixlen == 0:
                msg = f"addresses: found {network}; expected less than every address there is"
                raise ConfigError(msg)
        self._networks = tuple(networks)

    def admit(self, request: web.Request) -> None:
        """Raise HTTPForbidden unless the peer's own address is listed; no header changes it.

        A browser says by `Origin` which page it speaks for; no monitor does. So a page that is open
        beside the daemon cannot speak through the browser.
        """
        if "Origin" in request.headers or not self._listed(_peer(request)):
            raise web.HTTPForbidden

    def _listed(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return any((mapped or address) in network for network in self._networks)


class ShutGate:
    """Admits nobody: for sources that look by themselves, and are told nothing."""

    def admit(self, request: web.Request) -> None:
        """Raise HTTPForbidden, whoever asks."""
        raise web.HTTPForbidden(reason=f"{request.path} takes nothing in")


@runtime_checkable
class Asking(Protocol):
    """A gate that has to ask somebody else first."""

    async def ask(self, request: web.Request) -> None:
        """Find out what `admit` needs to know. Raise a DoctorError where that cannot be done."""
        ...


class Once:
    """A source's gate, asked once a request: by the listener, before it reads the body."""

    def __init__(self, gate: Gatekeeper, source: str) -> None:
        """Stand before one source's gate."""
        self._gate = gate
        self._source = source
        # Found out once: to look for a Protocol's methods takes as long as to read a bearer.
        self._asking = gate if isinstance(gate, Asking) else None
        self._seal = gate if isinstance(gate, Seal) else None

    async def ask(self, request: web.Request) -> None:
        """Have the gate find out what it needs to know, if it needs to."""
        if self._asking is not None:
            await self._asking.ask(request)

    def admit(self, request: web.Request) -> None:
        """Ask the gate, unless it has let this very request in."""
        if request.get(ADMITTED) != self._source:
            self._gate.admit(request)
            if not self.sealed:
                request[ADMITTED] = self._source

    @property
    def sealed(self) -> bool:
        """Whether the body has to be seen too before the request is let in."""
        return self._seal is not None

    async def settle(self, whole: web.Request, room: Callable[[], None]) -> None:
        """Have the gate see the body, which is there; between its two questions ask for `room`."""
        if self._seal is not None:
            self._seal.verify(whole, await whole.read())
            room()
            await self._seal.settle(whole)
            whole[ADMITTED] = self._source


class Failures:
    """Counts every refused request, and logs what is the same once a minute at most.

    Of somebody who has not shown who he is everything is the same; of a source, what has the same
    reason: Alertmanager sends a refused alert again every second, for as long as it fires.
    """

    def __init__(self, clock: Clock, count: Callable[[str, str], None]) -> None:
        """`count` is called with the source and the reason."""
        self._clock = clock
        self._count = count
        self._told: OrderedDict[tuple[str, ...], tuple[Instant, int]] = OrderedDict()

    def stranger(self, peer: str, source: str, reason: str, why: str = "") -> None:
        """Take note of somebody who was not let in; `why` is for the log alone."""
        self._count(source, reason)
        self._log("request not let in", (peer,), source=source, reason=reason, why=why)

    def known(self, peer: str, source: str, reason: str, why: str) -> None:
        """Take note of a source whose request could not be taken."""
        self._count(source, reason)
        self._log("request refused", (peer, source, why), source=source, reason=reason, why=why)

    def _log(self, event: str, same: tuple[str, ...], **told: str) -> None:
        now = self._clock.now()
        told_at, more = self._told.get(same, (None, 0))
        if told_at is not None and now.since(told_at) < QUIET_S:
            self._told[same] = (told_at, more + 1)
        else:
            log.warning(event, peer=same[0], more=more, **told)
            self._told[same] = (now, 0)
        self._told.move_to_end(same)
        while len(self._told) > TOLD_MAX:
            self._told.popitem(last=False)


def _some(tokens: Sequence[SecretFile], what: str) -> tuple[SecretFile, ...]:
    if not tokens:
        msg = f"auth: found no file; expected at least one that holds {what}"
        raise ConfigError(msg)
    return tuple(tokens)


def _only(request: web.Request, header: str) -> str:
    """Return a header's value; '' where there is none, or more than one to choose from."""
    values = request.headers.getall(header, [])
    return values[0] if len(values) == 1 else ""


def _peer(request: web.Request) -> str:
    """Return the address at the other end of the connection, without an IPv6 zone."""
    return (request.remote or "").partition("%")[0]


def _is_one_of(offered: str, tokens: Sequence[SecretFile]) -> bool:
    """Tell whether a secret is one of several. Raise Temporary if one that it may be is not known.

    All of them are compared, so the time taken does not tell which it was.
    """
    if not offered:
        return False
    matches, unread = False, ""
    for token in tokens:
        try:
            secret = token.read()
        except ConfigError as error:
            unread = str(error)
            continue
        matches |= hmac.compare_digest(offered.encode("utf-8", "surrogateescape"), secret.encode())
    if unread and not matches:
        raise Temporary(unread)
    return matches
