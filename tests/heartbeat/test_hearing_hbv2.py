"""What is believed of a datagram in the form of instanceha."""

from __future__ import annotations

import pytest

from doctor_daemon.heartbeat import hbv2
from doctor_daemon.heartbeat.roll import Roll
from tests.heartbeat.ear import START_S, WALL_S, Ear, Fleet

HBV2_KEY = b"instanceha's key of the whole fleet"


def test_hbv2_is_taken_as_instanceha_sends_it() -> None:
    ear = Ear(hbv2_keys=(b"the next key", HBV2_KEY))
    at_s = int(WALL_S)
    assert ear.hear(hbv2.packed(at_s, b"compute-0", HBV2_KEY))
    assert ear.hear(hbv2.packed(at_s + 1, b"compute-0\0", b"the next key"))
    assert list(ear.roll.others) == [b"compute-0"]
    assert len(ear.roll.hosts) == 0


def test_hbv2_has_the_bytes_of_instanceha() -> None:
    """By its wire format: put together with printf, and its MAC made by OpenSSL."""
    sent = bytes.fromhex(
        "48425632000000006ab13b80636f6d707574652d30"
        "f8b053d2b207218ee3221836d5b59c0401c3ab1e430cc388bddc0d682f2da94f"
    )
    key = b"a key of instanceha, 32 letters.."
    assert hbv2.packed(int(WALL_S), b"compute-0", key) == sent
    ear = Ear(hbv2_keys=(key,))
    assert ear.hear(sent)
    assert list(ear.roll.others) == [b"compute-0"]


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


# our own clock is stepped

COMPUTES = ("compute-0", "compute-1", "compute-2")


def said(ear: Ear, name: str, *, later_s: int = 0) -> bytes:
    """What instanceha's agent of a host, whose clock is right, sends now."""
    at_s = int(WALL_S + ear.now_s - START_S) + later_s
    return hbv2.packed(at_s, name.encode(), HBV2_KEY)


def run(ear: Ear, ours: Fleet, names: tuple[str, ...], beats: int) -> None:
    """Let so many intervals of instanceha's go by: these of its hosts send."""
    for _ in range(beats):
        for name in names:
            ear.hear(said(ear, name))
        ear.run(ours, 30.0)


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 90.0, -90.0, 1e9, -1e9])
def test_a11_a_step_of_our_clock_accuses_no_host_of_instanceha(step_s: float) -> None:
    ear, ours = Ear(hbv2_keys=(HBV2_KEY,)), Fleet(("ctl-1", "ctl-2"), interval_s=1.0)
    run(ear, ours, COMPUTES, 10)
    ear.step_s = step_s
    run(ear, ours, COMPUTES, 10)
    assert ear.words("down") == []
    assert ear.hearing.rejected == {}
    died_s = ear.now_s
    run(ear, ours, COMPUTES[1:], 10)
    ((at_s, change),) = [one for one in ear.told if one[1].what == "down"]
    assert change.name == "compute-0", "who dies then is accused as always"
    assert at_s - died_s <= 135
    run(ear, ours, COMPUTES, 1)
    assert ear.words("up") == ["compute-0"]
    ear.step_s = 0.0
    run(ear, ours, COMPUTES, 10)
    assert ear.words("down") == ["compute-0"], "and it is put right again"


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_e2_a_step_of_our_clock_makes_no_recording_new(step_s: float) -> None:
    ear = Ear(hbv2_keys=(HBV2_KEY,))
    recorded = [said(ear, "compute-0", later_s=n) for n in range(-4000, 1, 10)]
    held_back = said(ear, "compute-0", later_s=1)
    assert ear.hear(recorded[-1])
    ear.step_s = step_s
    for wait_s in (1, 100, 900):
        ear.tick(ear.now_s + wait_s)
        assert not any(ear.hear(sent) for sent in recorded)
    assert not ear.hear(held_back), "two minutes, as by the wall clock"
    assert ear.hear(said(ear, "compute-0"))


def test_e2_what_is_held_back_ever_longer_is_no_life() -> None:
    ear = Ear(hbv2_keys=(HBV2_KEY,))
    sent = [said(ear, "compute-0", later_s=30 * n) for n in range(100)]
    assert ear.hear(sent[0])
    ear.step_s = 3600.0
    believed = 0
    for n in range(1, 100):
        ear.tick(START_S + 45 * n)
        believed += ear.hear(sent[n])
    assert believed == 8, "until it is two minutes late"


def test_a11_a_clock_that_runs_differently_is_followed() -> None:
    ear = Ear(hbv2_keys=(HBV2_KEY,))
    ear.hear(said(ear, "compute-0"))
    ear.step_s = 3600.0
    for n in range(1, 4000):
        ear.tick(START_S + 30 * n)
        assert ear.hear(said(ear, "compute-0", later_s=int(-30 * n * 0.0002))), f"beat {n}"


def test_a11_the_difference_of_the_clocks_outlives_the_listener() -> None:
    ear = Ear(hbv2_keys=(HBV2_KEY,))
    assert ear.hear(said(ear, "compute-0"))
    for boot, heard in (("our boot", True), ("another boot", False)):
        roll = Roll()
        roll.restore(ear.roll.kept("our boot", ear.now_s), boot, START_S)
        again = Ear(roll=roll, hbv2_keys=(HBV2_KEY,))
        again.step_s = 3600.0
        again.tick(START_S + 30)
        assert again.hear(said(again, "compute-0")) == heard
        assert again.hearing.rejected == ({} if heard else {"clock": 1})


def test_a11_who_is_new_waits_until_our_clock_is_right() -> None:
    ear = Ear(hbv2_keys=(HBV2_KEY,))
    ear.step_s = 3600.0
    ear.tick()
    assert not ear.hear(said(ear, "compute-0"))
    assert len(ear.roll) == 0
    assert ear.hearing.rejected == {"clock": 1}
