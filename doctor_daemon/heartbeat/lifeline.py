"""The datagrams between a host's watchdog agent and the daemon, byte for byte.

    "DDW1"  key id  flags  boot  sequence  challenge  lease  timeout  uuid  hardware  name      MAC
    4       1       1      8     8         8          4 (ms) 4 (ms)   16    32        1 to 255  16
    "DDW2"  key id  flags  boot  sequence  challenge  name      MAC                       big endian
    4       1       1      8     8         8          1 to 255  16

The first is the agent's: how its watchdog stands. `boot` and the sequence are those of a beat (see
`wire`); `hardware` is what the watchdog's driver says it is, `uuid` the machine's; `lease` and
`timeout` are what its host lives by (see `lease`). The second is the daemon's answer to it: to that
boot and to that sequence, and to no other.

`challenge` is a number that the daemon has drawn. It tells the daemon that what it hears was said
after it had last drawn one, so that nothing recorded is believed: neither of before its restart nor
of another boot of the host. No clock of the host's is asked. An agent that has not heard the number
says 0, and hears it.

Both are made with the host's own key of the heartbeat (see `keys`); the first four bytes, which the
MAC covers, keep the two and a beat apart.
"""

from __future__ import annotations

import struct
from hmac import compare_digest
from typing import NamedTuple

from doctor_daemon.heartbeat.wire import MAC_BYTES, NAME_MAX, Mac

ASKS, ANSWERS = b"DDW1", b"DDW2"
ARMED, DISARM = 1, 2
"""Flags of the agent: the watchdog runs with this time-out; and it wishes to switch it off."""
FED, RELEASED = 1, 2
"""Flags of the daemon: go on feeding; and switch it off, it does not count on it any more."""
HARDWARE_BYTES = 32
_ASK = struct.Struct(f">4sBBQQQII16s{HARDWARE_BYTES}s")
_ANSWER = struct.Struct(">4sBBQQQ")
ASK_MAX = _ASK.size + NAME_MAX + MAC_BYTES


class Ask(NamedTuple):
    """What an agent says, but for the name and the MAC. Times are in milliseconds."""

    key_id: int
    flags: int
    boot: int
    sequence: int
    challenge: int
    lease_ms: int
    timeout_ms: int
    uuid: bytes
    hardware: bytes


class Answer(NamedTuple):
    """What the daemon answers, but for the name and the MAC."""

    key_id: int
    flags: int
    boot: int
    sequence: int
    challenge: int


def packed(said: Ask | Answer, name: bytes, mac: Mac) -> bytes:
    """Make a datagram."""
    head = _ASK.pack(ASKS, *said) if isinstance(said, Ask) else _ANSWER.pack(ANSWERS, *said)
    return head + name + mac(head + name)


def ask_of(datagram: bytes) -> tuple[Ask, bytes] | None:
    """Read what an agent says, and its host's name; None: of another form. Nothing is verified."""
    if not _fits(datagram, ASKS, _ASK.size):
        return None
    return Ask(*_ASK.unpack_from(datagram)[1:]), datagram[_ASK.size : -MAC_BYTES]


def answer_of(datagram: bytes) -> tuple[Answer, bytes] | None:
    """Read an answer, and whom it is for; None where it is of another form. As above."""
    if not _fits(datagram, ANSWERS, _ANSWER.size):
        return None
    return Answer(*_ANSWER.unpack_from(datagram)[1:]), datagram[_ANSWER.size : -MAC_BYTES]


def is_genuine(datagram: bytes, mac: Mac) -> bool:
    """Tell whether the datagram was made with that key."""
    return compare_digest(mac(datagram[:-MAC_BYTES]), datagram[-MAC_BYTES:])


def _fits(datagram: bytes, magic: bytes, head: int) -> bool:
    least = head + 1 + MAC_BYTES
    return datagram[:4] == magic and least <= len(datagram) <= head + NAME_MAX + MAC_BYTES
