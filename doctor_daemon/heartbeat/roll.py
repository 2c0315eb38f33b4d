"""The roll: every host that was ever heard, and what is known of its last beat.

A host is on it once it has shown a key of its own, so nobody else can make it longer. What must not
be forgotten over a restart, lest old beats be played back, is the last boot and sequence, and the
host's own clock: `kept` and `restored`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from doctor_daemon.heartbeat.patience import Rhythm
from doctor_daemon.heartbeat.wire import NAME_MAX, Mac

HOSTS_MAX = 20_000
FORGOTTEN_AFTER_S = 7 * 86_400.0
"""A host that has been silent for so long is not taken over into another run."""
INTERVAL_MAX_MS = 300_000
NUMBER_MAX = 2**70
NEW, REMEMBERED, CALM, SUSPECT = "new", "remembered", "calm", "suspect"
"""How a host stands. One that is remembered of another run has not been heard in this one."""
OURS, HBV2 = "ddh1", "hbv2"


class Listed:
    """One host, by one protocol. Written to for every datagram, so it is no value."""

    __slots__ = (
        "boot",
        "earlier_boot",
        "floor_us",
        "interval_ms",
        "last_s",
        "leaving",
        "looked_at",
        "looked_s",
        "macs",
        "name",
        "protocol",
        "rhythm",
        "sequence",
        "state",
        "unsettled",
        "wall_ms",
        "wanted",
    )

    def __init__(self, name: bytes, protocol: str, interval_ms: int) -> None:
        """Begin with a host that was not heard yet."""
        self.name = name
        self.protocol = protocol
        self.macs: dict[int, Mac] = {}
        self.boot = -1  # none: the next beat is looked at more closely
        self.earlier_boot = -1
        self.sequence = -1
        self.wall_ms = 0
        self.floor_us = 0
        self.interval_ms = interval_ms
        self.rhythm = Rhythm(interval_ms / 1000)
        self.last_s = 0.0
        self.state = NEW
        self.leaving = False
        self.looked_s = -1.0
        """Its last beat when the watch looked, and how many of anybody's were heard until then."""
        self.looked_at = 0
        self.wanted = False
        self.unsettled = True
        """Its next beat is to be looked at by the watch, and not only counted."""

    def text(self) -> str:
        """Return its name as text."""
        return self.name.decode(errors="replace")


@dataclass(slots=True)
class Roll:
    """All hosts. One that is beyond the bound is refused."""

    hosts: dict[bytes, Listed] = field(default_factory=dict)
    """Those of our own protocol, by name."""
    others: dict[bytes, Listed] = field(default_factory=dict)
    """Those of instanceha's."""

    def __len__(self) -> int:
        return len(self.hosts) + len(self.others)

    def every(self) -> list[Listed]:
        """Return all hosts."""
        return [*self.hosts.values(), *self.others.values()]

    def add(self, host: Listed) -> None:
        """Take a host in."""
        (self.hosts if host.protocol == OURS else self.others)[host.name] = host

    def kept(self, boot_id: str, now_s: float) -> dict[str, object]:
        """Return what is to outlive this process."""
        rows = [
            [
                host.name.hex(),
                host.protocol,
                host.boot if host.boot >= 0 else host.earlier_boot,
                host.sequence,
                host.wall_ms,
                host.floor_us,
                host.interval_ms,
                round(now_s - host.last_s, 3),
            ]
            for host in self.every()
            if host.sequence >= 0
        ]
        return {"version": 1, "boot": boot_id, "hosts": rows}

    def restore(self, kept: Mapping[str, object], boot_id: str, now_s: float) -> None:
        """Take over what was kept. Raise ValueError, TypeError or KeyError where it is damaged.

        After another boot of ours no time of before can be compared with one of now: a host's next
        beat then has to show by its wall clock that it is of today.
        """
        same = kept["boot"] == boot_id
        rows = kept["hosts"]
        if kept["version"] != 1 or not isinstance(rows, list):
            msg = "of another version"
            raise ValueError(msg)
        found = [_remembered(row, now_s, same=same) for row in rows[:HOSTS_MAX]]
        for host in found:
            if host is not None:
                self.add(host)


def _remembered(row: Sequence[object], now_s: float, *, same: bool) -> Listed | None:
    """Return the host of a row; None: it is forgotten. Raise ValueError or TypeError."""
    name, protocol, *numbers, age_s = row
    boot, sequence, wall_ms, floor_us, interval_ms = map(_whole, numbers)
    told = isinstance(name, str) and isinstance(age_s, int | float) and protocol in (OURS, HBV2)
    if sequence < 0 or not told or not 0 < len(raw := bytes.fromhex(str(name))) <= NAME_MAX:
        msg = "no row of a host"
        raise ValueError(msg)
    if not 0 < interval_ms <= INTERVAL_MAX_MS:
        msg = "no interval of beats"
        raise ValueError(msg)
    if isinstance(age_s, int | float) and age_s > FORGOTTEN_AFTER_S:
        return None
    host = Listed(raw, str(protocol), interval_ms)
    host.sequence, host.wall_ms, host.floor_us = sequence, wall_ms, floor_us
    host.earlier_boot = boot
    host.boot = boot if same else -1
    host.state, host.last_s = REMEMBERED, now_s
    return host


def _whole(number: object) -> int:
    """Return a number of a row: what a datagram's field holds, or the difference of two."""
    if not isinstance(number, int) or isinstance(number, bool) or abs(number) > NUMBER_MAX:
        msg = "no number of a row"
        raise ValueError(msg)
    return number
