"""The proof that a host is off: the one thing that permits force-down and evacuation.

A power device states no proof; it is read, and this module derives one: N consecutive OFF over a
hold time, after our own cut, on every device of a level. Anything else (an error, a silence, ON, a
word that is not clearly OFF) is not OFF and starts the count again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from doctor_daemon.core.instant import Instant


class Power(StrEnum):
    """What a device says of its host's power."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"  # no answer, an error, or anything that is not clearly on or off


@dataclass(frozen=True, slots=True)
class Reading:
    """One read: the truth it tells lies somewhere between `asked_at` and `answered_at`."""

    power: Power
    raw: str
    asked_at: Instant
    answered_at: Instant


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a power device says its host is. `uuid` is lower case, with dashes."""

    uuid: str
    serial: str = ""
    name: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """How many consecutive OFF reads, over at least how many seconds."""

    reads: int
    hold_s: float


class ProofKind(StrEnum):
    """Who says that the host is off. Only a power proof can be read again."""

    POWER = "power"
    HUMAN = "human"


@dataclass(frozen=True, slots=True)
class DeviceProof:
    """What one device contributed."""

    device: str
    identity: Identity
    cut_at: Instant
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """A durable statement that the host of one incident is off."""

    kind: ProofKind
    incident: str
    attempt: int
    digest: str
    taken_at: Instant
    """The last moment for which it speaks: when the earliest of the last reads was asked for."""
    valid_until: Instant
    devices: tuple[DeviceProof, ...] = ()
    by: str = ""
    why: str = ""


def off_run(readings: Sequence[Reading], after: Instant) -> tuple[Reading, ...]:
    """Return the unbroken run of OFF at the end, of reads asked for after the cut had ended."""
    run: list[Reading] = []
    for reading in reversed(readings):
        if reading.power is not Power.OFF or reading.asked_at.since(after) < 0:
            break
        run.append(reading)
    return tuple(reversed(run))


def proven(readings: Sequence[Reading], after: Instant, rule: Rule) -> tuple[Reading, ...] | None:
    """Return the reads that prove OFF, or None.

    The hold time is taken where it is shortest: from the answer of the first OFF to the question
    of the last, so that a slow device cannot stretch one moment into a hold.
    """
    run = off_run(readings, after)
    if len(run) < rule.reads:
        return None
    held_s = run[-1].asked_at.since(run[0].answered_at)
    return run if rule.hold_s <= held_s < math.inf else None
