"""What one attempt at one level of the topology has learnt, device by device.

It ends with the attempt: what was true of one is never taken for true of the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from doctor_daemon.core.instant import Instant
from doctor_daemon.core.proof import Identity, Power, Reading

READINGS_MAX = 15
"""Of one device: as many as a proof may need, the last ON, the first OFF since, and an error."""
RAW_MAX = 120
"""Characters kept of what a device said of its power."""


class Outcome(StrEnum):
    """How a call that changes the world ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # the other side has said no
    FORBIDDEN = "forbidden"  # it has said no, and would say so again
    UNSENT = "unsent"  # nothing has left the daemon
    UNKNOWN = "unknown"  # no answer: it may or may not have been done


@dataclass(frozen=True, slots=True)
class Lined:
    """A cut waits for its device's turn, and nothing has been sent; `over`: its turn has come.

    The gates have been asked then once more, and were open.
    """

    try_: int
    device: str
    at: Instant
    over: bool = False


@dataclass(frozen=True, slots=True)
class DeviceTry:
    """What one device has answered in the present try of its level."""

    identity: Identity | None = None
    failure: str = ""
    """Why it cannot be used in this try: no identity, another chassis."""
    cut: Outcome | None = None
    cut_at: Instant | None = None
    readings: tuple[Reading, ...] = ()
    reads: int = 0
    lined: bool = False
    """Its cut waits for the device's turn: certainly nothing has been sent."""
    begun_at: Instant | None = None
    """When that turn has come, if it was waited for."""
    shut: str = ""
    """The gate that was shut just before its cut: nothing was sent, and `failure` says why."""
    nameless: bool = False
    """Whether it could not be asked who it is, for want of a name that leads to it."""

    def read(self, reading: Reading) -> DeviceTry:
        """Add one reading; only the last few are kept, and of a silence its last.

        Of a longer run of OFF its first is kept, too: it tells since when. A silence in it, too: it
        is no run without it. And the ON before it, by which older words of others are out of date.
        """
        short, before = replace(reading, raw=reading.raw[:RAW_MAX]), self.readings
        silent = before and before[-1].power is reading.power is Power.UNKNOWN
        kept = (*(before[:-1] if silent else before), short)
        if len(kept) > READINGS_MAX:
            spare = _spare([one.power for one in kept])
            kept = (*kept[:spare], *kept[spare + 1 :])
        return replace(self, readings=kept, reads=self.reads + 1)

    def unasked(self) -> DeviceTry:
        """Return it without what the device has answered to questions.

        But for a word that stands until another is spoken: ON by one whose power is not cut.
        """
        failure = self.failure if self.shut else ""
        clear = [reading for reading in self.readings if reading.power is not Power.UNKNOWN]
        on = self.cut is None and clear and clear[-1].power is Power.ON
        said = (clear[-1],) if on else ()
        return replace(self, identity=None, failure=failure, readings=said, reads=0)

    @property
    def unsent(self) -> bool:
        """Tell whether certainly nothing has been sent to it in this try."""
        return self.lined or bool(self.shut)


def _spare(powers: Sequence[Power]) -> int:
    """Return which of a device's readings can be missed."""
    if Power.ON in powers[1:]:
        return 0
    first = 1 if powers[0] is Power.ON else 0
    if powers[first] is Power.UNKNOWN:
        return first
    return first + 2 if powers[first + 1] is Power.UNKNOWN else first + 1


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt at one level of the topology. `number` never repeats within an incident."""

    number: int
    level: int
    nth: int
    digest: str
    since: Instant
    go_at: Instant | None = None
    """When the gates were passed; None: still preparing."""
    devices: Mapping[str, DeviceTry] = field(default_factory=dict)
    anew: int = 0
    """How often it was begun anew because the look had grown old before its cut was sent."""
    off_at: Instant | None = None
    """Since when all devices of the level had read OFF before a reboot; None: they had not."""
    nameless: str = ""
    """What failed since the first level because a name could not be resolved; empty: nothing."""

    def device(self, name: str) -> DeviceTry:
        """Return what a device has answered so far."""
        return self.devices.get(name, DeviceTry())

    def unasked(self) -> Try:
        """Return it without what its devices have answered to questions."""
        devices = {name: device.unasked() for name, device in self.devices.items()}
        return replace(self, devices={n: d for n, d in devices.items() if d != DeviceTry()})

    def unread(self) -> Try:
        """Return the try with nothing known of who the devices are, and of what they read."""
        devices = {n: replace(d, readings=(), identity=None) for n, d in self.devices.items()}
        return replace(self, devices=devices)

    def put(self, name: str, device: DeviceTry) -> Try:
        """Return the try with one device's answers replaced."""
        return replace(self, devices={**self.devices, name: device})
