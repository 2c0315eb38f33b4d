"""What of Cinder is being seen to, and by whom: one at a time, by operators and the daemon alike.

It is reserved before anything is awaited, and given back by its owner alone. A cluster covers its
members: of a service whose cluster nobody has read yet, any cluster may be the one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType

from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volumes import VOLUME, Target


@dataclass(frozen=True, slots=True)
class Hold:
    """What is reserved. `whole` is a cluster; `member_of` is that of a service, None: unknown."""

    name: str
    whole: str = ""
    member_of: str | None = ""

    def overlaps(self, other: Hold) -> bool:
        """Tell whether the two have a service in common, or may have."""
        return self.name == other.name or _covers(self, other) or _covers(other, self)


def _covers(cluster: Hold, member: Hold) -> bool:
    return bool(cluster.whole) and member.member_of in (None, cluster.whole)


def hold_on(target: Target, cluster: str | None = None) -> Hold:
    """Return what a request about a target reserves; `cluster` is that of a single service."""
    if target.cluster:
        return Hold(str(target), whole=target.cluster)
    return Hold(str(target), member_of=cluster if target.binary == VOLUME else "")


def hold_of(order: VolumeOrder) -> Hold:
    """Return what an operator's order reserves."""
    return hold_on(order.wish.target) if order.wish is not None else Hold(order.target)


@dataclass(frozen=True, slots=True)
class Reserved:
    """One reservation."""

    owner: str
    hold: Hold


class Reservations:
    """All reservations, by owner."""

    def __init__(self) -> None:
        """Begin with none."""
        self._held: dict[str, Hold] = {}

    def blocker(self, owner: str, hold: Hold) -> Reserved | None:
        """Return a reservation of somebody else's that is in the way."""
        for other, held in self._held.items():
            if other != owner and held.overlaps(hold):
                return Reserved(other, held)
        return None

    def take(self, owner: str, hold: Hold) -> bool:
        """Reserve, unless somebody else has; tell whether it is reserved now."""
        if self.blocker(owner, hold) is not None:
            return False
        self._held[owner] = hold
        return True

    def release(self, owner: str) -> None:
        """Give back what an owner has reserved, if anything."""
        self._held.pop(owner, None)


class Sends:
    """Counts the requests that are on their way, so that a stop cuts none of them in half."""

    def __init__(self) -> None:
        """Begin with none."""
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    def __enter__(self) -> None:
        """Count one more."""
        self._count += 1
        self._none.clear()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Count one less, however it has ended."""
        self._count -= 1
        if not self._count:
            self._none.set()

    async def ended(self) -> None:
        """Wait until none is on its way."""
        await self._none.wait()
