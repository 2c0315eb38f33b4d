"""When readings prove that a host is off, and when they do not."""

import pytest

from doctor_daemon.core.proof import Power, Reading, Rule, off_run, proven
from tests.core.make import OTHER_BOOT, at, off, reading

CUT = at(0)
RULE = Rule(3, 2.0)
ON, UNKNOWN = Power.ON, Power.UNKNOWN


def test_the_run_of_off_at_the_end_is_what_counts() -> None:
    broken = (*off(1, 2), reading(ON, 3), *off(4, 5))
    assert off_run(broken, CUT) == off(4, 5)
    assert off_run((*off(1, 2), reading(UNKNOWN, 3)), CUT) == ()
    assert off_run((), CUT) == ()


def test_the_run_keeps_the_order_of_the_reads() -> None:
    assert off_run(off(1, 2, 3), CUT) == off(1, 2, 3)


@pytest.mark.parametrize(
    "reads",
    [
        pytest.param(off(0, 1, 2), id="asked for at the very end of the cut"),
        pytest.param(off(1, 2, 3), id="three reads over two seconds"),
        pytest.param(off(1, 1.5, 2, 2.5, 3), id="more reads than needed"),
        pytest.param((reading(ON, 0), *off(1, 2, 3)), id="on at first"),
        pytest.param((*off(1), reading(UNKNOWN, 2), *off(3, 4, 5)), id="counted again"),
        pytest.param((*off(-5, -4), *off(1, 2, 3)), id="reads before the cut are left out"),
    ],
)
def test_b1_consecutive_off_after_the_cut_over_the_hold_time_proves_it(
    reads: tuple[Reading, ...],
) -> None:
    run = proven(reads, CUT, RULE)
    assert run is not None
    assert len(run) >= RULE.reads
    assert all(read.power is Power.OFF and read.asked_at.since(CUT) >= 0 for read in run)
    assert run == reads[-len(run) :]


@pytest.mark.parametrize(
    "reads",
    [
        pytest.param((), id="no read"),
        pytest.param(off(1, 9), id="too few"),
        pytest.param(off(1, 1.5, 2.75), id="too short"),
        pytest.param((*off(1, 2), reading(ON, 3), *off(4, 5)), id="on in between"),
        pytest.param((*off(1, 2), reading(UNKNOWN, 3), *off(4, 5)), id="silence in between"),
        pytest.param((*off(1, 2, 3, 4), reading(ON, 5)), id="on at the end"),
        pytest.param((*off(1, 2, 3, 4), reading(UNKNOWN, 5)), id="no answer at the end"),
        pytest.param(off(-2, -1, 0, 1), id="begun before the cut had ended"),
        pytest.param(off(-4, -3, -2), id="all before the cut"),
    ],
)
def test_b1_anything_less_is_not_off(reads: tuple[Reading, ...]) -> None:
    assert proven(reads, CUT, RULE) is None


@pytest.mark.parametrize(
    ("took_s", "last_asked_s", "proves"),
    [
        (0.0, 3.0, True),
        (0.25, 3.0, False),  # answered at 1.25: held 1.75 s only
        (0.25, 3.25, True),
        (9.0, 11.0, False),  # one slow answer is one moment, however long it took
    ],
)
def test_the_hold_is_taken_where_it_is_shortest(
    took_s: float,
    last_asked_s: float,
    *,
    proves: bool,
) -> None:
    first, second = reading(Power.OFF, 1, took_s), reading(Power.OFF, last_asked_s)
    slow = reading(Power.OFF, last_asked_s, 5)
    assert (proven((first, second, slow), CUT, RULE) is not None) is proves


def test_a_slow_last_answer_adds_nothing_to_the_hold() -> None:
    assert proven((*off(1, 1.5), reading(Power.OFF, 2, 60)), CUT, RULE) is None


@pytest.mark.parametrize("hold_s", [2.0, 4.0])
def test_a_longer_hold_asks_for_reads_over_a_longer_time(hold_s: float) -> None:
    rule = Rule(3, hold_s)
    assert proven(off(1, 2, 1 + hold_s), CUT, rule) is not None
    assert proven(off(1, 2, 0.75 + hold_s), CUT, rule) is None


def test_a_run_that_goes_over_a_reboot_proves_nothing() -> None:
    after = tuple(reading(Power.OFF, seconds, boot=OTHER_BOOT) for seconds in (10, 11))
    assert proven((*off(1, 2), *after), CUT, RULE) is None
