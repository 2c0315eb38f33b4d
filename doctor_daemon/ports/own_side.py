"""Our own side of the networks, as the engine asks about it."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from doctor_daemon.core.host import HostId
from doctor_daemon.core.ourselves import Check, Sign


class OwnSide(Protocol):
    """Tells whether we are cut off. It changes nothing, and is asked again and again."""

    @property
    def wanted(self) -> Sequence[Sign]:
        """The signs that are asked for, in the order in which they are told."""
        ...

    @property
    def every_s(self) -> float:
        """How often to ask, in seconds."""
        ...

    async def check(self, suspects: AbstractSet[HostId]) -> Sequence[Check]:
        """Ask for every sign. The suspects' own devices are no sign of how we are."""
        ...
