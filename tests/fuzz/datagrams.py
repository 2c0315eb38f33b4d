"""Datagrams, and the files in which the listener keeps what it has heard."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from doctor_daemon.core.evidence import Trust
from doctor_daemon.core.host import HostId
from doctor_daemon.heartbeat import hbv2, keys, memory, wire
from doctor_daemon.heartbeat.hearing import REASONS, Hearing
from doctor_daemon.heartbeat.roll import HOSTS_MAX, Listed, Roll
from doctor_daemon.inspectors.echo import checksum, is_reply, request
from doctor_daemon.inspectors.kdump import Kdump, KdumpConfig
from doctor_daemon.ports.surroundings import Surroundings
from tests.fuzz.requests import done
from tests.inspectors.rig import Ledger, terms

SECRET = b"0123456789abcdef0123456789abcdef"
NAME = b"cmp-1"
WALL_S = 1_800_000_000.0
KEY = keys.Key(1, keys.Algorithm.HMAC_SHA256, SECRET)
FOLDER = Path("/dev/shm")  # noqa: S108 - memory, and a name of our own in it


def _ignored(_host: Listed, _now_s: float) -> None:
    """Settle nothing."""


def _hearing() -> tuple[Hearing, Roll]:
    roll = Roll()
    hearing = Hearing(roll, {1: KEY}, _ignored, hbv2_keys=[SECRET])
    hearing.tick(1000.0, WALL_S)
    return hearing, roll


def _heard(hearing: Hearing, datagram: bytes) -> None:
    size = min(len(datagram), len(hearing.buffer))
    hearing.buffer[:size] = datagram[:size]
    hearing.take(size)


def heartbeat(data: bytes) -> None:
    """Beats as they come: what has no key of ours leaves nothing behind."""
    hearing, roll = _hearing()
    _heard(hearing, data)
    assert set(hearing.rejected) <= set(REASONS)
    # Nobody can make the MAC by chance: nothing is believed, and nobody is on the roll.
    assert (hearing.beats, len(roll)) == (0, 0)
    assert sum(hearing.rejected.values()) == 1
    beat = wire.beat_of(data)
    if beat is not None:
        assert wire.packed(beat, wire.name_of(data), lambda _: data[-wire.MAC_BYTES :]) == data


def genuine_heartbeat(data: bytes) -> None:
    """Beats of a host that has a key and says anything: it speaks for itself alone."""
    hearing, roll = _hearing()
    mac = KEY.of(NAME).mac()
    head = data[: wire.HEAD.size - len(wire.MAGIC) - 1].ljust(wire.HEAD.size - 5, b"\0")
    for more in (b"", b"", data[wire.HEAD.size :][:8]):
        said = wire.MAGIC + b"\x01" + (more + head)[: wire.HEAD.size - 5] + NAME
        _heard(hearing, said + mac(said))
    assert set(roll.hosts) <= {NAME}
    assert hearing.beats + sum(hearing.rejected.values()) == 3
    assert hearing.beats <= 2  # the same again is no news
    json.dumps(roll.kept("boot", 1001.0))


def instanceha(data: bytes) -> None:
    """Beats of instanceha's, under the fleet's key and under none."""
    hearing, roll = _hearing()
    _heard(hearing, hbv2.MAGIC + data)
    assert len(roll) == 0
    said = hbv2.MAGIC + data[:8].ljust(8, b"\0") + (data[8 : 8 + hbv2.NAME_MAX] or NAME)
    mac = hbv2.packed(0, b"", SECRET)[hbv2.HEAD.size :]
    assert len(mac) == hbv2.MAC_BYTES
    at_s = int.from_bytes(said[4:12])
    sent = hbv2.packed(at_s, said[12:], SECRET)
    for _ in range(2):
        _heard(hearing, sent)
    assert hearing.beats <= 1  # the same again is no news
    for host in roll.others.values():
        assert -60 <= WALL_S - host.sequence <= 120
        assert host.name
        assert host.name == host.name.strip()


def kdump(data: bytes) -> None:
    """Messages of fence_kdump's: from a listed address, and eight bytes exactly."""
    ledger = Ledger()
    host = HostId("default", "cmp-1")
    made = Kdump(KdumpConfig(networks=("m",), address="127.0.0.1", port=0), terms("k", Trust.OPEN))
    made.place(Surroundings(hosts=(host,), addresses={host: {"m": "192.0.2.1"}}))

    async def hear() -> None:
        made.datagram_received(data, ("192.0.2.2", 7410))
        made.datagram_received(data, ("::ffff:192.0.2.1", 7410))
        await made.look(ledger)
        await made.close()

    done(hear())
    assert len(ledger.taken) <= 1
    if ledger.taken:
        assert len(data) == 8
        assert ledger.taken[0].host == host


def echo(data: bytes) -> None:
    """Answers to pings: of this round alone, and never a request that came back."""
    token = data[:16].ljust(16, b"t")
    for family in (socket.AF_INET, socket.AF_INET6):
        assert not is_reply(family, request(family, token, 1), token)
        if is_reply(family, data, token):
            assert data.endswith(token)
    assert 0 <= checksum(data) <= 0xFFFF


def memory_of_beats(data: bytes) -> None:
    """The listener's memory: what is damaged is left out, and what is whole is kept again."""
    path, roll = FOLDER / f"fuzz-{os.getpid()}.memory", Roll()
    path.write_bytes(data)
    try:
        complaint = memory.recall(path, roll, "boot", 1000.0)
        assert not complaint or len(roll) == 0
        assert len(roll) <= HOSTS_MAX
        assert memory.keep(path, roll, "boot", 1001.0) == ""
        again = Roll()
        assert memory.recall(path, again, "boot", 1002.0) == ""
        assert set(again.hosts) | set(again.others) == set(roll.hosts) | set(roll.others)
    finally:
        path.unlink(missing_ok=True)
