"""ICMP echo, RFC 792 and RFC 4443: many addresses asked at once over one socket.

The kernel lets a process without privileges send echo requests where its group is in the sysctl
net.ipv4.ping_group_range; else a raw socket needs CAP_NET_RAW. Both are tried, in that order, and
what is missing is said. An answer counts only if it comes from the very address that was asked, and
carries this round's token: what somebody else's ping brought, or a late answer, is not ours.
"""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
import struct
from collections.abc import Collection
from contextlib import suppress
from ipaddress import ip_address

from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.probing import Sight, judged

_HEAD = struct.Struct("!BBHHH")
"""Type, code, checksum, identifier, sequence."""
TOKEN_BYTES = 16
RECEIVE_BYTES = 4 * 1024 * 1024
DATAGRAM_MAX = 2048
DRAINED_MAX = 1000
"""Datagrams that are read before the event loop gets its turn."""
_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_IPV4_HEAD_MIN = 20


def checksum(data: bytes) -> int:
    """Return the Internet checksum of RFC 1071."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def request(family: socket.AddressFamily, token: bytes, number: int) -> bytes:
    """Make an echo request."""
    identifier = int.from_bytes(token[:2])
    head = _HEAD.pack(_REQUEST[family], 0, 0, identifier, number & 0xFFFF)
    total = checksum(head + token) if family == socket.AF_INET else 0  # IPv6: the kernel's
    return _HEAD.pack(_REQUEST[family], 0, total, identifier, number & 0xFFFF) + token


def is_reply(family: socket.AddressFamily, datagram: bytes, token: bytes) -> bool:
    """Tell whether a datagram answers a request of this token.

    A raw IPv4 socket hands out the IP header too; no echo reply begins with its first byte.
    """
    if family == socket.AF_INET and datagram and datagram[0] >> 4 == 4:  # noqa: PLR2004 - IPv4
        datagram = datagram[max((datagram[0] & 0x0F) * 4, _IPV4_HEAD_MIN) :]
    if len(datagram) < _HEAD.size or datagram[0] != _REPLY[family] or datagram[1] != 0:
        return False
    return datagram[_HEAD.size :] == token


def opened(family: socket.AddressFamily) -> socket.socket:
    """Open a socket for echo. Raise Temporary, with what is missing."""
    tried: list[str] = []
    for kind, name in ((socket.SOCK_DGRAM, "datagram"), (socket.SOCK_RAW, "raw")):
        try:
            made = socket.socket(family, kind | socket.SOCK_NONBLOCK, _PROTOCOL[family])
        except OSError as error:
            tried.append(f"{name}: {error.strerror}")
            continue
        with suppress(OSError):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        return made
    msg = (
        f"ICMP is not allowed ({'; '.join(tried)}): put the daemon's group into the sysctl "
        "net.ipv4.ping_group_range, or give it CAP_NET_RAW, or use method: tcp"
    )
    raise Temporary(msg)


class Echo:
    """Asks addresses of one family, a round at a time."""

    def __init__(self, family: socket.AddressFamily) -> None:
        """Open nothing yet."""
        self._family = family
        self._number = 0
        self._sock: socket.socket | None = None
        self._token = b""
        self._waiting: set[str] = set()
        self._all = asyncio.Event()

    async def round(self, addresses: Collection[str], timeout_s: float) -> dict[str, Sight]:
        """Ask each address once. Raise Temporary when there is no socket to be had."""
        if self._sock is None:
            self._sock = opened(self._family)
        loop, sock = asyncio.get_running_loop(), self._sock
        self._token, self._all = secrets.token_bytes(TOKEN_BYTES), asyncio.Event()
        self._waiting, sights = set(), {}
        loop.add_reader(sock, self._drain, sock)
        try:
            async with asyncio.timeout(timeout_s):
                for address in addresses:
                    self._waiting.add(address)  # an answer may come before the call returns
                    sights[address] = self._send(sock, address)
                    if sights[address] is not Sight.LOST:
                        self._waiting.discard(address)
                while self._waiting:
                    self._all.clear()
                    await self._all.wait()
        except TimeoutError:
            self._drain(sock)  # what had come while we were busy elsewhere
        finally:
            loop.remove_reader(sock)
        asked = {one for one, sight in sights.items() if sight is Sight.LOST}
        return sights | dict.fromkeys(asked - self._waiting, Sight.ANSWERED)

    def _send(self, sock: socket.socket, address: str) -> Sight:
        """Send a request; LOST until it is answered."""
        self._number += 1
        datagram = request(self._family, self._token, self._number)
        for _ in range(2):  # an error of an earlier datagram is told by the next call
            try:
                sock.sendto(datagram, (address, 0))
                return Sight.LOST
            except OSError as error:
                sight = judged(error)
                if error.errno not in (errno.EHOSTUNREACH, errno.ECONNREFUSED):
                    return sight
        return Sight.LOST

    def _drain(self, sock: socket.socket) -> None:
        """Read what has come, up to a bound."""
        for _ in range(DRAINED_MAX):
            try:
                datagram, (address, *_) = sock.recvfrom(DATAGRAM_MAX)
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error about an earlier request
            if is_reply(self._family, datagram, self._token):
                with suppress(ValueError):
                    self._waiting.discard(str(ip_address(address)))
        self._all.set()

    def close(self) -> None:
        """Close the socket; the next round opens another."""
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()
