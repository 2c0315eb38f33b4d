"""What the daemon knows of the hosts' watchdogs, and whom it does not acknowledge any more.

It decides without a clock and without a socket; times are seconds of our own CLOCK_BOOTTIME.

A host that is being fenced by its watchdog is *withheld* from: no answer that would have it go on.
What it had said last of its watchdog is kept with that, together with when it was answered last,
and from the two follows when that boot of it has certainly ended. This has to outlive the daemon
(`Hold` is what is saved). What speaks against it is kept as well: the boot was heard after it
should have ended, or another one has begun, so the host is on again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from doctor_daemon.heartbeat.lease import (
    LEASE_MAX_S,
    LEASE_MIN_S,
    TIMEOUT_MAX_S,
    TIMEOUT_MIN_S,
    off_after_s,
)
from doctor_daemon.heartbeat.lifeline import ARMED, DISARM, FED, RELEASED, Ask

NAMES_MAX = 20_000
BOOT_MAX_S = 1e10
"""No machine has been up for longer: some 300 years."""
VERSION = 1
NO_UUID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Report:
    """What a host has said of its watchdog at last, and that it was said just now."""

    boot: int
    sequence: int
    armed: bool
    lease_s: float
    timeout_s: float
    uuid: str
    hardware: str
    heard_s: float


@dataclass(frozen=True, slots=True)
class Hold:
    """A boot of a host that is not acknowledged any more."""

    incident: str
    """For which incident: what was found out in one says nothing in the next."""
    boot: int
    uuid: str
    hardware: str
    lease_s: float
    timeout_s: float
    acked_s: float
    """No acknowledgement was sent after that."""
    spoiled: str = ""
    """What speaks against it; empty: nothing."""

    @property
    def off_s(self) -> float:
        """From when on that boot has certainly ended."""
        return self.acked_s + off_after_s(self.lease_s, self.timeout_s)


@dataclass(frozen=True, slots=True)
class Heard:
    """What comes of a question. `flags`: what to answer; None: nothing."""

    flags: int | None = None
    spoiled: bool = False
    """Whether a hold has just been spoiled, which is to be saved."""
    replayed: bool = False
    """Whether it was said before what was heard already: by a record, or by a second agent."""


class Pledges:
    """All hosts. `draw` draws challenges: random numbers that are never 0."""

    def __init__(self, draw: Callable[[], int]) -> None:
        """Begin with none."""
        self.reports: dict[str, Report] = {}
        self.holds: dict[str, Hold] = {}
        self._draw = draw
        self._challenges: dict[str, tuple[int, int]] = {}
        """Host -> the boot that was heard last, and the number that it has to repeat."""
        self._sequences: dict[str, int] = {}
        self._acked: dict[str, float] = {}
        self._seen: dict[str, float] = {}

    def knows(self, name: str) -> bool:
        """Tell whether there is room for that host."""
        return name in self._challenges or len(self._challenges) < NAMES_MAX

    def challenge(self, name: str) -> int:
        """Return the number that a host has to repeat."""
        return self._challenges.setdefault(name, (-1, self._draw()))[1]

    def seen_s(self, name: str) -> float | None:
        """Return when a host was heard last, by whatever boot; None: never."""
        return self._seen.get(name)

    def heard(self, name: str, said: Ask, now_s: float) -> Heard:
        """Take in a genuine question."""
        if said.challenge != self.challenge(name):
            return Heard(0)  # it may be old: it is told the number, and nothing comes of it
        boot = self._challenges[name][0]
        if said.boot == boot and said.sequence <= self._sequences.get(name, -1):
            return Heard(replayed=True)
        if said.boot != boot:
            # What is still on its way from the boot before repeats the number of before.
            number = self._draw() if boot != -1 else said.challenge
            self._challenges[name] = (said.boot, number)
        self._sequences[name] = said.sequence
        self._seen[name] = now_s
        hold = self.holds.get(name)
        if hold is not None:
            return self._against(name, hold, said, now_s)
        self.reports[name] = _report(said, now_s)
        return Heard(RELEASED if said.flags & DISARM else FED)

    def _against(self, name: str, hold: Hold, said: Ask, now_s: float) -> Heard:
        """Hold what a host says against what is believed of it; it is answered nothing."""
        if hold.spoiled:
            return Heard()
        if said.boot != hold.boot:
            why = "another boot of the host has begun: it is on again"
        elif now_s >= hold.off_s:
            why = "its watchdog has not reset the host: it was heard after its time"
        else:
            return Heard()  # it still may live
        self.holds[name] = replace(hold, spoiled=why)
        return Heard(spoiled=True)

    def answered(self, name: str, now_s: float) -> None:
        """Note that a host is acknowledged."""
        self._acked[name] = now_s

    def withhold(self, name: str, incident: str, now_s: float) -> Hold | None:
        """Stop acknowledging a host; None: it has not said how its watchdog stands."""
        if name not in self.holds and name in self.reports:
            found = self.reports.pop(name)
            self.holds[name] = Hold(
                incident=incident,
                boot=found.boot,
                uuid=found.uuid,
                hardware=found.hardware,
                lease_s=found.lease_s,
                timeout_s=found.timeout_s,
                acked_s=self._acked.get(name, now_s),
            )
        return self.holds.get(name)

    def take_back(self, name: str, report: Report) -> None:
        """Acknowledge a host again whose hold is certainly not on the disk.

        What it had said is as good as before, unless something has been heard against it.
        """
        hold = self.holds.pop(name, None)
        if hold is None or not hold.spoiled:
            self.reports[name] = report

    def release(self, name: str) -> None:
        """Acknowledge a host again."""
        self.holds.pop(name, None)

    def kept(self, boot_id: str) -> dict[str, Any]:
        """Return what is to outlive the daemon."""
        holds = {name: asdict(hold) for name, hold in self.holds.items()}
        return {"version": VERSION, "boot": boot_id, "holds": holds}

    def restore(self, kept: dict[str, Any], boot_id: str, now_s: float) -> None:
        """Take over what was kept. Raise ValueError, TypeError or KeyError where it is damaged.

        After another boot of ours nothing can be said of the time that has passed: it counts anew.
        """
        if kept["version"] != VERSION:
            msg = "of another version"
            raise ValueError(msg)
        holds = {str(name): _whole(Hold(**hold)) for name, hold in kept["holds"].items()}
        for name, hold in holds.items():
            acked_s = min(float(hold.acked_s), now_s) if kept["boot"] == boot_id else now_s
            self.holds.setdefault(name, replace(hold, acked_s=acked_s))


def _whole(hold: Hold) -> Hold:
    """Return a hold that can have been kept. Raise ValueError or TypeError for another.

    What is made of its times is when a boot has ended: a wrong one would prove a host off.
    """
    texts = (hold.incident, hold.uuid, hold.hardware, hold.spoiled)
    numbers = (hold.boot, hold.lease_s, hold.timeout_s, hold.acked_s)
    if not all(isinstance(text, str) for text in texts):
        msg = "texts are expected"
        raise TypeError(msg)
    if not all(isinstance(number, (int, float)) for number in numbers):
        msg = "numbers are expected"
        raise TypeError(msg)
    times = (
        (hold.lease_s, LEASE_MIN_S, LEASE_MAX_S),
        (hold.timeout_s, TIMEOUT_MIN_S, TIMEOUT_MAX_S),
        (hold.acked_s, 0, BOOT_MAX_S),
    )
    if not all(least <= found <= most for found, least, most in times):
        msg = "a time is out of its bounds"
        raise ValueError(msg)
    return hold


def refused(report: Report | None, lease_s: float, timeout_s: float, now_s: float) -> str:
    """Say why a host's watchdog cannot be counted on; empty: it can."""
    if report is None:
        return "nothing was heard of the host's watchdog"
    age_s = now_s - report.heard_s
    if age_s > lease_s:
        return f"nothing was heard of the host's watchdog for {age_s:.0f} s"
    if not report.armed:
        return "the host's watchdog is not armed: its agent's journal says why"
    found = (report.lease_s, report.timeout_s)
    if found != (lease_s, timeout_s):
        return (
            f"the host's watchdog has a lease of {found[0]:g} s and a time-out of {found[1]:g} s; "
            f"expected {lease_s:g} s and {timeout_s:g} s"
        )
    return ""


def over(hold: Hold, now_s: float) -> bool:
    """Tell whether a hold is too old to be begun with anew: who knows what has begun since."""
    return now_s > hold.off_s + hold.lease_s


def _report(said: Ask, now_s: float) -> Report:
    return Report(
        boot=said.boot,
        sequence=said.sequence,
        armed=bool(said.flags & ARMED) and not said.flags & DISARM,
        lease_s=said.lease_ms / 1000,
        timeout_s=said.timeout_ms / 1000,
        uuid=str(UUID(bytes=said.uuid)),
        hardware=said.hardware.rstrip(b"\0").decode("ascii", "replace"),
        heard_s=now_s,
    )
