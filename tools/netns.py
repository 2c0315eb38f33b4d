"""Network namespaces: a fleet of hosts behind the switches of two racks, made and unmade by a test.

Nothing is added to the machine's own namespace, and every fleet has the same addresses: any number
of them stand side by side. Needs root, and Debian's iproute2 and nftables.

                     the middle: cloud, monitoring, BMCs' network
    daemon -- core switch -- rack 1's switch -- its hosts
       |          `--------- rack 2's switch -- its hosts
       `----- BMCs' switch
"""

from __future__ import annotations

import ctypes
import os
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

IP = "/usr/sbin/ip"
NFT = "/usr/sbin/nft"
LIMIT_S = 60.0
CLOUD, DAEMON = "10.199.0.1", "10.199.0.2"
"""The middle and the daemon on the network of the hosts …"""
BMCS, DAEMON_BMCS = "10.199.1.1", "10.199.1.2"
"""… and on that of the BMCs."""
OWN = Path("/proc/thread-self/ns/net")
"""The namespace that a thread is in."""
CLONE_NEWNET = 0x4000_0000
_LIBC = ctypes.CDLL(None, use_errno=True)


def ip(*words: object) -> None:
    """Run one command of iproute2."""
    subprocess.run([IP, *map(str, words)], check=True, timeout=LIMIT_S)  # noqa: S603 - no shell


def ip_batch(namespace: str, *lines: str) -> None:
    """Run several in a namespace, in one process."""
    text = "\n".join(lines) + "\n"
    argv = [IP, "-n", namespace, "-batch", "-"]
    subprocess.run(argv, input=text, text=True, check=True, timeout=LIMIT_S)  # noqa: S603 - no shell


def nft(namespace: str, rules: str) -> None:
    """Give a namespace's packet filter these commands."""
    argv = [IP, "netns", "exec", namespace, NFT, "-f", "-"]
    subprocess.run(argv, input=rules, text=True, check=True, timeout=LIMIT_S)  # noqa: S603 - no shell


def unused(prefix: str) -> str:
    """Return a name for what a run makes: a pid may come back while a killed run's are left."""
    return f"{prefix}{secrets.token_hex(3)}"


def within(namespace: str, *argv: str) -> tuple[str, ...]:
    """Return the command line that runs a command in a namespace, with a /sys of its own."""
    return (IP, "netns", "exec", namespace, *argv)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Step into a namespace with this thread: sockets that it opens are there."""
    with Path("/run/netns", name).open("rb") as it, stepped_into(it.fileno()):
        yield


@contextmanager
def stepped_into(descriptor: int) -> Iterator[None]:
    """Step into the namespace of an open file with this thread."""
    with OWN.open("rb") as own:
        _enter(descriptor)
        try:
            yield
        finally:
            _enter(own.fileno())


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@dataclass(frozen=True, slots=True)
class Fleet:
    """Hosts in racks, by number from 1 on: host 1 is 10.199.0.11."""

    name: str
    racks: Sequence[Sequence[int]]

    @property
    def middle(self) -> str:
        return f"{self.name}-0"

    @property
    def daemon(self) -> str:
        return f"{self.name}-d"

    @property
    def hosts(self) -> list[int]:
        return [number for rack in self.racks for number in rack]

    def host(self, number: int) -> str:
        return f"{self.name}-{number}"

    def address(self, number: int) -> str:
        return f"10.199.0.{10 + number}"

    def rack_of(self, number: int) -> int:
        """Return a host's rack, from 1 on."""
        return next(k for k, rack in enumerate(self.racks, 1) if number in rack)

    def port(self, number: int, state: str) -> None:
        """Take a host's own link up or down."""
        ip_batch(self.middle, f"link set h{number} {state}")

    def uplink(self, rack: int, state: str) -> None:
        """Take a rack's way to the core up or down; its hosts still have their links."""
        ip_batch(self.middle, f"link set up{rack} {state}")

    def own_link(self, network: str, state: str) -> None:
        """Take the daemon's link on `net` or `oob` up or down; it loses its carrier."""
        ip_batch(self.middle, f"link set d-{network} {state}")

    @property
    def namespaces(self) -> list[str]:
        return [self.middle, self.daemon, *map(self.host, self.hosts)]

    def make(self) -> None:
        """Wire everything; the namespaces are there."""
        lines = ["link set lo up", "link add core type bridge", "link add oob type bridge"]
        lines += [f"link set {one} up" for one in ("core", "oob")]
        lines += [f"addr add {CLOUD}/24 dev core", f"addr add {BMCS}/24 dev oob"]
        for bridge, network in (("core", "net"), ("oob", "oob")):
            lines += _wire(f"d-{network}", bridge, network, self.daemon)
        for k, rack in enumerate(self.racks, 1):
            lines += [f"link add rack{k} type bridge", f"link set rack{k} up"]
            lines += [f"link add up{k} type veth peer name down{k}"]
            lines += [f"link set up{k} master core up", f"link set down{k} master rack{k} up"]
            for number in rack:
                lines += _wire(f"h{number}", f"rack{k}", "net", self.host(number))
        ip_batch(self.middle, *lines)
        own = (("net", f"{DAEMON}/24"), ("oob", f"{DAEMON_BMCS}/24"))
        ip_batch(self.daemon, *_addressed(own))
        for number in self.hosts:
            ip_batch(self.host(number), *_addressed((("net", f"{self.address(number)}/24"),)))


def _wire(port: str, bridge: str, device: str, namespace: str) -> list[str]:
    return [
        f"link add {port} type veth peer name {device} netns {namespace}",
        f"link set {port} master {bridge} up",
    ]


def _addressed(links: Sequence[tuple[str, str]]) -> list[str]:
    lines = ["link set lo up"]
    for device, address in links:
        lines += [f"link set {device} up", f"addr add {address} dev {device}"]
    return lines


@contextmanager
def fleet(name: str, racks: Sequence[Sequence[int]]) -> Iterator[Fleet]:
    """Make a fleet, and step into its middle until the block ends. `name`: at most 8 letters."""
    made = Fleet(name, racks)
    with ExitStack() as stack:
        for namespace in made.namespaces:
            ip("netns", "add", namespace)
            stack.callback(ip, "netns", "del", namespace)
        stack.enter_context(inside(made.middle))
        made.make()
        yield made
