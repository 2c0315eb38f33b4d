"""instanceha's heartbeat, "HBV2", taken as its agents send it.

    0x48425632  Unix seconds  short host name   HMAC-SHA256 over all that stands before it
    4           8             1 and more        32                              big endian

It has one key for a whole fleet (two, while it is changed), so any host's key can speak for any
other, and no boot and no sequence: what is newer is known by the sender's wall clock alone. It is
taken from 120 s of age to 60 s ahead, and never twice. `hearing` says by which clocks.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Sequence

HEAD = struct.Struct(">4sQ")
MAGIC = b"HBV2"
MAC_BYTES = 32
SIZE_MIN = HEAD.size + 1 + MAC_BYTES
NAME_MAX = 255
SIZE_MAX = HEAD.size + NAME_MAX + MAC_BYTES
AGE_MAX_S = 120
AHEAD_MAX_S = 60


def packed(at_s: int, name: bytes, key: bytes) -> bytes:
    """Make a datagram."""
    said = HEAD.pack(MAGIC, at_s) + name
    return said + hmac.digest(key, said, "sha256")


def is_genuine(datagram: memoryview, keys: Sequence[bytes]) -> bool:
    """Tell whether one of the keys has made the MAC."""
    said, mac = datagram[:-MAC_BYTES], datagram[-MAC_BYTES:]
    return any(hmac.compare_digest(hmac.digest(key, said, "sha256"), mac) for key in keys)


def name_of(datagram: memoryview) -> bytes:
    """Return the host's name, as its receiver reads it: without zeros and blanks around it."""
    return bytes(datagram[HEAD.size : -MAC_BYTES]).strip(b"\0").strip()
