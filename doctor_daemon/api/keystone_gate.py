"""Who may speak for a source, as Keystone tells: a token of a user who has one of certain roles.

For senders that log in to Keystone and send `X-Auth-Token`, as OpenStack's own monitors do. Every
token is asked about before it is believed. While Keystone does not answer nobody new is let in, and
the sender is told to come again. What was found out holds for a minute at most: so long a token
that has been revoked may still be taken, and so long a Keystone that is away goes unnoticed.

Tokens are not kept, only their digests. Of strangers no more than ASKING_MAX are asked about at a
time, and only CACHE_MAX answers are kept: whoever makes tokens up gains no hold on the daemon.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection

import structlog
from aiohttp import web

from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import ConfigError, Temporary
from doctor_daemon.ports import Clock
from doctor_daemon.ports.identity import Identifying, Identity

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

KNOWN_S = 60.0
UNKNOWN_S = 10.0
"""How long a token that is nobody's is not asked about again."""
CACHE_MAX = 1000
ASKING_MAX = 32
HEADER = "X-Auth-Token"
FOUND = web.RequestKey("keystone-identity", Identity)


class KeystoneGate:
    """Admits who sends a token of a user with one of these roles."""

    def __init__(
        self,
        roles: Collection[str],
        cloud: object,
        clock: Clock,
    ) -> None:
        """Ask a cloud about tokens. Raise ConfigError without a role, or if it cannot be asked."""
        if not isinstance(cloud, Identifying):
            msg = "auth.keystone_roles: this type of cloud cannot be asked about tokens"
            raise ConfigError(msg)
        if not roles:
            msg = "auth: found no role; expected at least one: else any user could accuse hosts"
            raise ConfigError(msg)
        self._roles = frozenset(roles)
        self._cloud = cloud
        self._clock = clock
        self._asking = 0
        self._known: OrderedDict[bytes, tuple[Identity | None, Instant]] = OrderedDict()

    async def ask(self, request: web.Request) -> None:
        """Find out who sends a request. Raise a DoctorError where that cannot be found out."""
        tokens = request.headers.getall(HEADER, [])
        if len(tokens) != 1 or not tokens[0]:
            return
        found = await self._identity(tokens[0])
        if found is not None:
            request[FOUND] = found

    def admit(self, request: web.Request) -> None:
        """Raise HTTPUnauthorized for nobody's token, HTTPForbidden for one without a role."""
        found = request.get(FOUND)
        if found is None:
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Keystone"})
        if not found.roles & self._roles:
            raise web.HTTPForbidden

    async def _identity(self, token: str) -> Identity | None:
        name = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        kept = self._known.get(name)
        if kept is not None and not self._clock.now().reached(kept[1]):
            return kept[0]
        if self._asking >= ASKING_MAX:
            msg = "too many tokens are being asked about at once"
            raise Temporary(msg)
        self._asking += 1
        asked_at = self._clock.now()
        try:
            found = await self._cloud.identify(token)
        finally:
            self._asking -= 1
        self._known[name] = found, asked_at.plus(KNOWN_S if found else UNKNOWN_S)
        self._known.move_to_end(name)
        while len(self._known) > CACHE_MAX:
            self._known.popitem(last=False)
        return found
