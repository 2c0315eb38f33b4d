"""Whether a host could be fenced, were it to fail now: what its power devices said when probed.

A device that has been broken for months is found out by the night in which it is needed, or by
asking it before. One failed probe is a hiccup; two in a row, or another machine that answers, are
a host that cannot be fenced.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from doctor_daemon.core.host import Device, HostPlan
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.proof import Identity, Power, Reading

FAILURES_MAX = 2
"""Probes that fail in a row before the device counts as one that cannot fence."""
BACKOFF_MAX = 16
"""A device that says no is asked up to so many times less often: a BMC locks users out."""
SOON_S = 60.0
"""After a probe without an answer the next one comes so soon: hiccups are short."""


@dataclass(frozen=True, slots=True)
class Probing:
    """How often devices are probed. `every_s` 0: only when somebody asks."""

    every_s: float = 0.0
    at_once: int = 8


class Grade(StrEnum):
    """How a probe of one device ended."""

    GOOD = "good"
    UNREACHABLE = "unreachable"  # no answer
    REFUSED = "refused"  # it says no: to the login, to the address, to being cut
    ANOTHER = "another machine"  # it answers for a machine that is not the host
    UNCLEAR = "unclear"  # it does not say how the power is


@dataclass(frozen=True, slots=True)
class Probe:
    """How one probe ended, in words for people, and how long the device took."""

    grade: Grade
    text: str
    at: Instant
    took_s: float = 0.0


def judged(device: Device, identity: Identity, reading: Reading) -> tuple[Grade, str]:
    """Judge what a device has answered."""
    if identity.uuid != device.uuid:
        return Grade.ANOTHER, f"answers for {identity.uuid}, expected {device.uuid}"
    if reading.power is Power.UNKNOWN:
        return Grade.UNCLEAR, f"does not say clearly whether the power is on: {reading.raw}"
    return Grade.GOOD, f"power {reading.power}"


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """What the probes of one device have shown, the last and those before it."""

    last: Probe | None = None
    good_at: Instant | None = None
    failures: int = 0
    """Probes in a row that were not good."""

    @property
    def fit(self) -> bool | None:
        """Tell whether it could fence; None: that is not known, or in doubt."""
        if self.failures >= FAILURES_MAX:
            return False
        return None if self.good_at is None else True

    def after(self, probe: Probe) -> DeviceRecord:
        """Fold in one more probe. Another machine is no hiccup: it counts at once."""
        if probe.grade is Grade.GOOD:
            return DeviceRecord(probe, probe.at)
        sure = probe.grade is Grade.ANOTHER
        failures = max(self.failures + 1, FAILURES_MAX) if sure else self.failures + 1
        return replace(self, last=probe, failures=failures)

    def pause_s(self, every_s: float) -> float:
        """Return the seconds to the next probe."""
        if self.last is None or self.last.grade is Grade.GOOD:
            return every_s
        if self.last.grade is Grade.REFUSED:  # asked again soon it may lock the user out
            return every_s * min(2.0 ** min(self.failures - 1, 8), BACKOFF_MAX)
        return min(SOON_S, every_s) if self.failures < FAILURES_MAX else every_s


class Fenceable(StrEnum):
    """Whether a host could be fenced without a human."""

    YES = "yes"
    PARTLY = "partly"  # a level of it could, and another could not
    NO = "no"
    MANUAL = "manual"  # it has no device: only a human can tell
    UNKNOWN = "unknown"  # not every device has been probed


Records = Mapping[str, DeviceRecord]
"""Name of a device -> what its probes have shown."""
UNPROBED = DeviceRecord()


def fenceable(plan: HostPlan, records: Records) -> Fenceable:
    """Tell whether a host could be fenced: by any level, all of whose devices are fit."""
    found = [_level(level.devices, records) for level in plan.levels if not level.manual]
    if not found:
        return Fenceable.MANUAL
    if all(found):
        return Fenceable.YES
    if any(found) and False in found:
        return Fenceable.PARTLY
    return Fenceable.UNKNOWN if None in found else Fenceable.NO


def _level(devices: tuple[Device, ...], records: Records) -> bool | None:
    """Tell whether a level could pass: only if all of its devices could."""
    found = [records.get(device.name, UNPROBED).fit for device in devices]
    if False in found:
        return False
    return None if None in found else True


def good_at(plan: HostPlan, records: Records) -> Instant | None:
    """Return since when a host is not known to be fenceable by its best level; None: never was."""
    oldest: list[Instant] = []
    for level in plan.levels:
        goods = [records.get(device.name, UNPROBED).good_at for device in level.devices]
        known = [at for at in goods if at is not None]
        if goods and len(known) == len(goods):
            oldest.append(min(known, key=lambda at: at.boot_s))
    return max(oldest, key=lambda at: at.boot_s, default=None)


def faults(plan: HostPlan, records: Records) -> Iterator[str]:
    """Yield what is wrong with each device of a host that is not fit."""
    for number, level in enumerate(plan.levels, 1):
        for device in level.devices:
            record = records.get(device.name, UNPROBED)
            if record.fit is False and record.last is not None:
                yield f"{device.name} (level {number}): {record.last.grade}: {record.last.text}"


def turned(before: Fenceable, after: Fenceable) -> bool:
    """Tell whether somebody has to hear of it: a host that can be fenced less, or again."""
    told = {Fenceable.PARTLY, Fenceable.NO}
    return after is not before and (after in told or (after is Fenceable.YES and before in told))


def spread(key: str) -> float:
    """Return a share from 0 to 1, always the same for a name: jitter that tests can know."""
    return zlib.crc32(key.encode()) / 2**32
