"""Which hosts are ourselves: by name, by address, and when in doubt."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from doctor_daemon.core.host import HostId
from doctor_daemon.engine.itself import Machine, machine, ours

FIB_TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     +-- 10.0.0.0/24 2 0 2
        |-- 10.0.0.7
           /32 host LOCAL
        |-- 10.0.0.255
           /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
"""
IF_INET6 = (
    "00000000000000000000000000000001 01 80 10 80       lo\n"
    "20010db8000000000000000000000007 02 40 00 00     eth0\n"
)


def host(name: str) -> HostId:
    return HostId("default", name)


@pytest.mark.parametrize(
    ("label", "how"),
    [
        ("ctl-1", "ctl-1 is this machine's name"),
        ("CTL-1", "ctl-1 is this machine's name"),
        ("ctl-1.example.org", "ctl-1.example.org may be this machine, whose name is ctl-1"),
        ("ctl-10", ""),
        ("10.0.0.7", "10.0.0.7 is an address of this machine"),
        ("10.0.0.8", ""),
    ],
)
def test_b12_we_know_our_own_host(label: str, how: str) -> None:
    us = Machine("ctl-1", frozenset({"10.0.0.7"}))
    assert ours(us, [host(label)], {}) == ({host(label): how} if how else {})


def test_b12_another_name_of_a_host_counts_as_well() -> None:
    us = Machine("ctl-1.example.org", frozenset({"10.0.0.7"}))
    one, two, three = host("a"), host("b"), host("ctl-1.example.com")
    known = {one: ["node-1", "10.0.0.7"], two: ["ctl-1.example.org"]}
    found = ours(us, [one, two, three], known)
    assert found == {
        one: "10.0.0.7 is an address of this machine",
        two: "ctl-1.example.org is this machine's name",
    }


@pytest.mark.parametrize("name", ["", "localhost"])
def test_a_machine_without_a_name_of_its_own_is_no_host(name: str) -> None:
    assert ours(Machine(name), [host("localhost"), host("cmp-1")], {}) == {}


def test_addresses_are_read_from_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "fib").write_text(FIB_TRIE)
    (tmp_path / "inet6").write_text(IF_INET6)
    found = machine(tmp_path / "fib", tmp_path / "inet6")
    assert found.addresses == {"10.0.0.7", "2001:db8::7"}
    assert found.name == socket.gethostname().lower()
    assert machine(tmp_path / "none", tmp_path / "none").addresses == frozenset()


def test_this_machine_is_known() -> None:
    assert "127.0.0.1" not in machine().addresses
