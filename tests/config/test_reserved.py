"""What the file says of hosts in reserve."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from doctor_daemon.config import Settings
from doctor_daemon.core.host import HostId, Reserve
from doctor_daemon.errors import ConfigError

Reading = Callable[[str], Settings]
ONE = HostId("default", "cmp-1")


def test_without_a_word_there_are_none(read: Reading) -> None:
    assert read("hosts: [{names: cmp-1}]\n").plans[ONE].reserve == Reserve((), "reserved")


def test_they_are_named_one_by_one_or_by_patterns_and_kept_in_order(read: Reading) -> None:
    text = "reserved_hosts: [spare-2, 'spare-[1-3]'], reserved_reason: in reserve"
    reserve = read(f"hosts: [{{names: cmp-1, {text}}}]\n").plans[ONE].reserve
    assert reserve == Reserve(("spare-2", "spare-1", "spare-3"), "in reserve")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("reserved_hosts: ['spare-[3-1]']", "hosts[0].reserved_hosts"),
        ("reserved_reason: ''", "hosts[0].reserved_reason: found ''"),
    ],
)
def test_what_is_wrong_is_named(read: Reading, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(f"hosts: [{{names: cmp-1, {text}}}]\n")
    assert words in str(caught.value)
