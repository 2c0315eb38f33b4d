"""What a flood at the lifelines' door costs, and whom it keeps from being heard: nobody."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from doctor_daemon.engine.callers import STRANGE_MAX, WINDOW_S, WRONG_MAX, Callers
from doctor_daemon.engine.lifeline_door import BUFFER_BYTES, ROUND, Door
from doctor_daemon.heartbeat.keys import Key
from doctor_daemon.heartbeat.lifeline import ARMED, FED, Ask, answer_of, packed
from tests.heartbeat.beats import OF_ALL
from tests.heartbeat.lifelines import HOST, LIMIT_S, lifelines, listening

MOST = int(Path("/proc/sys/net/core/rmem_max").read_text(encoding="ascii"))
RIGHT, WRONG = OF_ALL.of(HOST.encode()).mac(), OF_ALL.of(b"another").mac()
FLOOD = 20 * ROUND


def asked(sequence: int = 1, challenge: int = 0) -> Ask:
    return Ask(1, ARMED, 7, sequence, challenge, 300_000, 60_000, bytes(16), b"iron dog")


def of(name: str) -> bytes:
    """A genuine question of that host's."""
    return packed(asked(), name.encode(), OF_ALL.of(name.encode()).mac())


FORGED = packed(asked(), HOST.encode(), WRONG)


class Counting(Key):
    """A secret that knows for whom keys were made of it."""

    made: list[bytes]

    def of(self, name: bytes) -> Key:
        self.made.append(name)
        return super().of(name)


@pytest.fixture
def key() -> Counting:
    Counting.made = []
    return Counting(OF_ALL.number, OF_ALL.algorithm, OF_ALL.secret)


def test_e1_the_key_of_who_is_expected_is_made_once(key: Counting) -> None:
    callers = Callers((key,), lambda _: True)
    callers.expect(HOST)
    for _ in range(9):
        assert callers.read(FORGED, "192.0.2.1", 1.0, crowded=False) == "forged"
        assert not isinstance(callers.read(of(HOST), "192.0.2.2", 1.0, crowded=False), str)
    assert key.made == [HOST.encode()]


def test_e1_keys_of_strange_names_are_made_so_often_and_no_more(key: Counting) -> None:
    callers = Callers((key,), lambda _: True)
    callers.expect(HOST)
    for number in range(3 * STRANGE_MAX):
        strange = packed(asked(), f"strange-{number}".encode(), WRONG)
        told = callers.read(strange, f"192.0.2.{number}", 1.0, crowded=False)
        assert told == ("forged" if number < STRANGE_MAX else "flood")
    assert len(key.made) == STRANGE_MAX + 1
    assert not isinstance(callers.read(of(HOST), "192.0.2.2", 1.0, crowded=True), str)
    later_s = 1.0 + WINDOW_S
    assert not isinstance(callers.read(of("new"), "192.0.2.3", later_s, crowded=False), str)


def test_e1_an_address_that_floods_is_ignored_in_a_flood_for_the_rest_of_the_second() -> None:
    callers = Callers((OF_ALL,), lambda _: True)
    for _ in range(WRONG_MAX):
        assert callers.read(FORGED, "192.0.2.1", 1.0, crowded=True) == "forged"
    assert callers.read(FORGED, "192.0.2.1", 1.0, crowded=True) == "flood"
    assert not isinstance(callers.read(of(HOST), "192.0.2.2", 1.0, crowded=True), str)
    later_s = 1.0 + WINDOW_S
    assert not isinstance(callers.read(of(HOST), "192.0.2.1", later_s, crowded=True), str)


def test_e1_a_hosts_address_on_a_few_forged_datagrams_does_not_silence_it() -> None:
    callers = Callers((OF_ALL,), lambda _: True)
    for _ in range(2 * WRONG_MAX):
        assert callers.read(FORGED, "192.0.2.1", 1.0, crowded=False) == "forged"
    assert not isinstance(callers.read(of(HOST), "192.0.2.1", 1.0, crowded=False), str)


def test_a1_who_was_not_listened_to_in_a_flood_is_known() -> None:
    callers = Callers((OF_ALL,), lambda _: True)
    callers.expect(HOST)
    for _ in range(WRONG_MAX):
        callers.read(FORGED, "192.0.2.1", 1.0, crowded=True)
    assert not callers.ignored_s
    for name in (HOST, "stranger"):
        assert callers.read(of(name), "192.0.2.1", 1.5, crowded=True) == "flood"
    assert callers.read(b"no question", "192.0.2.1", 1.6, crowded=True) == "flood"
    assert callers.ignored_s == {HOST: 1.5}


async def test_a_round_takes_so_many_and_lets_others_have_their_turn() -> None:
    crowds = list[bool]()

    def take(datagram: bytes, sender: str, *, crowded: bool) -> bytes | None:
        assert (datagram, sender) == (b"flood", "127.0.0.1")
        crowds.append(crowded)
        return None

    door = Door(("127.0.0.1", 0), take)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        for _ in range(ROUND + 1):
            flood.sendto(b"flood", ("127.0.0.1", door.port))
    turns = list[int]()
    door.open()
    try:
        async with asyncio.timeout(LIMIT_S):
            while len(crowds) <= ROUND:
                turns.append(len(crowds))
                await asyncio.sleep(0)
    finally:
        door.close()
    assert set(turns) >= {ROUND}, "between the two rounds"
    assert crowds == [False] * ROUND + [True]


async def test_e1_a_host_is_acknowledged_in_a_flood(tmp_path: Path) -> None:
    made = lifelines(tmp_path)
    made.of(HOST)
    loop = asyncio.get_running_loop()
    async with listening(made) as port:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host,
        ):
            host.settimeout(0)
            host.bind(("127.0.0.2", 0))
            challenge = 0
            flags = list[int]()
            async with asyncio.timeout(LIMIT_S):
                for sequence in range(1, 4):
                    said = asked(sequence, challenge)
                    for _ in range(FLOOD):
                        flood.sendto(FORGED, ("127.0.0.1", port))
                    host.sendto(packed(said, HOST.encode(), RIGHT), ("127.0.0.1", port))
                    found = answer_of(await loop.sock_recv(host, 2000))
                    assert found is not None
                    challenge = found[0].challenge
                    flags.append(found[0].flags)
    assert flags == [0, FED, FED]


async def test_its_buffer_is_as_large_as_the_kernel_lets_it_be() -> None:
    door = Door(("127.0.0.1", 0), lambda *_, **__: None)
    try:
        assert door.buffer_bytes in (min(BUFFER_BYTES, MOST), BUFFER_BYTES)
        assert door.drops() == 0
    finally:
        door.close()


@pytest.mark.parametrize(("wanted", "short"), [(1, False), (MOST, False), (2**31 - 1, True)])
async def test_e1_a_buffer_that_the_kernel_does_not_give_is_told(
    wanted: int, *, short: bool
) -> None:
    with capture_logs() as logs:
        Door(("127.0.0.1", 0), lambda *_, **__: None, wanted).close()
    assert ["net.core.rmem_max" in line["event"] for line in logs] == [True] * short
