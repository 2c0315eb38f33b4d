"""Who asks at the lifelines' door: reads what has come, and tells whether it was said by a host."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from doctor_daemon.heartbeat.keys import Key
from doctor_daemon.heartbeat.lifeline import Ask, ask_of, is_genuine
from doctor_daemon.heartbeat.wire import Mac


class Callers:
    """All hosts. `knows` tells whether there is room for a name."""

    def __init__(self, keys: Iterable[Key], knows: Callable[[str], bool]) -> None:
        """Know nobody yet."""
        self._keys = {key.number: key for key in keys}
        self._knows = knows
        self._macs: dict[tuple[bytes, int], Mac] = {}

    def read(self, datagram: bytes) -> tuple[Ask, bytes, Mac] | str:
        """Return what was said, by what name and with what; or why it is not believed."""
        found = ask_of(datagram)
        if found is None:
            return "malformed"
        said, raw = found
        mac = self._mac(raw, said.key_id)
        if mac is None:
            return "unknown_key"
        if not is_genuine(datagram, mac):
            return "forged"
        if not self._knows(raw.decode(errors="replace")):
            return "too_many_hosts"
        self._macs[raw, said.key_id] = mac
        return said, raw, mac

    def _mac(self, raw: bytes, number: int) -> Mac | None:
        """Return how a host's datagrams are made; a new one is only kept once it was right."""
        known, key = self._macs.get((raw, number)), self._keys.get(number)
        return known or (key.of(raw).mac() if key else None)
