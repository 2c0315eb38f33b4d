"""fence_kdump's datagrams, as its own sender sends them and as others might."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.core.evidence import Trust
from doctor_daemon.core.host import HostId
from doctor_daemon.errors import ConfigError, Temporary
from doctor_daemon.inspectors.kdump import Kdump, is_message
from tests.engine.rig import HOST, OTHER
from tests.inspectors.looking import Scene, configured, told
from tests.inspectors.netlab import lab
from tests.inspectors.rig import Ledger, terms

SENDER = "/usr/libexec/fence-agents/fence_kdump_send"
MESSAGE = struct.pack("<II", 0x1B302A40, 1)
HERE = {HOST: {"mgmt": "127.0.0.1"}, OTHER: {"mgmt": "127.0.0.2"}}
Addresses = dict[HostId, dict[str, str]]


class Stage:
    """A source that listens on a port of its own."""

    def __init__(self, addresses: Addresses, **options: Any) -> None:  # noqa: ANN401 - options
        wanted = {"address": "127.0.0.1", "port": 0, "networks": ["mgmt"], **options}
        self.ledger, self.scene = Ledger(), Scene()
        config = configured(Kdump.Config, Path(), **wanted)
        self.source = Kdump(config, terms("kdump", Trust.SECOND))
        self.source.place(self.scene.around(addresses=addresses))

    async def look(self, after_s: float = 1.0) -> None:
        self.ledger.clock.move(after_s)
        await asyncio.sleep(0.02)
        await self.source.look(self.ledger)

    def send(self, datagram: bytes = MESSAGE, of: str = "127.0.0.1") -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
            made.bind((of, 0))
            made.sendto(datagram, ("127.0.0.1", self.source.port))

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return told(self.ledger.taken)


@asynccontextmanager
async def listening(addresses: Addresses | None = None, **options: Any) -> AsyncIterator[Stage]:  # noqa: ANN401 - options
    stage = Stage(HERE if addresses is None else addresses, **options)
    await stage.look()
    yield stage
    await stage.source.close()


async def test_b14_a_message_is_evidence_and_needs_another() -> None:
    async with listening() as stage:
        stage.send(of="127.0.0.2")
        await stage.look()
    assert stage.told == [("cmp-2", "kdump", "down")]
    assert stage.ledger.taken[0].trust is Trust.OPEN


async def test_either_byte_order_is_understood() -> None:
    async with listening() as stage:
        stage.send(struct.pack(">II", 0x1B302A40, 1))
        await stage.look()
    assert stage.told == [("cmp-1", "kdump", "down")]


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        MESSAGE[:-1],
        MESSAGE + b"\0",
        struct.pack("<II", 0x1B302A40, 2),
        struct.pack("<II", 0x1B302A41, 1),
        b"A" * 1400,
    ],
)
async def test_b14_what_is_no_message_is_nothing(datagram: bytes) -> None:
    async with listening() as stage:
        stage.send(datagram)
        await stage.look()
    assert stage.told == []


@pytest.mark.parametrize("networks", [["mgmt"], ["other"]])
async def test_b14_a_message_from_elsewhere_is_nothing(networks: list[str]) -> None:
    """From an address of nobody, and from a host's on a network that does not count."""
    async with listening({HOST: {"mgmt": "127.0.0.1"}}, networks=networks) as stage:
        stage.send(of="127.0.0.3" if networks == ["mgmt"] else "127.0.0.1")
        await stage.look()
    assert stage.told == []


async def test_e5_a_flood_is_a_few_words() -> None:
    async with listening() as stage:
        for _ in range(30):
            for _ in range(20):
                stage.send()
                stage.send(b"rubbish", of="127.0.0.9")
            await stage.look()
    assert stage.told == [("cmp-1", "kdump", "down")] * 3
    assert len({one.key for one in stage.ledger.taken}) == 1


async def test_the_next_crash_is_another_event() -> None:
    async with listening() as stage:
        stage.send()
        await stage.look()
        stage.send()
        await stage.look(1000)
        stage.send()
        await stage.look(20)
    keys = [one.key for one in stage.ledger.taken]
    assert keys[0] != keys[1] == keys[2]


async def test_what_was_not_saved_is_said_again() -> None:
    async with listening() as stage:
        stage.ledger.error = Temporary("the disk is full")
        stage.send()
        with pytest.raises(Temporary):
            await stage.look()
        stage.ledger.error = None
        await stage.look()
    assert stage.told == [("cmp-1", "kdump", "down")]


async def test_a_port_that_is_taken_is_our_trouble() -> None:
    async with listening() as first:
        stage = Stage(HERE, port=first.source.port)
        with pytest.raises(Temporary, match="cannot be listened on: Address already in use"):
            await stage.look()


async def test_it_runs_by_itself() -> None:
    stage = Stage(HERE)
    task = asyncio.create_task(stage.source.run(stage.ledger))
    async with asyncio.timeout(10):
        while not stage.told:
            await asyncio.sleep(0.05)
            if stage.source.port:
                stage.send()
    task.cancel()
    assert stage.told == [("cmp-1", "kdump", "down")]


async def test_its_own_sender_is_heard() -> None:
    """fence_kdump_send, from within the host's network namespace."""
    with lab("mgmt") as net:
        addresses = {
            HOST: {"mgmt": net.address(1, "mgmt")},
            OTHER: {"mgmt": net.address(2, "mgmt", 6)},
        }
        async with listening(addresses, address="::", port=0) as stage:
            for number, family, to in ((1, "ipv4", "10.199.0.1"), (2, "ipv6", "fd00:0::1")):
                words = ("-p", str(stage.source.port), "-f", family, "-c", "1", "-i", "1", to)
                argv = ("ip", "netns", "exec", net.host(number), SENDER, *words)
                process = await asyncio.create_subprocess_exec(*argv)
                async with asyncio.timeout(20):
                    assert await process.wait() == 0
            await stage.look()
    assert sorted(stage.told) == [("cmp-1", "kdump", "down"), ("cmp-2", "kdump", "down")]


def test_b14_it_is_never_believed_alone() -> None:
    config = configured(Kdump.Config, Path(), networks=["mgmt"])
    with pytest.raises(ConfigError, match="trust: found alone; expected second"):
        Kdump(config, terms("kdump", Trust.ALONE))


@given(st.binary(max_size=16))
def test_no_datagram_is_a_bug(datagram: bytes) -> None:
    assert is_message(datagram) is (datagram in (MESSAGE, MESSAGE[3::-1] + MESSAGE[:3:-1]))
