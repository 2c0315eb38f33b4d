"""One daemon as the world sees it: a process on a machine, which may stand still by itself.

What runs in it carries it along as a context variable. So each device, store and clock knows who
asks, and what is out of one daemon is kept apart from what is out of another.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from typing import Any

from doctor_daemon.core.host import Mode
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.instant import Instant
from tests.simulation.virtual import EPOCH_S

ROUNDING_S = 1e-6
"""A sum of floats may fall short of its moment; virtual time does not pass by itself."""
RECENT_S = 60.0


@dataclass(eq=False)
class Site:
    """One machine on which a daemon runs after the other: its boot, and its wall clock."""

    name: str
    boots: int = 1
    boot_began_s: float = 0.0
    wall_offset_s: float = 0.0
    cut_off_until_s: float = -1.0
    """Until when no way leads from it to a store that others share."""

    def reboot(self) -> None:
        """Begin another boot: nothing timed before can be compared with what comes."""
        self.boots += 1
        self.boot_began_s = asyncio.get_running_loop().time()


class OwnClock:
    """`ports.Clock` of one process, which stands still where its machine is frozen."""

    def __init__(self, site: Site, boot: str) -> None:
        self.boot = boot
        self._site, self._began_s = site, site.boot_began_s
        self._frozen: list[tuple[float, float]] = []
        """From when on it stood still, in the world's time, and for how long."""

    def now(self) -> Instant:
        world_s = asyncio.get_running_loop().time()
        own_s = world_s - self.lost_s(world_s)
        wall_s = EPOCH_S + own_s + self._site.wall_offset_s
        return Instant(self.boot, own_s - self._began_s, wall_s)

    async def sleep_until(self, until: Instant) -> None:
        left_s = -self.now().since(until)
        await asyncio.sleep(left_s + ROUNDING_S if left_s > 0 else 0)

    def freeze(self, seconds: float) -> None:
        """Stand still from now on, for so long."""
        self._frozen.append((asyncio.get_running_loop().time(), seconds))

    @property
    def frozen(self) -> bool:
        """Tell whether it stands still now."""
        world_s = asyncio.get_running_loop().time()
        return any(at <= world_s < at + long for at, long in self._frozen)

    def lost_s(self, world_s: float, since_s: float = -1e9) -> float:
        """Return for how long it has stood still, up to a moment of the world and since another."""
        if not self._frozen:
            return 0.0
        spans = ((max(at, since_s), min(at + long, world_s)) for at, long in self._frozen)
        return sum(max(end - begin, 0.0) for begin, end in spans)

    def unaware_s(self) -> float:
        """Return for how long it has stood still of late."""
        world_s = asyncio.get_running_loop().time()
        return self.lost_s(world_s, world_s - RECENT_S)

    def world_s(self, moment: Instant, *, late: bool = False) -> float:
        """Return the world's time of a moment; where it stood still then, when that began.

        `late`: when that was over.
        """
        world_s = moment.boot_s + self._began_s
        for at, long in self._frozen:
            if world_s > at + (-ROUNDING_S if late else ROUNDING_S):
                world_s += long
        return world_s


@dataclass(eq=False)
class Process:
    """A daemon's process, from its start to its end."""

    clock: OwnClock = field(default_factory=lambda: OwnClock(Site("ctl-0"), "boot-1"))
    mode: Mode = Mode.EVACUATE
    """The mode that it was started in."""
    still: bool = False
    slept_s: float = 0.0
    """For how long its machine has slept so far, its clocks for timers too."""
    kept: list[Any] = field(default_factory=list)
    """Calls that wait until it goes on."""
    out: Counter[str] = field(default_factory=Counter)
    """Calls that are on their way, by what they are."""
    over_at: float = -1e9
    """When the last pause that it can know of was over, in the world's time; or will be."""
    next_s: float = 0.0
    """Before this moment it does not stand still again."""
    confirming: int = 0
    """Questions whether it leads which are on their way to the store, or back."""
    crash: Callable[[], None] | None = None
    """Ends it; None: it has ended, or is none that can die."""
    dead: bool = False
    """It has died: whatever of it is left does nothing any more."""
    open: Callable[[], Iterable[Incident]] = tuple
    """Its open incidents."""


INSIDE: ContextVar[Process | None] = ContextVar("the daemon that this runs in", default=None)


def within(process: Process) -> Context:
    """Return a context of a daemon's."""
    context = Context()
    context.run(INSIDE.set, process)
    return context
