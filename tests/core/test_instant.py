"""Moments: comparable on one boot, and on no other."""

import math

import pytest

from doctor_daemon.core.instant import Instant
from tests.core.make import OTHER_BOOT, at


def test_a_moment_plus_seconds_moves_both_clocks() -> None:
    assert Instant("b", 10, 1000).plus(2.5) == Instant("b", 12.5, 1002.5)


@pytest.mark.parametrize(("later_s", "earlier_s", "apart_s"), [(7, 3, 4), (3, 3, 0), (3, 7, -4)])
def test_the_time_between_two_moments_of_one_boot(
    later_s: float, earlier_s: float, apart_s: float
) -> None:
    assert at(later_s).since(at(earlier_s)) == apart_s


@pytest.mark.parametrize("seconds", [-100, 0, 100])
def test_between_two_boots_any_time_may_have_passed(seconds: float) -> None:
    assert at(seconds, OTHER_BOOT).since(at(0)) == math.inf


@pytest.mark.parametrize(
    ("now", "until", "come"),
    [
        (at(9.75), at(10), False),
        (at(10), at(10), True),
        (at(11), at(10), True),
        (at(0, OTHER_BOOT), at(10), True),
    ],
)
def test_a_moment_is_reached_when_it_has_come(now: Instant, until: Instant, *, come: bool) -> None:
    assert now.reached(until) is come


def test_a11_a_step_of_the_wall_clock_changes_no_duration() -> None:
    before, after = Instant("b", 10, 5_000_000), Instant("b", 12, 1_000)
    assert after.since(before) == 2
    assert not before.reached(after)
