"""The sockets: a large receive buffer, and what the kernel has dropped for want of one."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence

BATCH = 512
"""Datagrams that are taken before the clock is looked at again."""
SO_RCVBUFFORCE = 33
SO_MEMINFO = 55
_MEMINFO = struct.Struct("9I")
_DROPS = 8


class Reception:
    """One socket."""

    def __init__(self, address: tuple[str, int], buffer_bytes: int, *, dual: bool = False) -> None:
        """Bind; `dual`: an unspecified IPv6 address is one of IPv4, too. Raise OSError."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._dropped = 0
        try:
            if family == socket.AF_INET6:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
            self.buffer_bytes = _enlarged(self.socket, buffer_bytes)
            self.socket.bind(address)
        except OSError:
            self.socket.close()
            raise

    def drain(self, buffer: bytearray, take: Callable[[int], None]) -> bool:
        """Take what has come, up to a bound; tell whether there may be more."""
        receive = self.socket.recv_into
        try:
            for _ in range(BATCH):
                take(receive(buffer))
        except BlockingIOError:
            return False
        return True

    def drops(self) -> int:
        """Return how many datagrams the kernel has dropped since this was asked last."""
        found = self.socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO.size)
        total: int = _MEMINFO.unpack(found)[_DROPS]
        new, self._dropped = (total - self._dropped) % 2**32, total
        return new


def _enlarged(made: socket.socket, wanted: int) -> int:
    """Have the kernel keep so many bytes; return how many it does keep. socket(7)."""
    for option in (SO_RCVBUFFORCE, socket.SO_RCVBUF):  # the first needs a right that few have
        try:
            made.setsockopt(socket.SOL_SOCKET, option, wanted)
        except PermissionError:
            continue
        break
    return made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # it counts its own needs


def opened(addresses: Sequence[tuple[str, int]], buffer_bytes: int) -> list[Reception]:
    """Bind all of these, or none. Raise OSError, which names the address."""
    made: list[Reception] = []
    address = ("", 0)
    try:
        for address in addresses:
            made.append(Reception(address, buffer_bytes))
    except OSError as error:
        for one in made:
            one.socket.close()
        msg = f"{address[0]}:{address[1]}: {error.strerror}"
        raise OSError(error.errno, msg) from None
    return made
