"""The daemon as a process: it acknowledges hosts' watchdogs, and goes on after it was killed."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

from doctor_daemon.heartbeat.lifeline import ARMED, FED, Answer, Ask, answer_of, is_genuine, packed
from tests.heartbeat.beats import OF_ALL, SECRET
from tests.inspectors.looking import secret
from tests.slice.process import kill, ready, started
from tests.slice.site import LAB, LIMIT_S, free_port, site

HOST = b"compute-1"
MAC = OF_ALL.of(HOST).mac()


def section(folder: Path, port: int) -> dict[str, Any]:
    """What a configuration has of the watchdogs."""
    return {
        "watchdogs": {
            "listen": f"127.0.0.1:{port}",
            "keys": [{"secret_file": secret(folder / "fleet", SECRET.decode())}],
            "file": str(folder / "watchdogs.json"),
        }
    }


async def asked(to: int, sequence: int, challenge: int) -> Answer:
    """Ask until there is an answer: right after its start the daemon listens to nobody."""
    said = Ask(1, ARMED, 7, sequence, challenge, 300_000, 60_000, bytes(16), b"iron dog")
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.settimeout(0)
        async with asyncio.timeout(LIMIT_S):
            while True:
                await loop.sock_sendto(made, packed(said, HOST, MAC), ("127.0.0.1", to))
                try:
                    async with asyncio.timeout(0.5):
                        datagram = await loop.sock_recv(made, 2000)
                except (TimeoutError, ConnectionRefusedError):
                    continue
                found = answer_of(datagram)
                assert found is not None
                assert is_genuine(datagram, MAC)
                return found[0]


async def test_e2_a_restarted_daemon_acknowledges_nothing_of_before(tmp_path: Path) -> None:
    port = free_port()
    async with site(tmp_path, LAB, changes=section(tmp_path, port)) as place:
        async with started(place) as process:
            await ready(place, process)
            first = await asked(port, 1, 0)
            assert first.flags == 0
            assert (await asked(port, 2, first.challenge)).flags == FED
            await kill(process)
        async with started(place) as process:
            await ready(place, process)
            again = await asked(port, 3, first.challenge)
            assert (again.flags, again.challenge == first.challenge) == (0, False)
            assert (await asked(port, 4, again.challenge)).flags == FED
