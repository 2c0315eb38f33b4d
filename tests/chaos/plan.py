"""What happens in a round, drawn by its seed: one or two hosts die, beside one to three faults.

Controllers are named by rank: 0 is the one whose daemon leads when the round begins. So the same
seed is the same round, whoever leads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

CONTROLLERS = 3


class Fault(StrEnum):
    """What goes wrong beside the deaths of hosts."""

    KILL = "kill"
    STOP = "stop"
    CUT_OFF = "cut-off"
    MEMBER_KILL = "member-kill"
    MEMBER_STOP = "member-stop"
    NOVA = "nova"
    BMC = "bmc"
    CLOCK = "clock"
    DISK = "disk"


WAYS: dict[Fault, Sequence[str]] = {
    Fault.CUT_OFF: ("both ways", "hears nothing", "is not heard"),
    Fault.NOVA: ("slow", "503", "lost-reply"),
    Fault.CLOCK: ("+240 s", "-240 s"),
}
"""Where a fault has several ways to happen.

A wall clock that is off by 300 s makes signatures that consumers are to refuse.
"""
DEATHS_MAX, TROUBLES_MAX = 2, 3
DIES_S, BEGINS_S = 6.0, 8.0
"""Within so many seconds of the round's beginning hosts die, and faults begin."""
LENGTHS_S = (1.0, 20.0)
STOP_S = (1.0, 30.0)
SLOW_S = (0.3, 3.0)
LOST = 3
"""So many answers of Nova's are lost where they are."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault. Times are seconds since the round's beginning."""

    fault: Fault
    rank: int
    """Of the controller; 0 where the fault is about none."""
    way: str
    from_s: float
    length_s: float
    slow_s: float
    """How long a service takes to answer, where it is one that is slow."""

    @property
    def title(self) -> str:
        where = "" if self.fault in (Fault.NOVA, Fault.BMC) else f" at {self.rank}"
        way = f" ({self.way})" if self.way else ""
        return f"{self.fault}{where}{way} {self.from_s:.1f}+{self.length_s:.1f} s"


@dataclass(frozen=True, slots=True)
class Death:
    """A host that dies: the `turn`th of those that live, in the order of their numbers."""

    turn: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """One round."""

    seed: int
    deaths: Sequence[Death]
    troubles: Sequence[Trouble]

    @property
    def title(self) -> str:
        dies = ", ".join(f"{death.at_s:.1f}" for death in self.deaths)
        faults = "; ".join(trouble.title for trouble in self.troubles)
        return f"seed {self.seed}: hosts die at {dies} s; {faults}"

    @property
    def faults(self) -> set[Fault]:
        return {trouble.fault for trouble in self.troubles}

    def victims(self, living: Sequence[str]) -> list[tuple[str, Death]]:
        """Name the hosts that die, each another one."""
        left = list(living)
        return [(left.pop(death.turn % len(left)), death) for death in self.deaths]


def drawn(seed: int, stop_max_s: float = STOP_S[1]) -> Plan:
    """Draw a round. `stop_max_s`: how long a daemon stands still at most."""
    dice = Random(seed)
    count = dice.randint(1, DEATHS_MAX)
    deaths = tuple(Death(dice.randrange(1000), dice.uniform(0, DIES_S)) for _ in range(count))
    faults = [dice.choice(tuple(Fault)) for _ in range(dice.randint(1, TROUBLES_MAX))]
    return Plan(seed, deaths, tuple(_trouble(fault, dice, stop_max_s) for fault in faults))


def _trouble(fault: Fault, dice: Random, stop_max_s: float) -> Trouble:
    longest = stop_max_s if fault is Fault.STOP else LENGTHS_S[1]
    rank = 0 if fault in (Fault.NOVA, Fault.BMC) else dice.randrange(CONTROLLERS)
    way = dice.choice(WAYS[fault]) if fault in WAYS else ""
    begins = dice.uniform(0, BEGINS_S), dice.uniform(LENGTHS_S[0], longest)
    return Trouble(fault, rank, way, *begins, slow_s=dice.uniform(*SLOW_S))
