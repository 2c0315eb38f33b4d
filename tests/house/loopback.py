"""Tests talk to this machine and to no other.

An audit hook sees every connection that Python opens, whichever library opens it, and needs
nothing to be patched. It cannot be removed again, so it is a process-wide rule. What child
processes do it cannot see. A thread that has stepped into a network namespace of a test's making is
let be: there is no way out of it.
"""

import ipaddress
import socket
import sys
from collections.abc import Callable
from pathlib import Path

FAMILIES = (socket.AF_INET, socket.AF_INET6)


class BeyondLoopbackError(OSError):
    """A test wanted to talk to another machine."""


def is_loopback(host: object) -> bool:
    """Whether a host, as given to the socket module, can only be this machine."""
    if isinstance(host, bytes | bytearray):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str):
        return host is None
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host in ("", "localhost")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def peer_of(event: str, args: tuple[object, ...]) -> object:
    """The host that an audit event of the socket module goes to; None where it goes nowhere."""
    match event, args:
        case "socket.connect" | "socket.sendto" | "socket.sendmsg", (
            socket.socket(family=family),
            (host, *_),
        ) if family in FAMILIES:
            return host
        case "socket.getaddrinfo" | "socket.gethostbyname", (host, *_):
            return host
        case _:
            return None


def namespace() -> int:
    """Return the number of the network namespace that this thread is in."""
    return Path("/proc/thread-self/ns/net").stat().st_ino


def guard(complain: Callable[[str], None]) -> None:
    """Refuse every other machine from now on, and complain of each attempt.

    The complaint matters: product code may well take the refusal for a network that is down.
    """
    own = namespace()

    def hook(event: str, args: tuple[object, ...]) -> None:
        if not event.startswith("socket."):
            return
        host = peer_of(event, args)
        if not is_loopback(host) and namespace() == own:
            complaint = f"{event} to {host!r}: tests talk to 127.0.0.0/8 and ::1 alone"
            complain(complaint)
            raise BeyondLoopbackError(complaint)

    sys.addaudithook(hook)
