"""Echo requests: which socket sends them, and what counts as an answer."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.echo import Echo, checksum, is_reply, opened, request
from doctor_daemon.inspectors.probing import Sight
from tests.inspectors.netlab import lab
from tools.netns import ip


@contextmanager
def allowed(groups: str) -> Iterator[None]:
    """Have these groups send echo requests without privileges, in this namespace."""
    sysctl = Path("/proc/sys/net/ipv4/ping_group_range")
    before = sysctl.read_text()
    sysctl.write_text(groups)
    try:
        yield
    finally:
        sysctl.write_text(before)


@pytest.mark.parametrize(
    ("groups", "kind"), [("1 0", socket.SOCK_RAW), ("0 65534", socket.SOCK_DGRAM)]
)
async def test_the_least_privilege_that_is_there_is_used(
    groups: str, kind: socket.SocketKind
) -> None:
    with lab("mgmt", hosts=1) as net, allowed(groups):
        for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            with opened(family) as made:
                assert made.type == kind
            echo = Echo(family)
            address = str(ip_address(net.address(1, "mgmt", version)))
            assert await echo.round([address], 2.0) == {address: Sight.ANSWERED}
            echo.close()


@pytest.mark.parametrize("groups", ["1 0", "0 65534"])
async def test_many_are_asked_at_once(groups: str) -> None:
    """Of the addresses of one machine each answers for itself; those of nobody do not."""
    with lab("mgmt", hosts=1) as net, allowed(groups):
        more = [f"10.199.0.{n}" for n in range(100, 200)]
        for address in more:
            ip("-n", net.host(1), "addr", "add", f"{address}/24", "dev", "mgmt")
        nobody = "10.199.0.250"
        echo = Echo(socket.AF_INET)
        sights = await echo.round([*more, nobody], 1.0)
        echo.close()
    assert sights.pop(nobody) is Sight.LOST
    assert sights == dict.fromkeys(more, Sight.ANSWERED)


def test_without_any_right_it_says_what_is_missing() -> None:
    """A child gives up every right that this test has, and tries."""
    reading, writing = os.pipe()
    with lab(hosts=0):
        child = os.fork()
        if not child:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            try:
                opened(socket.AF_INET)
            except Temporary as error:
                os.write(writing, str(error).encode())
            os._exit(0)
        os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as said:
        text = said.read()
    assert "ICMP is not allowed (datagram: " in text
    assert "net.ipv4.ping_group_range, or give it CAP_NET_RAW, or use method: tcp" in text


@given(st.sampled_from((socket.AF_INET, socket.AF_INET6)), st.binary(max_size=80))
def test_no_datagram_is_a_bug(family: socket.AddressFamily, datagram: bytes) -> None:
    assert not is_reply(family, datagram, b"a token of 16 by")


def test_a_reply_is_one_only_to_what_was_asked() -> None:
    token = b"0123456789abcdef"
    ours = request(socket.AF_INET, token, 7)
    reply = b"\0" + ours[1:]
    head = bytes([0x45]) + b"\0" * 19
    assert is_reply(socket.AF_INET, reply, token)
    assert is_reply(socket.AF_INET, head + reply, token)
    for wrong in (ours, b"", reply[:9], b"\0\1" + reply[2:], reply[:-1] + b"x", head, b"\x4f"):
        assert not is_reply(socket.AF_INET, wrong, token)
    six = request(socket.AF_INET6, token, 7)
    assert is_reply(socket.AF_INET6, bytes([129]) + six[1:], token)
    assert not is_reply(socket.AF_INET6, six, token)


def test_the_checksum_is_that_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert checksum(request(socket.AF_INET, b"some token of 16", 99)) == 0
    assert checksum(b"\1") == 0xFEFF
