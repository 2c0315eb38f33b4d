"""The cloud's network, as the ports of fenced hosts need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from doctor_daemon.core.ports import Port, PortPage, Said
from doctor_daemon.ports.time import Permit


class Network(Protocol):
    """The network's control plane."""

    api: ClassVar[int]

    async def offered(self) -> bool:
        """Tell whether anything can be said of a port's data plane here at all."""
        ...

    async def bound(self, host: str, after: str = "") -> PortPage:
        """List some of the ports that are bound to a host; raise unless they certainly are."""
        ...

    async def ports(self, ids: Sequence[str]) -> Sequence[Port]:
        """Show these ports. One that is not among the answers is certainly gone."""
        ...

    async def say(self, port: str, *, down: bool, permit: Permit) -> tuple[Said, str]:
        """Say of a port that its data plane is down, or nothing any more."""
        ...

    async def check(self) -> Sequence[str]:
        """Prove that roles and extensions suffice; return what is wrong, in words."""
        ...

    async def run(self) -> None:
        """Keep the token fresh until cancelled."""
        ...

    async def close(self) -> None: ...
