"""What is believed of a datagram: whose it is, and that it is new.

It has to come under the host's own key; what does not is counted by its reason and forgotten. Then
it has to be new (hazard E2), by the host's own words alone, for no two clocks agree:

- of the same boot: its sequence is above the last one, and it was not longer on its way than others
  of that boot by more than `LATE_US`. Both clocks are CLOCK_BOOTTIME, which nobody can set, so the
  difference between them is constant but for the drift of two quartzes. So beats that someone has
  held back, to let a dead host live on, are known.
- of another boot, or where no difference is known yet: its wall clock is later than all that this
  host has ever said, and within two minutes of ours. This is the one place where wall clocks are
  asked. A step of ours cuts off no host that is being heard; one that boots just then has to wait
  until the clocks are right again, and is counted as `clock`.

Instanceha's datagrams have nothing but a wall clock. Each has to say a later time than the last one
of its host, and that time has to be within the protocol's window of ours: by our wall clock, or, so
that no step of ours cuts off a host either, by the difference between the host's wall clock and our
CLOCK_BOOTTIME that this host has shown before.

This runs for every datagram, so it is one long function on purpose, and keeps nothing of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hmac import compare_digest

from doctor_daemon.heartbeat import hbv2
from doctor_daemon.heartbeat.keys import Key
from doctor_daemon.heartbeat.patience import WINDOW
from doctor_daemon.heartbeat.roll import HBV2, HOSTS_MAX, OURS, Listed, Roll
from doctor_daemon.heartbeat.wire import (
    HEAD,
    INTERVAL_MAX_S,
    INTERVAL_MIN_S,
    LEAVING,
    MAC_BYTES,
    MAGIC,
    SIZE_MAX,
    SIZE_MIN,
    Mac,
)

LATE_US = 5_000_000
DRIFT = 0.001
"""What two quartzes may differ by, and ten times that."""
WALL_MAX_MS = 120_000
BUFFER_BYTES = 1024
MALFORMED, UNKNOWN_KEY, FORGED, REPLAYED, LATE, CLOCK, CROWDED = (
    "malformed",
    "unknown_key",
    "forged",
    "replayed",
    "late",
    "clock",
    "too_many_hosts",
)
REASONS = (MALFORMED, UNKNOWN_KEY, FORGED, REPLAYED, LATE, CLOCK, CROWDED)

_head_of = HEAD.unpack_from


class Hearing:
    """Verifies datagrams, and notes beats on the roll. `settle` is called for unsettled hosts."""

    def __init__(
        self,
        roll: Roll,
        keys: Mapping[int, Key],
        settle: Callable[[Listed, float], None],
        *,
        hbv2_keys: Sequence[bytes] = (),
        hbv2_interval_s: float = 30.0,
    ) -> None:
        """Accept what is under these keys, by number."""
        self.buffer = bytearray(BUFFER_BYTES)
        self.beats = 0
        self.rejected: Counter[str] = Counter()
        self.now_s = 0.0
        self.now_us = 0
        self.wall_ms = 0
        self._roll = roll
        self._keys = keys
        self._settle = settle
        self._hbv2_keys = hbv2_keys
        self._hbv2_ms = round(hbv2_interval_s * 1000)
        view = memoryview(self.buffer)
        self._view = view
        # Cut once for every size that there can be: name, all before the MAC, MAC.
        self._parts = [
            (view[HEAD.size : n - MAC_BYTES], view[: n - MAC_BYTES], view[n - MAC_BYTES : n])
            for n in range(SIZE_MAX + 1)
        ]

    def become(self, keys: Mapping[int, Key], hbv2_keys: Sequence[bytes]) -> None:
        """Accept what is under these keys from now on, and nothing that is not.

        What is known of the hosts stays: a host shows its other key by its next beat.
        """
        same = {number for number, key in keys.items() if self._keys.get(number) == key}
        for host in self._roll.hosts.values():
            host.macs = {number: mac for number, mac in host.macs.items() if number in same}
        self._keys, self._hbv2_keys = keys, hbv2_keys

    @property
    def numbers(self) -> list[int]:
        """The numbers of the keys that are accepted, in order."""
        return sorted(self._keys)

    def tick(self, now_s: float, wall_s: float) -> None:
        """Say what time it is, for all that is taken until it is said again."""
        self.now_s = now_s
        self.now_us = int(now_s * 1e6)
        self.wall_ms = int(wall_s * 1e3)

    def take(self, size: int) -> None:
        """Judge the datagram of that size in the buffer."""
        head = _head_of(self.buffer)
        if head[0] != MAGIC or not SIZE_MIN <= size <= SIZE_MAX:
            self._take_other(size)
            return
        name, said, mac = self._parts[size]
        host = self._roll.hosts.get(name.tobytes())
        if host is None or head[1] not in host.macs:
            if not self._meet(size, head[1]):
                return
            host = self._roll.hosts[name.tobytes()]
        if not compare_digest(host.macs[head[1]](said), mac):
            self.rejected[FORGED] += 1
            return
        _, _, flags, interval_ms, boot, sequence, sent_us, wall_ms = head
        if boot != host.boot or flags or interval_ms != host.interval_ms or host.leaving:
            if not self._greet(host, head):
                return
        elif sequence <= host.sequence:
            self.rejected[REPLAYED] += 1
            return
        way_us = self.now_us - sent_us
        if way_us < host.floor_us:
            host.floor_us = way_us
        elif way_us > host.floor_us + LATE_US:
            self.rejected[LATE] += 1
            return
        host.sequence = sequence
        host.wall_ms = wall_ms
        self._note(host)

    def _note(self, host: Listed) -> None:
        """Note a beat that is believed. `Rhythm.note`, written out."""
        now_s, rhythm = self.now_s, host.rhythm
        gap_s = now_s - host.last_s
        host.last_s = now_s
        gap_s = min(gap_s, rhythm.gap_max_s)
        at = rhythm.at
        old_s = rhythm.gaps[at]
        rhythm.gaps[at] = gap_s
        rhythm.total_s += gap_s - old_s
        rhythm.squares += gap_s * gap_s - old_s * old_s
        rhythm.at = at + 1
        if at + 1 == WINDOW:
            rhythm.count()
            host.floor_us += int(rhythm.total_s * DRIFT * 1e6)
        self.beats += 1
        if host.unsettled:
            self._settle(host, now_s)

    def _meet(self, size: int, number: int) -> bool:
        """Put a host on the roll, or learn its key of another number; tell whether it is known.

        Only a genuine datagram leaves anything behind.
        """
        raw, said, mac = self._parts[size]
        name = raw.tobytes()
        key = self._keys.get(number)
        if key is None:
            self.rejected[UNKNOWN_KEY] += 1
            return False
        made: Mac = key.of(name).mac()
        if not compare_digest(made(said), mac):
            self.rejected[FORGED] += 1
            return False
        host = self._roll.hosts.get(name)
        if host is None:
            if len(self._roll) >= HOSTS_MAX:
                self.rejected[CROWDED] += 1
                return False
            host = Listed(name, OURS, 1000)
            self._roll.add(host)
        host.macs[number] = made
        return True

    def _greet(self, host: Listed, head: tuple[bytes, int, int, int, int, int, int, int]) -> bool:
        """Look at a genuine beat that is not like the last one; tell whether to go on with it.

        Nothing of the host is altered by one that is not believed.
        """
        _, _, flags, interval_ms, boot, sequence, sent_us, wall_ms = head
        if not INTERVAL_MIN_S * 1000 <= interval_ms <= INTERVAL_MAX_S * 1000:
            self.rejected[MALFORMED] += 1
            return False
        known = boot in (host.boot, host.earlier_boot)
        if known and sequence <= host.sequence:
            self.rejected[REPLAYED] += 1
            return False
        if boot == host.boot:
            if self.now_us - sent_us > host.floor_us + LATE_US:
                self.rejected[LATE] += 1
                return False
        else:
            # A host that was far ahead of us has said nothing that could be played back now.
            ahead = host.wall_ms > self.wall_ms + WALL_MAX_MS
            if not known and wall_ms <= host.wall_ms and not ahead:
                self.rejected[REPLAYED] += 1
                return False
            if abs(wall_ms - self.wall_ms) > WALL_MAX_MS:
                self.rejected[CLOCK] += 1
                return False
            host.boot = host.earlier_boot = boot
            host.floor_us = self.now_us - sent_us
            host.last_s = self.now_s - interval_ms / 1000  # no gap that means anything
            host.unsettled = True
        if interval_ms != host.interval_ms:
            host.interval_ms = interval_ms
            host.rhythm.begin(interval_ms / 1000)
            host.unsettled = True
        if host.leaving != bool(flags & LEAVING):
            host.leaving = not host.leaving
            host.unsettled = True
        return True

    def _take_other(self, size: int) -> None:
        """Judge what is none of our datagrams: instanceha's, or nothing."""
        if not hbv2.SIZE_MIN <= size <= hbv2.SIZE_MAX or self.buffer[:4] != hbv2.MAGIC:
            self.rejected[MALFORMED] += 1
            return
        sent = self._view[:size]
        if not self._hbv2_keys:
            self.rejected[UNKNOWN_KEY] += 1
        elif not hbv2.is_genuine(sent, self._hbv2_keys):
            self.rejected[FORGED] += 1
        else:
            self._take_hbv2(hbv2.name_of(sent), hbv2.HEAD.unpack_from(sent)[1])

    def _take_hbv2(self, name: bytes, at_s: int) -> None:
        host = self._roll.others.get(name)
        way_us = self.now_us - at_s * 1_000_000
        on_time = host is not None and host.boot == 0 and _in_window(way_us - host.floor_us)
        if not on_time and not _in_window(self.wall_ms * 1000 - at_s * 1_000_000):
            self.rejected[CLOCK] += 1
        elif not name:
            self.rejected[MALFORMED] += 1
        elif host is not None and at_s <= host.sequence:
            self.rejected[REPLAYED] += 1
        elif host is None and len(self._roll) >= HOSTS_MAX:
            self.rejected[CROWDED] += 1
        else:
            if host is None:
                host = Listed(name, HBV2, self._hbv2_ms)
                host.last_s = self.now_s - host.rhythm.interval_s
                self._roll.add(host)
            if not on_time or way_us < host.floor_us:
                host.floor_us = way_us
            host.sequence, host.wall_ms, host.boot = at_s, at_s * 1000, 0
            self._note(host)


def _in_window(age_us: int) -> bool:
    """Tell whether a datagram of instanceha's may be of that age."""
    return -hbv2.AHEAD_MAX_S * 1_000_000 <= age_us <= hbv2.AGE_MAX_S * 1_000_000
