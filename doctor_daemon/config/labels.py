"""Names by which hosts are known: one name, one host, however it is spelt.

A source that says cmp-1 where Nova says CMP-1 or cmp-1.example.org must never be heard about
another host, so two names that such a spelling could confuse are refused when the file is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from doctor_daemon.core.host import HostId

LABEL_MAX = 255


@dataclass(slots=True)
class Labels:
    """Every name of every host."""

    _whose: dict[str, HostId] = field(default_factory=dict)
    _short: dict[str, HostId] = field(default_factory=dict)
    """Names without a dot."""
    _heads: dict[str, dict[HostId, str]] = field(default_factory=dict)
    """First label of dotted names -> the hosts that have one, and the name."""
    _aliases: dict[str, HostId] = field(default_factory=dict)

    @property
    def aliases(self) -> Mapping[str, HostId]:
        """The names that are not Nova's, in lower case."""
        return self._aliases

    def add(self, label: str, host: HostId, *, alias: bool) -> str:
        """Add a name; return what is wrong with it, or an empty text."""
        if not label.isprintable() or " " in label or not 0 < len(label) <= LABEL_MAX:
            return f"expected a name without spaces, of at most {LABEL_MAX} characters"
        key = label.lower()
        other = self._whose.get(key, host)
        if other != host:
            return f"the name {label!r} is also that of {other}: expected one host for a name"
        confused = self._confused(key, host)
        if confused:
            return confused
        self._enter(key, host)
        if alias and label != host.name:
            self._aliases[key] = host
        return ""

    def _confused(self, key: str, host: HostId) -> str:
        if _is_address(key):
            return ""
        head = key.partition(".")[0]
        if key == head:
            others = (pair for pair in self._heads.get(head, {}).items() if pair[0] != host)
            other, name = next(others, (host, ""))
        else:
            other, name = self._short.get(head, host), head
        if other == host:
            return ""
        return f"{key!r} could be taken for {name!r}, which is {other}: expected no such pair"

    def _enter(self, key: str, host: HostId) -> None:
        self._whose[key] = host
        if _is_address(key):
            return
        head = key.partition(".")[0]
        if key == head:
            self._short[key] = host
        else:
            self._heads.setdefault(head, {}).setdefault(host, key)


def _is_address(key: str) -> bool:
    try:
        ip_address(key.partition(":")[0] if key.count(":") == 1 else key)
    except ValueError:
        return False
    return True
