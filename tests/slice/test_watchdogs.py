"""The daemon as a process: it acknowledges hosts' watchdogs, and goes on after it was killed."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path
from typing import Any

from doctor_daemon.heartbeat.lifeline import ARMED, FED, Answer, Ask, answer_of, is_genuine, packed
from doctor_daemon.lab.world import Failure
from tests.heartbeat.beats import OF_ALL, SECRET
from tests.inspectors.looking import secret
from tests.slice.process import daemon, kill, ready, started
from tests.slice.site import LAB, LIMIT_S, free_port, site, story

HOST = b"compute-1"
UUID = "abcdef00-0000-4000-8000-000000000001"
UUID_BYTES = bytes.fromhex(UUID.replace("-", ""))
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
    said = Ask(1, ARMED, 7, sequence, challenge, 300_000, 60_000, UUID_BYTES, b"iron dog")
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


def levels(folder: Path) -> dict[str, Any]:
    """What a configuration has of a host whose BMC nobody reaches, and that has a watchdog."""
    bmc = {
        "type": "redfish",
        "url": "https://127.0.0.1:1/redfish/v1/Systems/1",
        "username": "nobody",
        "password_file": secret(folder / "bmc", "a password"),
        "uuid": UUID,
        "timeout_s": 1,
    }
    dog = {"type": "watchdog", "uuid": UUID, "boots_guests": "never"}
    return {HOST.decode(): {"levels": [[bmc], [dog]]}}


async def test_i11_a_daemon_that_dies_of_its_cut_knows_of_it_before_it_goes_on(
    tmp_path: Path,
) -> None:
    port, name, trace = free_port(), HOST.decode(), tmp_path / "trace"
    changes = section(tmp_path, port)
    dying = ("tests.slice.crashing", "after cut", str(trace))
    async with site(tmp_path, LAB, changes=changes, hosts=levels(tmp_path)) as place:
        async with started(place, dying) as process:
            await ready(place, process)
            await place.arm()
            first = await asked(port, 1, 0)
            assert (await asked(port, 2, first.challenge)).flags == FED
            place.lab.world.fail(name, Failure.COMPUTE)
            await place.monitor.insist(name)
            async with asyncio.timeout(LIMIT_S):
                assert await process.wait() == -signal.SIGKILL
        async with daemon(place):
            incident = await place.until(name, "fencing", "cut accepted: not acknowledged")
        told = story(incident)
        assert "taken up again after a restart" in told
        assert "nothing was heard of the host's watchdog" not in told
