"""A name server for one zone, which can be as broken as name servers get."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import cast

A = 1
TTL_S = 1
_HEAD = struct.Struct(">6H")
_ANSWER, _RECURSIVE = 0x8400, 0x0080
_REFUSALS = {"SERVFAIL": 2, "NXDOMAIN": 3}


class Names(asyncio.DatagramProtocol):
    """Answers for A, and says of anything else that there is none (RFC 1035)."""

    def __init__(self, zone: Mapping[str, str]) -> None:
        self.fault = ""
        """Empty: none; else `silent`, `SERVFAIL` or `NXDOMAIN`."""
        self.asked = 0
        self._zone = zone
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        if self.fault != "silent" and self._transport is not None:
            self._transport.sendto(answered(data, self._zone, self.fault), addr)


def answered(question: bytes, zone: Mapping[str, str], fault: str = "") -> bytes:
    """Return the answer to one question."""
    number, flags, *_ = _HEAD.unpack_from(question)
    labels, at = [], _HEAD.size
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode())
        at += 1 + length
    asked = question[_HEAD.size : at + 5]
    (kind,) = struct.unpack_from(">H", question, at + 1)
    address = zone.get(".".join(labels).lower())
    code = _REFUSALS.get(fault, 0 if address else 3)
    found = address if kind == A and not code else None
    head = _HEAD.pack(number, flags | _ANSWER | _RECURSIVE | code, 1, int(bool(found)), 0, 0)
    if found is None:
        return head + asked
    row = struct.pack(">HHHIH", 0xC00C, A, 1, TTL_S, 4) + IPv4Address(found).packed
    return head + asked + row
