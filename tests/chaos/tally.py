"""What came of the rounds, and the sum of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.plan import Fault, Plan

COUNTED = {
    "kills": {Fault.KILL},
    "stops": {Fault.STOP},
    "partitions": {Fault.CUT_OFF},
    "members": {Fault.MEMBER_KILL, Fault.MEMBER_STOP},
    "clocks": {Fault.CLOCK},
    "disks": {Fault.DISK},
    "slow": {Fault.NOVA, Fault.BMC},
}
"""Word of the last line -> the faults that it counts."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a round."""

    plan: Plan
    seconds: float
    holds: Sequence[str]
    """Where an incident was held, by a fault that explains it, and a human's order freed it."""
    wrong: Sequence[str]
    """Everything that must not be, in words."""
    felt: Sequence[str] = ()
    """The faults of the cloud, each with the number of requests that it befell."""

    @property
    def line(self) -> str:
        found = f"{self.plan.title}; {self.seconds:.0f} s"
        felt = (f"  felt: {text}" for text in self.felt)
        return "\n".join([found, *felt, *(f"  held: {text}" for text in self.holds)])


def summary(outcomes: Sequence[Outcome], broken: int = 0) -> str:
    """Return the last line. `broken`: rounds that could not be played."""
    faults = Counter(trouble.fault for one in outcomes for trouble in one.plan.troubles)
    words = [f"rounds={len(outcomes)}"]
    words += [f"{word}={sum(faults[one] for one in some)}" for word, some in COUNTED.items()]
    words.append(f"incidents={sum(len(one.plan.deaths) for one in outcomes)}")
    words.append(f"held={sum(len(one.holds) for one in outcomes)}")
    words += [f"broken={broken}"] if broken else []
    words.append(f"violations={sum(len(one.wrong) for one in outcomes)}")
    return " ".join(words)
