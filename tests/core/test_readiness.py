"""Whether a host could be fenced now, by what its devices said when they were probed (B17, B18)."""

from __future__ import annotations

import pytest

from doctor_daemon.core.proof import Identity, Power, Reading
from doctor_daemon.core.readiness import (
    DeviceRecord,
    Fenceable,
    Grade,
    Probe,
    Records,
    faults,
    fenceable,
    good_at,
    judged,
    spread,
    turned,
)
from tests.core import make
from tests.core.make import BMC, MANUAL, OTHER_UUID, PDU, SECOND_BMC, UUID, at, level

GOOD = DeviceRecord().after(Probe(Grade.GOOD, "power on", at(0)))
UNREACHABLE = Probe(Grade.UNREACHABLE, "no answer", at(1))
REFUSED = Probe(Grade.REFUSED, "401", at(1))
DOUBTED = GOOD.after(UNREACHABLE)
BAD = DOUBTED.after(UNREACHABLE)
NEVER = DeviceRecord()


def reading(power: Power) -> Reading:
    return Reading(power, "raw", at(0), at(0))


def test_an_answer_for_the_host_with_a_clear_power_is_good() -> None:
    for power in (Power.ON, Power.OFF):
        assert judged(BMC, Identity(UUID), reading(power)) == (Grade.GOOD, f"power {power}")
    assert judged(BMC, Identity(UUID), reading(Power.UNKNOWN))[0] is Grade.UNCLEAR


def test_b5_another_machine_is_its_own_word_and_counts_at_once() -> None:
    grade, text = judged(BMC, Identity(OTHER_UUID), reading(Power.ON))
    assert (grade, text) == (Grade.ANOTHER, f"answers for {OTHER_UUID}, expected {UUID}")
    record = GOOD.after(Probe(grade, text, at(1)))
    assert record.fit is False
    told = list(faults(make.plan(), {"bmc": record}))
    assert told == [f"bmc (level 1): another machine: {text}"]


def test_b17_one_failure_is_a_hiccup_and_two_are_none() -> None:
    assert (NEVER.fit, GOOD.fit, DOUBTED.fit, BAD.fit) == (None, True, True, False)
    assert NEVER.after(UNREACHABLE).fit is None
    again = BAD.after(Probe(Grade.GOOD, "power on", at(9)))
    assert (again.fit, again.failures, again.good_at) == (True, 0, at(9))


def test_b18_a_refused_login_is_asked_ever_less_often_and_a_silence_soon_again() -> None:
    record, pauses = GOOD, []
    for _ in range(7):
        record = record.after(REFUSED)
        pauses.append(record.pause_s(900))
    assert pauses == [900, 1800, 3600, 7200, 14400, 14400, 14400]
    assert (NEVER.pause_s(900), GOOD.pause_s(900)) == (900, 900)
    assert (DOUBTED.pause_s(900), DOUBTED.pause_s(30), BAD.pause_s(900)) == (60, 30, 900)


@pytest.mark.parametrize(
    ("bmc", "second", "pdu", "expected"),
    [
        (GOOD, GOOD, GOOD, Fenceable.YES),
        (GOOD, DOUBTED, GOOD, Fenceable.YES),
        (GOOD, BAD, GOOD, Fenceable.PARTLY),
        (GOOD, GOOD, BAD, Fenceable.PARTLY),
        (BAD, GOOD, BAD, Fenceable.NO),
        (NEVER, GOOD, GOOD, Fenceable.UNKNOWN),
        (GOOD, NEVER, BAD, Fenceable.UNKNOWN),
        (NEVER, NEVER, NEVER, Fenceable.UNKNOWN),
    ],
)
def test_b4_a_level_can_fence_only_if_all_of_its_devices_can(
    bmc: DeviceRecord, second: DeviceRecord, pdu: DeviceRecord, expected: Fenceable
) -> None:
    plan = make.plan(level(BMC, SECOND_BMC), level(PDU), MANUAL)
    assert fenceable(plan, {"bmc": bmc, "bmc-2": second, "pdu": pdu}) is expected


def test_a_host_without_a_device_is_a_humans() -> None:
    assert fenceable(make.plan(MANUAL), {}) is Fenceable.MANUAL


def test_the_age_is_of_the_oldest_device_of_the_best_level() -> None:
    plan = make.plan(level(BMC, SECOND_BMC), level(PDU), MANUAL)
    records: Records = {
        "bmc": DeviceRecord(good_at=at(1)),
        "bmc-2": DeviceRecord(good_at=at(5)),
        "pdu": DeviceRecord(good_at=at(0.5)),
    }
    assert good_at(plan, records) == at(1)
    assert good_at(plan, {**records, "pdu": DeviceRecord(good_at=at(3))}) == at(3)
    assert good_at(plan, {"bmc": GOOD}) is None


def test_only_what_cannot_fence_is_named() -> None:
    plan = make.plan(level(BMC), level(PDU))
    assert list(faults(plan, {"bmc": GOOD, "pdu": BAD})) == [
        "pdu (level 2): unreachable: no answer"
    ]
    assert list(faults(plan, {"bmc": DeviceRecord(failures=9)})) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Fenceable.UNKNOWN, Fenceable.YES, False),
        (Fenceable.UNKNOWN, Fenceable.NO, True),
        (Fenceable.YES, Fenceable.NO, True),
        (Fenceable.YES, Fenceable.PARTLY, True),
        (Fenceable.PARTLY, Fenceable.NO, True),
        (Fenceable.NO, Fenceable.NO, False),
        (Fenceable.NO, Fenceable.YES, True),
        (Fenceable.NO, Fenceable.MANUAL, False),
    ],
)
def test_b17_a_turn_is_told_once(before: Fenceable, after: Fenceable, *, expected: bool) -> None:
    assert turned(before, after) is expected


def test_names_are_spread_evenly() -> None:
    shares = sorted(spread(f"cmp-{n}/bmc") for n in range(1000))
    assert all(abs(share - n / 1000) < 0.05 for n, share in enumerate(shares))
