"""The shipped numbers, and the waits that grow."""

import pytest

from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Rule


@pytest.mark.parametrize(
    ("failures", "pause_s"),
    [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (7, 30), (1000, 30)],
)
def test_the_pause_doubles_up_to_a_limit(failures: int, pause_s: float) -> None:
    assert Policy().backoff(failures) == pause_s


def test_a_pause_without_a_limit_still_ends() -> None:
    endless = Policy(backoff_s=1.0, backoff_max_s=float("inf"))
    assert endless.backoff(10_000) == 2.0**16


def test_the_shipped_rule_is_three_reads_of_off_over_two_seconds() -> None:
    assert Policy().rule == Rule(3, 2.0)
    assert Policy(off_reads=5, off_hold_s=8.0).rule == Rule(5, 8.0)
