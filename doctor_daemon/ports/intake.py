"""How evidence gets in: inspectors, and what they hand it to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from aiohttp import web

from doctor_daemon.core.evidence import Evidence, Trust
from doctor_daemon.core.holding import Answer, Said
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Temporary
from doctor_daemon.ports.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one piece of evidence: opened | joined | repeated | recorded | too old."""

    outcome: str
    incident: IncidentId | None = None


class Crowded(Temporary):
    """A source hands in more than can be saved: too much of it waits already."""


class Intake(Protocol):
    """Where inspectors hand evidence in. When `submit` returns, it is durable."""

    async def submit(self, evidence: Sequence[Evidence]) -> Sequence[Receipt]:
        """Raise Temporary when it could not be made durable in time: the sender tries again.

        Raise Crowded, which is one, when too much of the source waits already.
        """
        ...

    async def answer(self, said: Said, projects: frozenset[str] | None) -> Answer:
        """Fold in a word about a server, of one of these projects; None: of any.

        Tell whether the server was waiting for one, or may do so soon. Raise Temporary as
        `submit` does.
        """
        ...

    def host(self, name: str) -> HostId | None:
        """Return the configured host of that exact name or alias; None when there is none."""
        ...

    def now(self) -> Instant: ...


@runtime_checkable
class Narrow(Protocol):
    """An intake of a source that may speak of some hosts only. `host` knows these alone."""

    def outside(self, name: str) -> bool:
        """Tell whether a name is that of a configured host that is not the source's."""
        ...


@runtime_checkable
class Withdrawing(Protocol):
    """An intake where evidence may wait to be handed in."""

    def withdraw(self, source: str) -> None:
        """Hand in nothing of what waits of a source. Its senders hear Temporary."""
        ...


def foreign(name: str, field: str) -> Refusal:
    """Return the refusal (403) of a host that the source may not speak of."""
    message = f"of {name} this source may not speak"
    return Refusal(
        403, "foreign_host", message, field=field, expected="one of the `hosts` of this source"
    )


class Gatekeeper(Protocol):
    """Authenticates a request for a source. Made by the listener from the source's `auth`."""

    def admit(self, request: web.Request) -> None:
        """Raise web.HTTPUnauthorized or web.HTTPForbidden, without saying what was wrong."""
        ...


@runtime_checkable
class Seal(Gatekeeper, Protocol):
    """A gate that has to see the body too before a request is let in."""

    def verify(self, request: web.Request, body: bytes) -> None:
        """Raise web.HTTPUnauthorized unless the body is what was sealed."""
        ...

    async def settle(self, request: web.Request) -> None:
        """Raise what refuses a request that came before, or not at its time."""
        ...


@dataclass(frozen=True, slots=True)
class SourceTerms:
    """What every inspector is told of itself by the configuration."""

    name: str
    trust: Trust
    evidence_age_s: float
    body_max: int = 1_048_576
    rate_per_s: float | None = None
    """Requests a second, in the long run; None: as the listener has it."""
    burst: int | None = None
    """Requests at once; None: the same."""
    hosts: frozenset[str] | None = None
    """The hosts that it may speak of, by their names in Nova; None: all."""


@runtime_checkable
class Becoming(Protocol):
    """An inspector that can take in other options while it runs."""

    def become(self, config: Any) -> Callable[[], None] | None:  # noqa: ANN401 - its own Config
        """Return what takes them in at once; None: that takes a new start. Raise ConfigError.

        It is asked at every reload, with the same options too: what their files hold may be
        another. Until the returned function is called nothing is changed; calling it neither waits
        nor fails.
        """
        ...


@runtime_checkable
class Inspector(Protocol):
    """Watches hosts, or takes in what others say of them. May repeat itself; must not guess.

    A class with `served = False` looks by itself: it has no `auth` in the configuration, and no
    routes. One with a method `place` is told its surroundings (`ports.surroundings`). One with a
    method `open_routes` returns there what it answers to anybody, such as an API's version. One
    with a method `become` takes in changed options without a new start (`Becoming`).
    """

    api: ClassVar[int]
    name: str

    async def run(self, intake: Intake) -> None:
        """Watch until cancelled. An inspector that only serves HTTP waits for ever."""
        ...

    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        """Return the routes that this inspector answers; none for one that polls."""
        ...
