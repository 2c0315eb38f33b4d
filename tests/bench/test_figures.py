"""The statistics, against examples that can be counted by hand."""

import pytest

from benchmarks.figures import Spread, allowed_s, overhead_ratio, percentile

HUNDRED = [number / 100 for number in range(100, 0, -1)]


@pytest.mark.parametrize(
    ("values", "rank", "expected"),
    [
        (HUNDRED, 99, 0.99),
        (HUNDRED, 50, 0.50),
        (HUNDRED, 100, 1.00),
        (HUNDRED, 0.5, 0.01),
        (list(range(1, 201)), 99, 198),
        ([7.0], 99, 7.0),
        ([1.0, 2.0, 3.0], 50, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 50, 2.0),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(
    values: list[float], rank: float, expected: float
) -> None:
    assert percentile(values, rank) == expected


@pytest.mark.parametrize(("values", "rank"), [([], 99), ([1.0], 0), ([1.0], 101)])
def test_a_percentile_of_nothing_is_refused(values: list[float], rank: float) -> None:
    with pytest.raises(ValueError, match="no percentile"):
        percentile(values, rank)


def test_a_spread_counts_what_it_rests_on() -> None:
    assert Spread.of(HUNDRED) == Spread(n=100, p50_s=0.50, p99_s=0.99, max_s=1.00)


def test_the_hold_time_is_in_neither_side_of_a_ratio() -> None:
    assert overhead_ratio(found_s=2.3, floor_s=2.1, hold_s=2.0) == pytest.approx(3.0)


def test_what_is_allowed_is_a_twentieth_of_the_floor_and_20_ms_more() -> None:
    assert allowed_s(floor_s=4.0, hold_s=2.0) == pytest.approx(2.0 + 2.1 + 0.02)
