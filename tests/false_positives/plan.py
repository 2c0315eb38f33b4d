"""What happens in a run, drawn by its seed: one fault that makes the living look dead, one death.

The daemon's thresholds are a fifth of those shipped, and faults are as long as in life: harder than
shipped. `FAULTS` take turns by seed; everything else about a run is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

RACKS: Sequence[Sequence[int]] = ((1, 2, 3), (4, 5, 6))
HOSTS = [number for rack in RACKS for number in rack]


class Fault(StrEnum):
    """What goes wrong, and is no host's death."""

    OWN_LINK = "own-link"
    SWITCH = "switch"
    DNS = "dns"
    CLOCK = "clock"
    STOP = "stop"
    BEATS = "beats"


class Death(StrEnum):
    """When a host truly dies."""

    BEFORE = "before"
    IN = "in"
    AFTER = "after"


class Without(StrEnum):
    """What a configuration may leave out, to see that the suite would notice."""

    MASS = "mass"


COOL_DOWN_S = 25.0
"""As configured: for so long many hosts must not look dead any more until power is cut again."""
AT_ONCE_S = 30.0
"""From a death, or from the end of the fault that hides it, to forced_down at the latest: notice 4,
a second list of Nova's services 10, grace 2, a wait for a gate 5, cut and proof 3; and slack."""
LENGTHS_S = (12.0, 25.0)
STOP_S, STOPS_SHORT_S = 60.0, (8.0, 25.0)
STOPS_LONG = 3 / 4
"""The share of stops that last a minute. Shorter ones end in the midst of what begins by itself."""
BEATS_S = 10.0
WAYS: dict[Fault, Sequence[str]] = {
    Fault.OWN_LINK: ("net", "net silently", "oob", "net and oob", "net silently and oob"),
    Fault.SWITCH: ("rack 1", "rack 2"),
    Fault.DNS: ("silent", "SERVFAIL", "NXDOMAIN"),
    Fault.CLOCK: ("+3600", "-3600"),
    Fault.STOP: ("daemon", "daemon and listener", "listener"),
    Fault.BEATS: ("beats", "beats and pings", "beats and alerts"),
}
MASSES = frozenset({Fault.OWN_LINK, Fault.SWITCH, Fault.BEATS, Fault.STOP})
"""Faults in which many hosts may look dead, so that the gate `mass` may latch."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. Times are seconds since the fault's beginning."""

    seed: int
    fault: Fault
    way: str
    length_s: float
    nova_deaf: bool
    """Whether Nova does not hear the hosts either, as when its message broker is behind it."""
    death: Death
    dies: int
    dies_s: float

    @property
    def bound_s(self) -> float:
        """How soon after `from_s` the dead host is forced down at the latest."""
        return AT_ONCE_S + COOL_DOWN_S * (self.fault in MASSES)

    @property
    def from_s(self) -> float:
        """From when on the bound counts: the death, or the end of a fault that touches it."""
        if self.fault is Fault.CLOCK:
            return self.dies_s
        return max(self.dies_s, self.length_s)

    @property
    def title(self) -> str:
        deaf = ", Nova deaf" if self.nova_deaf else ""
        return (
            f"seed {self.seed}: {self.fault} ({self.way}) for {self.length_s:.0f} s{deaf}; "
            f"compute-{self.dies} dies {self.death} it, at {self.dies_s:+.1f} s"
        )


def drawn(seed: int) -> Plan:
    """Draw a run."""
    dice = Random(seed)
    fault = tuple(Fault)[seed % len(Fault)]
    way = dice.choice(WAYS[fault])
    length_s = _length_s(fault, dice)
    death = dice.choice(tuple(Death))
    deaf = dice.random() < 0.5
    dies = dice.choice(HOSTS)
    dies_s = _dies_s(death, length_s, dice)
    nova_deaf = fault is Fault.SWITCH or (deaf and fault in (Fault.OWN_LINK, Fault.BEATS))
    return Plan(seed, fault, way, length_s, nova_deaf, death, dies, dies_s)


def _length_s(fault: Fault, dice: Random) -> float:
    if fault is Fault.BEATS:
        return BEATS_S
    if fault is Fault.STOP:
        return STOP_S if dice.random() < STOPS_LONG else dice.uniform(*STOPS_SHORT_S)
    return dice.uniform(*LENGTHS_S)


def _dies_s(death: Death, length_s: float, dice: Random) -> float:
    if death is Death.BEFORE:
        return -dice.uniform(0.5, 8.0)
    if death is Death.IN:
        return dice.uniform(0.1, 0.9) * length_s
    return length_s + dice.uniform(0.2, 5.0)
