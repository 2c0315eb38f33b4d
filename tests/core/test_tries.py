"""What is kept of a device's answers: in a long run, and once its questions are asked anew."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import READINGS_MAX, DeviceTry, Outcome
from tests.core.make import at, identity, reading

ON, OFF, UNKNOWN = Power.ON, Power.OFF, Power.UNKNOWN


def read(*powers: Power) -> DeviceTry:
    """Read these, one a second."""
    device = DeviceTry()
    for second, power in enumerate(powers):
        device = device.read(reading(power, second))
    return device


def kept(*powers: Power) -> Sequence[float]:
    """Return at which second those were read that are kept."""
    return [one.asked_at.since(at(0)) for one in read(*powers).readings]


@pytest.mark.parametrize(
    ("powers", "seconds"),
    [
        ((UNKNOWN, UNKNOWN), [1]),
        ((OFF, UNKNOWN, UNKNOWN, UNKNOWN), [0, 3]),
        ((UNKNOWN, OFF, UNKNOWN), [0, 1, 2]),
        ((OFF, OFF), [0, 1]),
        ((ON, ON), [0, 1]),
        ((OFF, UNKNOWN), [0, 1]),
        ((UNKNOWN, OFF), [0, 1]),
    ],
)
def test_of_a_silence_its_last_is_kept_and_of_words_each(
    powers: tuple[Power, ...], seconds: list[float]
) -> None:
    assert kept(*powers) == seconds


@pytest.mark.parametrize(
    ("begin", "missed"),
    [
        ((OFF, OFF), 1),
        ((OFF, UNKNOWN), 2),
        ((UNKNOWN, OFF), 0),
        ((ON, OFF), 2),
        ((ON, OFF, UNKNOWN), 3),
        ((ON, UNKNOWN), 1),
        ((ON, ON), 0),
        ((OFF, ON), 0),
        ((UNKNOWN, ON), 0),
    ],
)
def test_the_first_reading_too_many_takes_the_one_that_tells_least(
    begin: tuple[Power, ...], missed: int
) -> None:
    """The first OFF of a run stays, and an error in it, and the ON before it."""
    run = (*begin, *[OFF] * (READINGS_MAX + 1 - len(begin)))
    assert kept(*run) == [second for second in range(READINGS_MAX + 1) if second != missed]


# asked anew


def test_the_last_clear_word_of_a_device_that_was_not_cut_stands_if_it_is_on() -> None:
    for powers in ((ON,), (OFF, ON), (ON, UNKNOWN)):
        device = read(*powers)
        (last,) = [one for one in device.readings if one.power is ON]
        assert device.unasked() == DeviceTry(readings=(last,))


@pytest.mark.parametrize("powers", [(), (OFF,), (UNKNOWN,), (ON, OFF), (ON, OFF, UNKNOWN)])
def test_no_other_word_outlives_the_question(powers: tuple[Power, ...]) -> None:
    assert read(*powers).unasked() == DeviceTry()


def test_of_a_device_that_was_cut_no_word_stands() -> None:
    device = DeviceTry(cut=Outcome.ACCEPTED, cut_at=at(-1)).read(reading(ON, 0))
    assert device.unasked() == DeviceTry(cut=Outcome.ACCEPTED, cut_at=at(-1))


def test_a_gate_that_was_shut_before_its_cut_is_no_answer_of_the_device() -> None:
    shut = DeviceTry(identity=identity(), failure="disarmed", shut="armed")
    assert shut.unasked() == DeviceTry(failure="disarmed", shut="armed")
    assert DeviceTry(identity=identity(), failure="401").unasked() == DeviceTry()
