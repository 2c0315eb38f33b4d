"""What every adapter of an OpenStack service begins with: an account, connections, timed calls.

One place for it, so that a rotated password, a time-out or a new outcome is the same thing to each
of them, and an adapter's own module holds only what its service's API is about.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from doctor_daemon.controllers.clouds import read_cloud
from doctor_daemon.controllers.compute import Way
from doctor_daemon.controllers.http import Wire, tls_context
from doctor_daemon.controllers.keystone import COMPUTE, Grant, Keystone, Wanted, load_plugin
from doctor_daemon.controllers.tokens import Observer, Tokens, outcome_of, unobserved
from doctor_daemon.errors import DoctorError
from doctor_daemon.ports import Clock
from doctor_daemon.ports.secrets import SecretFile

READ_KEEP_S = 15.0
KEYSTONE_WAITS = 3.0
"""A token takes up to three requests (discovery, OIDC, Keystone), each of keystone_timeout_s."""

T = TypeVar("T")


class Login(Protocol):
    """The part of an adapter's configuration that says whose cloud it is."""

    @property
    def clouds_file(self) -> SecretFile: ...
    @property
    def cloud(self) -> str: ...
    @property
    def connect_timeout_s(self) -> float: ...
    @property
    def keystone_timeout_s(self) -> float: ...


def _ok(_result: object) -> str:
    return "ok"


def _as_it_is(grant: Grant) -> Grant:
    return grant


class CloudService:
    """One service of one cloud. `on_call` is told of each call, its seconds and its outcome."""

    def __init__(
        self,
        login: Login,
        clock: Clock,
        wanted: Wanted = COMPUTE,
        amended: Callable[[Grant], Grant] = _as_it_is,
    ) -> None:
        """Read the cloud's entry, connect to nothing. Raise ConfigError."""
        entry = read_cloud(login.clouds_file, login.cloud)
        load_plugin(entry)
        self.on_call: Observer = unobserved
        self._auth_url = entry.auth["auth_url"]
        self._clock = clock
        self._connect_s = login.connect_timeout_s
        self._tls = tls_context(entry.cacert, entry.cert, entry.key, verify=entry.verify)
        keystone = Keystone(
            lambda: read_cloud(login.clouds_file, login.cloud), login.keystone_timeout_s, wanted
        )
        self._deadline_s = KEYSTONE_WAITS * login.keystone_timeout_s
        self._tokens = Tokens(
            lambda: amended(keystone.grant()), clock, self._deadline_s, self._observe
        )

    def _way(self, connections: int, keep_s: float, timeout_s: float) -> Way:
        """Open nothing yet: connections for one purpose."""
        wire = Wire(
            self._tls,
            self._clock,
            connections=connections,
            connect_s=self._connect_s,
            keep_s=keep_s,
        )
        return Way(wire, timeout_s)

    async def _timed(self, call: str, work: Awaitable[T], ended: Callable[[T], str] = _ok) -> T:
        """Await a call and tell how long it took and how it ended."""
        began, outcome = self._clock.now(), "cancelled"
        try:
            result = await work
            outcome = ended(result)
            return result
        except DoctorError as error:
            outcome = outcome_of(error)
            raise
        finally:
            self._observe(call, self._clock.now().since(began), outcome)

    def _observe(self, call: str, seconds: float, outcome: str) -> None:
        self.on_call(call, seconds, outcome)
