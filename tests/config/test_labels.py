"""Names by which hosts are known. A14: no two hosts by one name, however it is spelt."""

from __future__ import annotations

import pytest

from doctor_daemon.config.labels import Labels
from doctor_daemon.core.host import HostId

A, B = HostId("default", "cmp-1"), HostId("default", "cmp-2")


def test_a_host_may_have_many_names() -> None:
    labels = Labels()
    for name in ("cmp-1.example.org", "CMP-1", "192.0.2.1", "192.0.2.1:9100", "node.1"):
        assert labels.add(name, A, alias=True) == ""
    assert labels.add("192.0.2.2", B, alias=True) == ""
    assert labels.aliases["cmp-1"] == A
    assert labels.aliases["192.0.2.2"] == B


def test_its_own_name_is_no_alias() -> None:
    labels = Labels()
    labels.add("cmp-1", A, alias=False)
    labels.add("cmp-1", A, alias=True)
    assert labels.aliases == {}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("cmp-1", "cmp-1"),
        ("cmp-1", "CMP-1"),
        ("cmp-1.example.org", "Cmp-1.Example.Org"),
        ("cmp-1", "cmp-1.example.org"),
        ("cmp-1.example.org", "cmp-1"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_a_name_that_two_hosts_could_mean_is_refused(first: str, second: str) -> None:
    labels = Labels()
    assert labels.add(first, A, alias=True) == ""
    assert "cmp-1" in labels.add(second, B, alias=True)
    assert labels.add(second, A, alias=True) == ""


def test_two_long_names_may_begin_alike() -> None:
    labels = Labels()
    assert labels.add("cmp-1.here.example", A, alias=False) == ""
    assert labels.add("cmp-1.there.example", B, alias=False) == ""
    assert "could be taken for" in labels.add("cmp-1", A, alias=True)


def test_addresses_are_not_shortened() -> None:
    labels = Labels()
    assert labels.add("10", A, alias=True) == ""
    assert labels.add("10.0.0.1", B, alias=True) == ""
    assert labels.add("2001:db8::1", B, alias=True) == ""


@pytest.mark.parametrize("label", ["", "a b", "a\n", "a\x1b[2J", "x" * 256])
def test_a_name_that_is_none_is_refused(label: str) -> None:
    assert "expected a name without spaces" in Labels().add(label, A, alias=True)
