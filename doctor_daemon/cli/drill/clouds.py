"""The cloud, as a drill asks it: by the daemon's own plug-in and its own entry of clouds.yaml."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from doctor_daemon.config import Settings
from doctor_daemon.engine.clock import SystemClock
from doctor_daemon.errors import ConfigError
from doctor_daemon.ports import Controller, Permit
from doctor_daemon.ports.canaries import Canaries

PERMIT_S = 120.0
"""How long a request may wait for a token and a connection, before it is not sent any more."""


@dataclass(frozen=True, slots=True)
class Clouds:
    """What is asked of all the cloud, and what makes and deletes the canary."""

    controller: Controller
    canaries: Canaries
    clock: SystemClock

    def permit(self) -> Permit:
        """Return the right to send one request now. It has no term: nobody else leads a drill."""
        return Permit(0, self.clock.now().plus(PERMIT_S))


@asynccontextmanager
async def clouds(settings: Settings) -> AsyncIterator[Clouds]:
    """Make the adapters, and close them. Raise ConfigError."""
    clock = SystemClock()
    made = _made(settings, "", clock)
    other = settings.drill.cloud if settings.drill else ""
    maker = _made(settings, other, clock) if other else made
    try:
        yield Clouds(made, _canaries(maker, settings.cloud.kind), clock)
    finally:
        for one in {id(made): made, id(maker): maker}.values():
            await one.close()


def drillable(settings: Settings) -> None:
    """See that a drill's adapters can be made, where any may be. Raise ConfigError."""
    if settings.drill is not None:
        _canaries(_made(settings, settings.drill.cloud, SystemClock()), settings.cloud.kind)


def _made(settings: Settings, entry: str, clock: SystemClock) -> Controller:
    """Make the controller, for another entry of clouds.yaml if there is one. Raise ConfigError."""
    choice = settings.cloud
    config = choice.config
    if entry:
        if "cloud" not in type(config).model_fields:
            msg = f"drill.cloud: the cloud's type {choice.kind} knows no entries by name"
            raise ConfigError(msg)
        config = config.model_copy(update={"cloud": entry})
    made: Controller = choice.plugin(config, choice.name, clock)
    return made


def _canaries(controller: Controller, kind: str) -> Canaries:
    found: Canaries | None = getattr(controller, "canaries", None)
    if found is None:
        msg = f"drill: the cloud's type {kind} cannot make servers"
        raise ConfigError(msg)
    return found
