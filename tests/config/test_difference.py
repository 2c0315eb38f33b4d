"""What is told of two configurations: every difference, in few words, and no secret."""

from __future__ import annotations

from collections.abc import Callable

from doctor_daemon.config import Settings
from doctor_daemon.engine.difference import LEFT, differences

Reading = Callable[..., Settings]


def device(uuid: int, more: str = "") -> str:
    return f"{{type: sample-bmc, url: https://x, password_file: bmc, uuid: '{uuid:032}'{more}}}"


def host(name: str, uuid: int, more: str = "", options: str = "") -> str:
    return f"{{names: {name}, levels: [[{device(uuid, options)}]]{more}}}"


def told(read: Reading, old: str, new: str) -> list[str]:
    return list(differences(read(old), read(new)))


def test_nothing_is_told_of_what_is_the_same(read: Reading) -> None:
    text = f"hosts: [{host('a', 1)}]\n"
    assert told(read, text, text) == []


def test_numbers_and_switches_are_told_with_their_values(read: Reading) -> None:
    old = f"mode: fence\nhosts: [{host('a', 1, ', mode: fence, domain: r1')}]\n"
    new = (
        "mode: evacuate\ntiming: {grace_s: 20}\nown_side: {interfaces: [eth0]}\n"
        f"hosts: [{host('a', 1, ', mode: notify, domain: r2, aliases: [b], power_on: true')}]\n"
    )
    assert told(read, old, new) == [
        "mode: fence -> evacuate",
        "grace_s: 10 -> 20",
        "domain: 'r1' -> 'r2': a",
        "mode: fence -> notify: a",
        "way_back is another: a",
        "aliases of hosts are others",
        "own_side is another",
    ]


def test_hosts_are_named_and_counted(read: Reading) -> None:
    found = told(read, "hosts: [{names: 'a-[1-9]'}]\n", "hosts: [{names: b}]\n")
    assert found == [
        "hosts that are not configured any more: a-1, a-2, a-3, a-4, a-5 and 4 more",
        "hosts that are new: b",
    ]


def test_i16_of_power_devices_nothing_is_told_but_that_they_are_others(read: Reading) -> None:
    old = f"hosts: [{host('a', 1)}, {host('b', 2)}]\n"
    another = host("a", 1, options=", username: hunter2")
    new = f"hosts: [{another}, {host('b', 3)}]\n"
    found = told(read, old, new)
    assert "hunter2" not in str(found)
    assert found == ["power devices changed, proofs of before are void: a, b"]


def test_what_takes_a_restart_is_part_of_the_settings(read: Reading) -> None:
    settings = read("")
    assert all(hasattr(settings, option) for option in LEFT)
