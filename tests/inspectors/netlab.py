"""Hosts as network namespaces on bridges of a namespace in the middle, made and unmade by a test.

Nothing is added to the machine's own namespace. The test itself steps into the one in the middle:
what it opens there stays there. Needs root, and Debian's iproute2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.netns import inside, ip, unused

KEPT = Path("/proc/sys/net/ipv6/conf/all/keep_addr_on_down")
"""Else a link that is taken down loses its IPv6 addresses for good."""


@dataclass(frozen=True)
class Lab:
    """`networks` are numbered from 0; host 1 on network 0 is 10.199.0.11 and fd00:0::11."""

    name: str
    networks: Sequence[str]
    hosts: int

    @property
    def middle(self) -> str:
        return f"{self.name}-0"

    def host(self, number: int) -> str:
        return f"{self.name}-{number}"

    def address(self, number: int, network: str, version: int = 4) -> str:
        k = self.networks.index(network)
        return f"10.199.{k}.{10 + number}" if version == 4 else f"fd00:{k}::{10 + number}"

    def cut(self, number: int, network: str) -> None:
        """Take the switch's port down: the host is silent, and sees it."""
        ip("-n", self.middle, "link", "set", f"{network}{number}", "down")

    def heal(self, number: int, network: str) -> None:
        ip("-n", self.middle, "link", "set", f"{network}{number}", "up")

    def make(self) -> None:
        for number in range(self.hosts + 1):
            ip("-n", self.host(number), "link", "set", "lo", "up")
        for k, network in enumerate(self.networks):
            ip("-n", self.middle, "link", "add", network, "type", "bridge")
            self._addressed(self.middle, network, f"10.199.{k}.1/24", f"fd00:{k}::1/64")
            for number in range(1, self.hosts + 1):
                self._wire(number, network)

    def _wire(self, number: int, network: str) -> None:
        host, port = self.host(number), f"{network}{number}"
        peer = ("type", "veth", "peer", "name", network, "netns", host)
        ip("-n", self.middle, "link", "add", port, *peer)
        ip("-n", self.middle, "link", "set", port, "master", network, "up")
        four, six = self.address(number, network), self.address(number, network, 6)
        self._addressed(host, network, f"{four}/24", f"{six}/64")

    def _addressed(self, where: str, device: str, four: str, six: str) -> None:
        ip("-n", where, "link", "set", device, "up")
        ip("-n", where, "addr", "add", four, "dev", device)
        ip("-n", where, "addr", "add", six, "dev", device, "nodad")


@contextmanager
def lab(*networks: str, hosts: int = 2) -> Iterator[Lab]:
    """Make a lab and step into its middle until the block ends."""
    made = Lab(unused("dd"), networks, hosts)
    with ExitStack() as stack:
        for number in range(hosts + 1):
            ip("netns", "add", made.host(number))
            stack.callback(ip, "netns", "del", made.host(number))
        stack.enter_context(inside(made.middle))
        KEPT.write_text("1")
        made.make()
        yield made
