"""Hosts that die one after the other before a listener, and how soon each is suspected."""

from __future__ import annotations

import heapq
import math
import random
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from benchmarks.beating import Hosts, datagram
from benchmarks.figures import percentile

LIMIT_S = 30.0
"""How long it is waited for what is still to come."""
Json = dict[str, Any]


class Told(Protocol):
    """What tells of hosts."""

    def read(self, limit_s: float, /) -> Sequence[Json]:
        """Return what it has told, waiting so long for something."""
        ...


@dataclass
class Deaths:
    """Hosts that beat every 100 ms; one after the other dies, and comes back once it is noticed."""

    count: int
    hosts: Hosts
    port: int
    interval_s: float = 0.1
    calm_s: float = 3.0
    """Before the first death: the rhythm is learnt."""
    limit_s: float = LIMIT_S
    due: list[tuple[float, int]] = field(default_factory=list)
    dead: dict[int, float] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    """Hosts that the listener has called down, and not up since: they cannot die once more."""
    found: list[float] = field(default_factory=list)
    died: int = 0
    accused: int = 0
    """Suspicions of hosts that live."""

    def run(self, listener: Told, dice: random.Random) -> list[float]:
        """Return the seconds from each death to its suspicion: infinite where there was none."""
        now_s = time.monotonic()
        every = range(len(self.hosts.names))
        self.due = [(now_s + dice.random() * self.interval_s, at) for at in every]
        heapq.heapify(self.due)
        next_s = now_s + self.calm_s
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as by:
            by.connect(("127.0.0.1", self.port))
            until_s = now_s + self.calm_s + self.count * 0.5 + self.limit_s
            while (self.died < self.count or self.dead) and now_s < until_s:
                for told in listener.read(max(min(self.due[0][0] - now_s, 0.005), 0)):
                    self.noticed(told)
                now_s = time.monotonic()
                self._beat(by, now_s)
                if now_s >= next_s and self.died < self.count:
                    self.dies(dice.choice(every), now_s)
                    next_s = now_s + dice.uniform(0.05, 0.15)
        return self.found + [math.inf] * (self.count - len(self.found))

    def dies(self, host: int, now_s: float) -> None:
        """Have a host fall silent, unless it is not heard anyway."""
        if host not in self.dead and host not in self.gone:
            self.dead[host] = now_s
            self.died += 1

    def _beat(self, by: socket.socket, now_s: float) -> None:
        while self.due[0][0] <= now_s:
            at_s, at = heapq.heappop(self.due)
            heapq.heappush(self.due, (at_s + self.interval_s, at))
            if at not in self.dead:
                sequence = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 10_000_000
                by.send(datagram(self.hosts.names[at], self.hosts.macs[at], 100, sequence))

    def noticed(self, told: Json) -> None:
        """Take what the listener has told."""
        now_s = time.monotonic()
        for name, _, what, *_ in told.get("changes", ()):
            host = int(name.rpartition("-")[2])
            if what != "down":
                self.gone.discard(host)
            else:
                self.gone.add(host)
                died_s = self.dead.pop(host, None)
                if died_s is None:
                    self.accused += 1
                else:
                    self.found.append(now_s - died_s)


def spread(times: Sequence[float]) -> Json:
    """Return how times are spread. A death that was never noticed is later than any: null."""
    said = {
        "p50_s": percentile(times, 50),
        "p99_s": percentile(times, 99),
        "max_s": max(times),
    }
    missed = sum(math.isinf(one) for one in times)
    known = {name: one if math.isfinite(one) else None for name, one in said.items()}
    return {"n": len(times), "missed": missed, **known}
