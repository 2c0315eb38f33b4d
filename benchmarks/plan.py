"""What is measured: which delays, which servers of how many projects, how often.

Nothing here makes a proof weaker or a pace faster than what is shipped. The one exception, no grace
where the way to forced_down is timed, is `FORCED_TIMING`. The budget is raised, since hundreds of
hosts die here within minutes, and there is no warm-up: the daemon is started for each measurement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Json = dict[str, object]

FORCED_TIMING: Mapping[str, float] = {"grace_s": 0}
"""What differs from the shipped timing where forced_down and evacuation are measured."""
BUDGET: Mapping[str, int] = {"per_domain": 10_000, "total": 10_000}
MASS: Mapping[str, int] = {
    "total": 100_000,
    "per_domain": 100_000,
    "ratio_from": 100_000,
    "all_from": 100_000,
}
"""And nothing is too many of them."""
MAP_SERVERS = 1_000
"""Servers that the host map holds at least while anything is measured."""
REFRESH_S_PER_SERVER = 0.001
"""The pause between two passes over the whole map, by its size: a second for 1,000 servers."""
PROJECTS = (1, 5, 50)
SERVERS = (1, 10, 50, 500)
FORCED_PROJECTS = 5


@dataclass(frozen=True, slots=True)
class Delays:
    """How slow the cloud is, in seconds: each call of a service, and a cut until it is true."""

    name: str
    bmc_s: float = 0.0
    power_s: float = 0.0
    nova_s: float = 0.0
    keystone_s: float = 0.0


NONE = Delays("none")
REALISTIC = Delays("realistic", bmc_s=0.080, power_s=2.0, nova_s=0.040, keystone_s=0.060)


@dataclass(frozen=True, slots=True)
class Cell:
    """A host with so many servers, of so many projects."""

    servers: int
    projects: int

    @property
    def key(self) -> str:
        """The name of the cell in the results, such as 50/5."""
        return f"{self.servers}/{self.projects}"

    @property
    def audiences(self) -> int:
        """How many are told of its failure: each project, and the operators."""
        return self.projects + 1


def cells(projects: int) -> tuple[Cell, ...]:
    """Return the cells of a cloud of so many projects: one with fewer servers cannot have all."""
    return tuple(Cell(servers, projects) for servers in SERVERS if servers >= projects)


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each figure is measured, and on how many hosts."""

    early: int
    forced: int
    """Incidents for each number of servers, and with each as many floors."""
    pool: int
    """Hosts that take turns for each number of servers."""
    gap_s: float
    """Between the beginnings of an incident and a floor, on average."""
    evacuated_hosts: int
    evacuated_servers: int
    evacuations: int
    """How often all these hosts fail, and how often the floor evacuates them."""


FULL = Counts(
    early=200,
    forced=200,
    pool=10,
    gap_s=0.4,
    evacuated_hosts=20,
    evacuated_servers=50,
    evacuations=3,
)
QUICK = Counts(
    early=20,
    forced=10,
    pool=5,
    gap_s=0.2,
    evacuated_hosts=20,
    evacuated_servers=50,
    evacuations=1,
)
LEAST = Counts(
    early=1, forced=1, pool=1, gap_s=0.2, evacuated_hosts=2, evacuated_servers=2, evacuations=1
)
"""One incident a figure: it shows that the benchmark runs, and nothing else."""
