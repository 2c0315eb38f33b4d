"""Maintenance that a source announces: the very windows that operators set, with the same effect.

It is the one thing besides evidence that a source may change, and it only ever keeps our hands off.
A source ends what it has begun itself, and touches nobody else's window.
"""

from __future__ import annotations

from typing import Protocol

from doctor_daemon.core.context import Maintenance
from doctor_daemon.core.host import HostId


class Windows(Protocol):
    """The maintenance windows of all hosts."""

    def standing(self, host: HostId) -> Maintenance | None:
        """Return the window that a host is in now."""
        ...

    async def begin(self, host: HostId, by: str, why: str, seconds: float) -> Maintenance:
        """Set a window, or a longer one of the same owner. Durable when it returns.

        Raise Permanent, in words, where somebody else's stands.
        """
        ...

    async def end(self, host: HostId, by: str) -> bool:
        """End the window of this owner; tell whether there was one. Raise as `begin` does."""
        ...
