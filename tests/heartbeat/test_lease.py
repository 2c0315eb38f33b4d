"""By what a host lives: the lease, the computed time, and the datagrams."""

from __future__ import annotations

import pytest

from doctor_daemon.heartbeat.lease import (
    ASK_EVERY_S,
    LOST,
    PENDING_MAX,
    Lease,
    least_lease_s,
    off_after_s,
)
from doctor_daemon.heartbeat.lifeline import (
    ARMED,
    ASK_MAX,
    FED,
    Answer,
    Ask,
    answer_of,
    ask_of,
    is_genuine,
    packed,
)
from tests.heartbeat.beats import OF_ALL, beat, datagram

NAME = b"cmp-1"
MAC = OF_ALL.of(NAME).mac()
ASK = Ask(1, ARMED, 7, 12, 99, 300_000, 60_000, bytes(range(16)), b"iron dog".ljust(32, b"\0"))
ANSWER = Answer(1, FED, 7, 12, 99)


def test_it_counts_from_the_question_and_not_from_the_answer() -> None:
    lease = Lease(300)
    lease.asked(1, now_s=1000)
    assert lease.answered(1, fed=True)  # however late it has come
    assert lease.stands(1299.9)
    assert not lease.stands(1300)


def test_e2_an_answer_is_good_once_and_only_for_what_was_asked() -> None:
    lease = Lease(300)
    lease.asked(1, now_s=1000)
    assert not lease.answered(2, fed=True)
    assert not lease.stands(1000)
    assert lease.answered(1, fed=True)
    assert not lease.answered(1, fed=True)


def test_an_answer_to_an_earlier_question_shortens_nothing() -> None:
    lease = Lease(300)
    lease.asked(1, now_s=1000)
    lease.asked(2, now_s=1100)
    assert lease.answered(2, fed=True)
    assert lease.answered(1, fed=True)
    assert lease.stands(1399)


def test_what_is_no_acknowledgement_extends_nothing() -> None:
    lease = Lease(300)
    lease.asked(1, now_s=1000)
    assert lease.answered(1, fed=False)
    assert not lease.stands(1000)


def test_only_the_last_questions_may_still_be_answered() -> None:
    lease = Lease(300)
    for sequence in range(PENDING_MAX + 1):
        lease.asked(sequence, now_s=1000 + sequence)
    assert not lease.answered(0, fed=True)
    assert lease.answered(1, fed=True)


@pytest.mark.parametrize(
    ("lease_s", "timeout_s", "expected_s"), [(300, 60, 514), (60, 10, 104.5), (3600, 600, 5680)]
)
def test_d3_the_time_covers_a_late_feeding_a_close_and_clocks_that_differ(
    lease_s: float, timeout_s: float, expected_s: float
) -> None:
    assert off_after_s(lease_s, timeout_s) == pytest.approx(expected_s)
    slow_host_s = (lease_s + 3 * timeout_s) / 0.97  # its clocks are three in a hundred slow
    assert slow_host_s + 5 < off_after_s(lease_s, timeout_s)


def test_d3_a_restart_fits_into_the_shortest_lease() -> None:
    assert least_lease_s(120) == 120 + LOST * ASK_EVERY_S


def test_what_is_packed_is_read() -> None:
    asked, answer = packed(ASK, NAME, MAC), packed(ANSWER, NAME, MAC)
    assert ask_of(asked) == (ASK, NAME)
    assert answer_of(answer) == (ANSWER, NAME)
    assert is_genuine(asked, MAC)
    assert is_genuine(answer, MAC)


def test_e1_no_bit_of_it_may_be_another() -> None:
    for made in (packed(ASK, NAME, MAC), packed(ANSWER, NAME, MAC)):
        for at in range(len(made)):
            turned = bytearray(made)
            turned[at] ^= 1
            assert not is_genuine(bytes(turned), MAC)
    assert not is_genuine(packed(ANSWER, NAME, MAC), OF_ALL.of(b"cmp-2").mac())


def test_e1_a_question_is_no_answer_and_a_beat_is_neither() -> None:
    assert answer_of(packed(ASK, NAME, MAC)) is None
    assert ask_of(packed(ANSWER, NAME, MAC)) is None
    of_a_beat = datagram(beat())
    assert ask_of(of_a_beat) is None
    assert answer_of(of_a_beat) is None


def test_what_is_too_short_or_too_long_is_none() -> None:
    longest = packed(ASK, b"x" * 255, MAC)
    assert len(longest) == ASK_MAX
    assert ask_of(longest) is not None
    assert ask_of(longest + b"x") is None
    assert ask_of(packed(ASK, b"", MAC)) is None
    assert ask_of(b"DDW1") is None
