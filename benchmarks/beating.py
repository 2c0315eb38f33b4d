"""Hosts that beat, as a process of its own: so many datagrams a second, each of them genuine.

Each is signed when it is sent and none is sent twice, for the listener would know. Datagrams are
handed to the kernel fifty at a time (UDP_SEGMENT, udp(7)), which spares the sender, not the
receiver: it is given each one by itself. `python -m benchmarks.beating`, with JSON on its input.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from doctor_daemon.heartbeat.keys import Algorithm, Key
from doctor_daemon.heartbeat.wire import HEAD, MAGIC, Mac

SOL_UDP, UDP_SEGMENT = 17, 103
AT_ONCE = 50
BOOT = 7


@dataclass(frozen=True, slots=True)
class Hosts:
    """The fleet: names of one length, so that their datagrams have one."""

    names: Sequence[bytes]
    macs: Sequence[Mac]

    @classmethod
    def of(cls, count: int, algorithm: str, secret: bytes) -> Hosts:
        """Make so many hosts, with their keys."""
        key = Key(1, Algorithm(algorithm), secret)
        names = [f"compute-{number:05d}".encode() for number in range(count)]
        return cls(names, [key.of(name).mac() for name in names])


def datagram(name: bytes, mac: Mac, interval_ms: int, sequence: int) -> bytes:
    """Sign one beat of now."""
    now_us = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
    wall_ms = time.time_ns() // 1_000_000
    said = HEAD.pack(MAGIC, 1, 0, interval_ms, BOOT, sequence, now_us, wall_ms) + name
    return said + mac(said)


def send(hosts: Hosts, port: int, per_s: float, for_s: float, interval_ms: int) -> int:
    """Send at an even rate; return how many were sent."""
    count = len(hosts.names)
    sent, sequence = 0, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 10_000_000
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as by:
        by.connect(("127.0.0.1", port))
        size = len(datagram(hosts.names[0], hosts.macs[0], interval_ms, sequence))
        by.setsockopt(SOL_UDP, UDP_SEGMENT, struct.pack("i", size))
        began_s = time.monotonic()
        while (passed_s := time.monotonic() - began_s) < for_s:
            due = int(passed_s * per_s) - sent
            if due < AT_ONCE:
                time.sleep(AT_ONCE / per_s / 2)
                continue
            some = bytearray()
            for number in range(sent, sent + AT_ONCE):
                at = number % count
                turn = sequence + number // count
                some += datagram(hosts.names[at], hosts.macs[at], interval_ms, turn)
            by.send(some)
            sent += AT_ONCE
    return sent


def main() -> None:
    """Send as standard input says; tell how many."""
    said = json.loads(sys.stdin.readline())
    if said["cpu"] is not None:
        os.sched_setaffinity(0, {said["cpu"]})
    hosts = Hosts.of(said["hosts"], said["algorithm"], bytes.fromhex(said["secret"]))
    print("ready", flush=True)
    sys.stdin.readline()
    times = os.times()
    sent = send(hosts, said["port"], said["per_s"], said["for_s"], said["interval_ms"])
    spent_s = sum(os.times()[:2]) - sum(times[:2])
    print(json.dumps({"sent": sent, "cpu_s": spent_s}), flush=True)


if __name__ == "__main__":
    main()
