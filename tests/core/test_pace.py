"""At which pace the power is read: often just after a cut, then spread over the hold time."""

from dataclasses import replace

import pytest

from doctor_daemon.core.asking import heeded
from doctor_daemon.core.messages import ForceDown, Read
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from tests.core.make import (
    BMC,
    PDU,
    level,
    plan,
)
from tests.core.walk import Walk

ON, OFF, UNKNOWN = Power.ON, Power.OFF, Power.UNKNOWN
TWO = plan(level(BMC, PDU))


@pytest.mark.parametrize(
    ("power", "changes", "pause_s"),
    [
        (ON, {}, 1 / 32),  # just after the cut
        (UNKNOWN, {}, 1.0),
        (OFF, {}, 1.0),  # three reads spread over two seconds
        (OFF, {"off_hold_s": 8.0}, 4.0),
        (OFF, {"off_reads": 5}, 0.5),
        (OFF, {"off_reads": 2}, 2.0),
        (OFF, {"off_reads": 1}, 2.0),
        (ON, {"off_hold_s": 8.0}, 1 / 32),
        (UNKNOWN, {"read_every_s": 0.25}, 0.25),
    ],
)
def test_b13_a_device_is_read_one_read_at_a_time_at_its_pace(
    power: Power, changes: dict[str, float], pause_s: float
) -> None:
    policy = replace(Policy(), **changes)  # type: ignore[arg-type]  # the table mixes counts and seconds
    walk = Walk(policy=policy).to_reads()
    assert walk.read(power).all(Read) == []
    assert pause_s in walk.waits
    walk.wait(pause_s - 1 / 64)
    assert walk.all(Read) == []
    walk.wait(1 / 64)
    assert walk.all(Read) == [Read(1, 1, "bmc", 1)]


@pytest.mark.parametrize(
    ("on_for_s", "every_s", "pause_s"),
    [(0.5, 1.0, 1 / 32), (1, 1.0, 1 / 32), (8, 1.0, 1 / 4), (24, 1.0, 3 / 4), (24, 0.25, 1 / 4)],
)
def test_the_longer_a_device_says_on_the_calmer_it_is_read(
    on_for_s: float, every_s: float, pause_s: float
) -> None:
    walk = Walk(policy=Policy(read_every_s=every_s)).to_reads().elapse(on_for_s)
    walk.read(ON)
    assert pause_s in walk.waits


def test_a_hold_is_counted_from_the_first_off_and_not_from_read_to_read() -> None:
    """A device that takes a while for each answer does not make the hold longer."""
    walk = Walk().to_reads().read(OFF).elapse(1)
    (second,) = walk.all(Read)
    walk.wait(0.5).answer_read(second, OFF, asked_s=-0.5)
    assert 0.5 in walk.waits


def test_b4_a_device_that_waits_for_another_is_read_on_at_its_pace() -> None:
    """However irregular its reads were: the pace is from the last of them."""
    walk = Walk(plan=TWO).to_reads().read(OFF, "bmc")
    walk.elapse(1).read(OFF, "bmc").elapse(1.5).read(OFF, "bmc")
    assert 1.0 in walk.waits
    assert 0.5 not in walk.waits


def test_b1_a_device_with_a_longer_hold_is_read_at_a_slower_pace() -> None:
    slow = replace(BMC, hold_s=8.0)
    walk = Walk(plan=plan(level(slow))).to_reads().read(OFF)
    assert walk.wait(3.75).all(Read) == []
    assert walk.wait(0.25).all(Read) == [Read(1, 1, "bmc", 1)]


def test_the_pace_is_kept_from_the_answer_and_not_from_the_question() -> None:
    walk = Walk().to_reads().wait(0.75)
    walk.answer_read(walk.one(Read), OFF, asked_s=-0.75)
    assert walk.wait(0.75).all(Read) == []
    assert walk.wait(0.25).all(Read) != []


def test_one_device_does_not_hold_up_the_other() -> None:
    walk = Walk(plan=TWO).to_reads().read(ON, "bmc")
    assert walk.all(Read) == [Read(1, 1, "pdu", 0)]
    assert walk.elapse(1).all(Read) == [Read(1, 1, "bmc", 1), Read(1, 1, "pdu", 0)]


def test_d3_a_device_that_takes_its_time_is_given_it_and_no_more() -> None:
    slow = replace(BMC, slow_s=451.0)
    walk = Walk(plan=plan(level(slow))).to_cut()
    began = walk.now
    walk.cut()
    while walk.attempt.number == 1:
        assert walk.now.since(began) < 481
        walk.read(UNKNOWN).elapse(0.25)
    assert walk.now.since(began) == 481
    assert walk.said == "level 1, try 1: not off 481 s after the cut"


def test_b9_a_read_that_is_out_counts_while_its_try_lasts_and_nothing_newer_was_read() -> None:
    walk = Walk().to_reads()
    out = walk.one(Read)
    assert heeded(walk.incident, out)
    assert not heeded(walk.incident, ForceDown(1, "s-1", disable=True))
    assert not heeded(walk.incident, replace(out, try_=2))
    walk.answer_read(out, OFF)
    assert not heeded(walk.incident, out)
    assert heeded(walk.elapse(1).incident, replace(out, number=1))
    assert not heeded(replace(walk.incident, phase=Phase.DOWN), replace(out, number=1))
    assert not heeded(replace(walk.incident, fencing=None), replace(out, number=1))
