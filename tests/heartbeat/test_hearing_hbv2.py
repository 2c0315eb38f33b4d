"""What is believed of a datagram in the form of instanceha."""

from __future__ import annotations

import pytest

from doctor_daemon.heartbeat import hbv2
from tests.heartbeat.ear import WALL_S, Ear

HBV2_KEY = b"instanceha's key of the whole fleet"


def test_hbv2_is_taken_as_instanceha_sends_it() -> None:
    ear = Ear(hbv2_keys=(b"the next key", HBV2_KEY))
    at_s = int(WALL_S)
    assert ear.hear(hbv2.packed(at_s, b"compute-0", HBV2_KEY))
    assert ear.hear(hbv2.packed(at_s + 1, b"compute-0\0", b"the next key"))
    assert list(ear.roll.others) == [b"compute-0"]
    assert len(ear.roll.hosts) == 0


def test_hbv2_has_the_bytes_of_instanceha() -> None:
    sent = hbv2.packed(1, b"compute-0", b"k")
    assert sent[:4] == (0x48425632).to_bytes(4, "big")
    assert sent[4:12] == (1).to_bytes(8, "big")
    assert sent[12:21] == b"compute-0"
    assert len(sent) == 21 + 32


@pytest.mark.parametrize(
    ("age_s", "reason"), [(121, "clock"), (-61, "clock"), (119, ""), (-59, "")]
)
def test_e2_hbv2_has_a_window(age_s: int, reason: str) -> None:
    ear = Ear(hbv2_keys=(HBV2_KEY,))
    assert ear.hear(hbv2.packed(int(WALL_S) - age_s, b"c", HBV2_KEY)) == (not reason)
    assert ear.hearing.rejected == ({reason: 1} if reason else {})


def test_e2_hbv2_is_taken_once() -> None:
    ear = Ear(hbv2_keys=(HBV2_KEY,))
    sent = hbv2.packed(int(WALL_S), b"c", HBV2_KEY)
    assert ear.hear(sent)
    assert not ear.hear(sent)
    assert not ear.hear(hbv2.packed(int(WALL_S) - 1, b"c", HBV2_KEY))
    assert ear.hearing.rejected == {"replayed": 2}


def test_e1_hbv2_is_forged_or_not_wanted() -> None:
    sent = hbv2.packed(int(WALL_S), b"c", b"a key of others")
    ear = Ear(hbv2_keys=(HBV2_KEY,))
    assert not ear.hear(sent)
    assert not ear.hear(hbv2.packed(int(WALL_S), b" \0", HBV2_KEY))
    assert ear.hearing.rejected == {"forged": 1, "malformed": 1}
    without = Ear()
    assert not without.hear(sent)
    assert without.hearing.rejected == {"unknown_key": 1}
