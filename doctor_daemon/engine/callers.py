"""Who asks at the lifelines' door: reads what has come, and tells whether it was said by a host.

What is forged costs little. The keys of hosts that are to be fenced by their watchdogs are made
beforehand, those of other names so often in a second and no more. In a flood an address that has
sent much that was not believed is not listened to for the rest of the second; but only then, or
whoever puts a host's address on a few datagrams could have that host reset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from doctor_daemon.heartbeat.keys import Key
from doctor_daemon.heartbeat.lifeline import Ask, ask_of, is_genuine
from doctor_daemon.heartbeat.wire import Mac

WINDOW_S = 1.0
STRANGE_MAX = 200
"""Names that nobody expects whose keys are made in a window."""
WRONG_MAX = 50
"""Datagrams of an address that were not believed in a window, before a flood of it is ignored."""
ADDRESSES_MAX = 10_000
"""Addresses that are remembered in a window."""


class Callers:
    """All hosts. `knows` tells whether there is room for a name."""

    def __init__(self, keys: Iterable[Key], knows: Callable[[str], bool]) -> None:
        """Know nobody yet."""
        self._keys = {key.number: key for key in keys}
        self._knows = knows
        self._macs: dict[tuple[bytes, int], Mac] = {}
        self._since_s = 0.0
        self._strange = 0
        self._wrong = Counter[str]()
        self.ignored_s: dict[str, float] = {}
        """Names, and when somebody last spoke by that name who was not listened to or believed."""

    def expect(self, name: str) -> None:
        """Make the keys of a host beforehand."""
        raw = name.encode()
        self._macs |= {(raw, number): key.of(raw).mac() for number, key in self._keys.items()}

    def read(
        self, datagram: bytes, sender: str, now_s: float, *, crowded: bool
    ) -> tuple[Ask, bytes, Mac] | str:
        """Return what was said, by what name and with what; or why it is not believed."""
        if now_s - self._since_s >= WINDOW_S:
            self._since_s, self._strange = now_s, 0
            self._wrong.clear()
        if crowded and self._wrong[sender] >= WRONG_MAX:
            self._ignore(datagram, now_s)
            return "flood"
        found = self._read(datagram)
        if isinstance(found, str) and (sender in self._wrong or len(self._wrong) < ADDRESSES_MAX):
            self._wrong[sender] += 1
        return found

    def _ignore(self, datagram: bytes, now_s: float) -> None:
        found = ask_of(datagram)
        if found is not None and (found[1], found[0].key_id) in self._macs:
            self.ignored_s[found[1].decode(errors="replace")] = now_s

    def _read(self, datagram: bytes) -> tuple[Ask, bytes, Mac] | str:
        found = ask_of(datagram)
        if found is None:
            return "malformed"
        said, raw = found
        known, key = self._macs.get((raw, said.key_id)), self._keys.get(said.key_id)
        if key is None:
            return "unknown_key"
        if known is None and self._strange >= STRANGE_MAX:
            return "flood"
        self._strange += known is None
        mac = known or key.of(raw).mac()
        if not is_genuine(datagram, mac):
            return "forged"
        if not self._knows(raw.decode(errors="replace")):
            return "too_many_hosts"
        self._macs[raw, said.key_id] = mac  # a new one is only kept once it was right
        return said, raw, mac
