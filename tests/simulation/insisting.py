"""The judge of who was not waited for: no host is held for want of evidence that keeps being given.

What a daemon before was told has no age for the next one. Whoever accuses a host says so again and
again, and only one who has stopped leaves a human to be asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase
from tests.simulation.evidence import trusted_alone
from tests.simulation.world import World

Source = tuple[str, str, Trust]
"""Its name, its kind, and how far it is trusted."""
LATELY_S = 30.0
"""Longer than the pause between two words of one source."""
TIMES = 2
"""So many words in a row are a repetition."""


@dataclass
class Accusation:
    """What a source has said of a host since it last said anything else."""

    first_s: float
    last_s: float
    times: int = 1


class Insisting:
    """What each source has said of each host last, whether it was taken or not."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._down: dict[tuple[HostId, Source], Accusation] = {}
        self._alive: dict[HostId, float] = {}
        """When a source has seen a host alive last."""

    def said(self, host: HostId, source: Source, verdict: Verdict) -> None:
        """Take note of a word."""
        key, now = (host, source), self._world.now()
        if verdict is not Verdict.DOWN:
            self._down.pop(key, None)
            self._alive[host] = now
        elif key in self._down:
            self._down[key].last_s = now
            self._down[key].times += 1
        else:
            self._down[key] = Accusation(now, now)

    def held(self, before: Incident, after: Incident) -> Iterator[str]:
        """Yield who was not waited for where an incident is held by the gate of evidence."""
        cutting = before.phase is Phase.FENCING and before.held is None
        if not cutting or after.held is None or after.held.gate != "evidence":
            return
        host, now = after.host, self._world.now()
        machine = self._world.machines[host]
        alive_s = max(self._alive.get(host, -1e9), machine.beat_at)
        for (of, source), one in self._down.items():
            insists = one.times >= TIMES and now - one.last_s <= LATELY_S
            answered = alive_s >= one.first_s
            alone = trusted_alone(*source, machine.plan.corroboration)
            if of == host and insists and alone and not answered:
                yield f"L-2: {host} is held for want of evidence, and {source[0]} accuses it still"
