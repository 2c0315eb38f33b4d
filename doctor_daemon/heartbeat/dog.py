"""The host's watchdog: Linux' watchdog API (Documentation/watchdog/watchdog-api.rst).

Once it is opened it runs, and resets the host when it has not been fed for its time-out. Closing it
does not stop it, unless a `V` was written just before (and never where the kernel was told
`nowayout`). What is no hardware, or would stop by being closed, is not fit: `fault` says so.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

GETSUPPORT, KEEPALIVE, SETTIMEOUT, GETTIMEOUT = 0x80285700, 0x80045705, 0xC0045706, 0x80045707
"""As they are on x86, arm and riscv: linux/watchdog.h."""
SETS_TIMEOUT, MAGIC_CLOSE, ALARM_ONLY, KEEPS_ALIVE = 0x0080, 0x0100, 0x0400, 0x8000
SOFTWARE = "Software Watchdog"
"""softdog: a timer of the kernel that is to be distrusted."""
IN_BMC = "IPMI"
"""ipmi_watchdog: it counts in the BMC, and is wanted for when that does not answer."""
INFO = struct.Struct("=II32s")
NUMBER = struct.Struct("=i")


class Node(Protocol):
    """An opened watchdog device. Its calls raise OSError."""

    def control(self, request: int, argument: bytes) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class KernelNode:
    """The kernel's. To open it is to start it."""

    def __init__(self, path: Path) -> None:
        """Open it. Raise OSError: EBUSY where something else feeds it."""
        if not stat.S_ISCHR(path.stat().st_mode):
            raise OSError(errno.ENOTTY, "no watchdog device", str(path))
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def control(self, request: int, argument: bytes) -> bytes:
        """Make one ioctl, and return what it has left in the argument."""
        return fcntl.ioctl(self._fd, request, argument)

    def write(self, data: bytes) -> None:
        """Write; every byte but `V` feeds it, too."""
        os.write(self._fd, data)

    def close(self) -> None:
        """Close it."""
        os.close(self._fd)


@dataclass(frozen=True, slots=True)
class Support:
    """What a driver says of itself."""

    options: int
    firmware: int
    identity: str


class Dog:
    """A watchdog that runs."""

    def __init__(self, node: Node, timeout_s: int, against: str = "") -> None:
        """Have it fire `timeout_s` after it was fed last; say what is against it. Raise OSError."""
        self._node = node
        try:
            self.support = _support(node.control(GETSUPPORT, bytes(INFO.size)))
            if self.support.options & SETS_TIMEOUT:
                node.control(SETTIMEOUT, NUMBER.pack(timeout_s))
            (self.timeout_s,) = NUMBER.unpack(node.control(GETTIMEOUT, bytes(NUMBER.size)))
        except OSError:
            with contextlib.suppress(OSError):
                self.stop()  # nobody counts on it yet
            raise
        self.fault = against or _fault(self.support, self.timeout_s, timeout_s)
        """Why it cannot be counted on; empty: it can."""

    def feed(self) -> None:
        """Give it its whole time-out anew. Raise OSError."""
        self._node.control(KEEPALIVE, bytes(NUMBER.size))

    def stop(self) -> None:
        """Switch it off, as far as the kernel lets it be, and close it. Raise OSError."""
        try:
            self._node.write(b"V")
        finally:
            self._node.close()

    def leave(self) -> None:
        """Close it as it is: it goes on, and will fire. Raise OSError."""
        self._node.close()


def _support(found: bytes) -> Support:
    options, firmware, identity = INFO.unpack(found)
    return Support(options, firmware, identity.split(b"\0")[0].decode("ascii", "replace"))


def _fault(support: Support, found_s: int, wanted_s: int) -> str:
    if support.identity == SOFTWARE:
        return f"{support.identity}: no hardware; a kernel that hangs takes it along"
    if support.identity == IN_BMC:
        return f"{support.identity}: it is a part of the BMC, and may have died with it"
    if support.options & ALARM_ONLY:
        return f"{support.identity}: it raises an alarm, and resets nothing"
    if not support.options & KEEPS_ALIVE:
        return f"{support.identity}: it cannot be fed"
    if not support.options & MAGIC_CLOSE:
        return (
            f"{support.identity}: it stops when it is closed, so an agent that dies switches it off"
        )
    if found_s != wanted_s:
        return f"{support.identity}: its time-out is {found_s} s; expected {wanted_s} s"
    return ""
