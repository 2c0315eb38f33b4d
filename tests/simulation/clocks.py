"""The clocks of a story: each daemon has its own, and whoever asks is answered by that one.

A guest that is frozen has clocks that stand still with it. What it has timed is before that in the
world's time, or after it; so the judge turns a daemon's moments into the world's by its own clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from doctor_daemon.core.instant import Instant
from doctor_daemon.core.proof import Proof, ProofKind
from tests.simulation.processes import INSIDE, OwnClock, Process, Site
from tests.simulation.world import Machine

ROUNDING_S = 1e-3


class Clocks:
    """`ports.Clock` of whoever asks: of the daemon that it runs in, else of the one that leads."""

    def __init__(self) -> None:
        self.leading = OwnClock(Site("ctl-0"), "boot-1")
        """That of the daemon that leads, or has led last."""
        self.stepped = False
        """Whether any wall clock was ever stepped."""
        self._known: dict[str, OwnClock] = {}
        self._reader: OwnClock | None = None

    def mine(self) -> OwnClock:
        """Return the clock by which whoever asks has to be judged."""
        if self._reader is not None:
            return self._reader
        process = INSIDE.get()
        return self.leading if process is None else process.clock

    def now(self) -> Instant:
        return self.mine().now()

    async def sleep_until(self, until: Instant) -> None:
        await self.mine().sleep_until(until)

    def add(self, clock: OwnClock) -> None:
        """Know a clock from now on."""
        self._known[clock.boot] = clock

    @contextmanager
    def read_by(self, process: Process) -> Iterator[None]:
        """Have the world answer for a daemon: nothing is awaited meanwhile."""
        before, self._reader = self._reader, process.clock
        try:
            yield
        finally:
            self._reader = before

    def world_s(self, moment: Instant, *, late: bool = False) -> float:
        """Return the world's time of a moment, in seconds; that of one nobody knows is never."""
        clock = self._known.get(moment.boot_id)
        if clock is None and moment.boot_id == self.leading.boot:
            clock = self.leading
        return -1e9 if clock is None else clock.world_s(moment, late=late)

    def off_at(self, machine: Machine, proof: Proof) -> bool:
        """Tell whether a host was off when it was proven off.

        A human's word may have lain unread in a guest that was frozen, which cannot know it.
        """
        asked_s = self.world_s(proof.taken_at) + ROUNDING_S
        if proof.kind is not ProofKind.HUMAN or not machine.power_at(asked_s):
            return not machine.power_at(asked_s)
        heard_s = self.world_s(proof.taken_at, late=True)
        return any(asked_s <= at <= heard_s and not on for at, on in machine.history)


def present_s() -> float:
    """Return the world's time."""
    return asyncio.get_running_loop().time()
