"""Which hosts this daemon runs on: by the machine's name, and by its own addresses.

Nobody is asked: neither DNS nor Nova need answer for us to know ourselves. A name that may be ours
(the same first part, where one of the two is not written out) is taken for ours.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from doctor_daemon.core.host import HostId

FIB = Path("/proc/net/fib_trie")
INET6 = Path("/proc/net/if_inet6")
_NOBODY = ("", "localhost")


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that we run on: its name, and its addresses, loopback left out."""

    name: str
    addresses: frozenset[str] = frozenset()


def machine(fib: Path = FIB, inet6: Path = INET6) -> Machine:
    """Read who we are. What cannot be read is not known."""
    found = {*_inet(_text(fib)), *_inet6(_text(inet6))}
    own = {text for text in found if not ip_address(text).is_loopback}
    return Machine(socket.gethostname().lower(), frozenset(own))


def ours(
    us: Machine, hosts: Iterable[HostId], known_as: Mapping[HostId, Iterable[str]]
) -> dict[HostId, str]:
    """Return the hosts that are this machine, and how that is known.

    `known_as`: the other names, and the addresses, by which each is known.
    """
    found: dict[HostId, str] = {}
    for host in hosts:
        for label in (host.name, *known_as.get(host, ())):
            how = _how(us, label.lower())
            if how:
                found[host] = how
                break
    return found


def _how(us: Machine, label: str) -> str:
    """Say how a label is one of ours; empty: it is not."""
    if label in us.addresses:
        return f"{label} is an address of this machine"
    if us.name in _NOBODY:
        return ""
    if label == us.name:
        return f"{label} is this machine's name"
    whole = "." in label and "." in us.name
    if not whole and not _is_address(label) and _head(label) == _head(us.name):
        return f"{label} may be this machine, whose name is {us.name}"
    return ""


def _head(name: str) -> str:
    return name.partition(".")[0]


def _is_address(label: str) -> bool:
    try:
        ip_address(label)
    except ValueError:
        return False
    return True


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, ValueError):
        return ""


def _inet(text: str) -> Iterable[str]:
    """Yield the local addresses of the kernel's routes: a leaf, and below it `host LOCAL`."""
    leaf = ""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["|--"] and len(words) > 1:
            leaf = words[1]
        elif words[-2:] == ["host", "LOCAL"] and leaf:
            yield leaf


def _inet6(text: str) -> Iterable[str]:
    """Yield the addresses of each interface: 32 hexadecimal digits, and what belongs to them."""
    for line in text.splitlines():
        digits = line.split(maxsplit=1)[0] if line.strip() else ""
        if len(digits) == 32:  # noqa: PLR2004 - a byte is two of them
            yield str(ip_address(bytes.fromhex(digits)))
