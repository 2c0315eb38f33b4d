"""Three controllers, each a network namespace, and their cloud in another, behind one bridge.

A controller's one link carries all that it has to say: to etcd, to the cloud, to power devices.
Nothing is added to the machine's own namespace. Needs root, and Debian's iproute2 and nftables.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.chaos.plan import CONTROLLERS
from tools.netns import OWN, inside, ip, ip_batch, nft

CLOUD = "10.199.2.1"
DROPS = {
    "both ways": ("in", "out"),
    "hears nothing": ("in",),
    "is not heard": ("out",),
}
"""How a controller is cut off -> on which way what is sent is lost."""
_HOOKS = {
    "in": 'chain in { type filter hook input priority 0; iifname "net" drop; }',
    "out": 'chain out { type filter hook output priority 0; oifname "net" drop; }',
}


@dataclass(frozen=True, slots=True)
class Net:
    """Controllers are counted from 0 on."""

    name: str
    outside: int
    """The namespace that all was made from, as an open file."""

    @property
    def middle(self) -> str:
        return f"{self.name}-0"

    @property
    def namespaces(self) -> list[str]:
        return [self.middle, *map(self.controller, range(CONTROLLERS))]

    def controller(self, number: int) -> str:
        return f"{self.name}-{number + 1}"

    def address(self, number: int) -> str:
        return f"10.199.2.{11 + number}"

    def cut_off(self, number: int, way: str) -> None:
        """Have everything lost that a controller sends, is sent, or both."""
        chains = "\n  ".join(_HOOKS[hook] for hook in DROPS[way])
        nft(self.controller(number), f"table inet chaos {{\n  {chains}\n}}\n")

    def join(self, number: int) -> None:
        """Undo every cut of a controller."""
        nft(self.controller(number), "flush ruleset\n")

    def make(self) -> None:
        """Wire everything; the namespaces are there."""
        lines = ["link set lo up", "link add core type bridge", "link set core up"]
        lines.append(f"addr add {CLOUD}/24 dev core")
        for number in range(CONTROLLERS):
            port, namespace = f"c{number}", self.controller(number)
            lines.append(f"link add {port} type veth peer name net netns {namespace}")
            lines.append(f"link set {port} master core up")
        ip_batch(self.middle, *lines)
        for number in range(CONTROLLERS):
            own = f"addr add {self.address(number)}/24 dev net"
            ip_batch(self.controller(number), "link set lo up", "link set net up", own)


@contextmanager
def controllers(name: str) -> Iterator[Net]:
    """Make them, and step into the cloud's namespace until the block ends. `name`: at most 8."""
    with ExitStack() as stack:
        made = Net(name, stack.enter_context(OWN.open("rb")).fileno())
        for namespace in made.namespaces:
            ip("netns", "add", namespace)
            stack.callback(ip, "netns", "del", namespace)
        stack.enter_context(inside(made.middle))
        made.make()
        yield made
