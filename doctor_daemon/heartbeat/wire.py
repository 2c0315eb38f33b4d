"""The datagram of one beat: what it says, byte for byte.

    "DDH1"  key id  flags  interval   boot  sequence  sent  wall   name      MAC
    4       1       1      2 (ms)     8     8         8     8      1 to 255  16     big endian

`boot` is the beginning of the kernel's boot id, `sent` the host's CLOCK_BOOTTIME in microseconds,
`wall` its Unix time in milliseconds, `name` Nova's name of the host in UTF-8. The MAC is over all
that stands before it; it is the first half of an HMAC-SHA256, or a keyed BLAKE2b of that length.

The sequence of a boot begins with the hundredths of a second since that boot, and grows by one a
beat. No interval is as short as a hundredth, so an agent that is started again goes on above where
the last one was, and has nothing to remember.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

MAGIC = b"DDH1"
HEAD = struct.Struct(">4sBBHQQQQ")
MAC_BYTES = 16
NAME_MAX = 255
SIZE_MIN = HEAD.size + 1 + MAC_BYTES
SIZE_MAX = HEAD.size + NAME_MAX + MAC_BYTES
LEAVING = 1
"""A flag: the agent was told to stop, so silence is no surprise for a while."""
INTERVAL_MIN_S = 0.1
INTERVAL_MAX_S = 60.0
SEQUENCE_NS = 10_000_000

Mac = Callable[[bytes | bytearray | memoryview], bytes]
"""What authenticates a datagram: all before its MAC -> the MAC."""


class Beat(NamedTuple):
    """What one datagram says, but for the name and the MAC."""

    magic: bytes
    key_id: int
    flags: int
    interval_ms: int
    boot: int
    sequence: int
    sent_us: int
    wall_ms: int


def first_sequence(boot_ns: int) -> int:
    """Return the sequence number with which an agent begins, so long after its boot."""
    return boot_ns // SEQUENCE_NS


def boot_number(boot_id: str) -> int:
    """Return what stands for a boot id (a UUID): 64 random bits of it."""
    return int(boot_id.replace("-", "")[-16:], 16)


def packed(beat: Beat, name: bytes, mac: Mac) -> bytes:
    """Make a datagram."""
    said = HEAD.pack(*beat) + name
    return said + mac(said)


def beat_of(datagram: bytes | bytearray | memoryview) -> Beat | None:
    """Read a datagram's head; None where it is none of this form. Nothing is verified."""
    if not SIZE_MIN <= len(datagram) <= SIZE_MAX or datagram[:4] != MAGIC:
        return None
    return Beat(*HEAD.unpack_from(datagram))


def name_of(datagram: bytes | bytearray | memoryview) -> bytes:
    """Return the name in a datagram of this form."""
    return bytes(datagram[HEAD.size : -MAC_BYTES])
