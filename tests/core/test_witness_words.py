"""What a word of a witness is worth: beside the level's own OFF, before it, and after a pause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Context
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Effect, Identify, Read, Wait
from doctor_daemon.core.ourselves import Ourselves
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import DeviceTry, Outcome, Try
from doctor_daemon.core.witness import (
    ask_witnesses,
    off_asked,
    says_on,
    seen_on,
    undenied,
    unheard,
    witnesses,
)
from tests.core.make import (
    BMC,
    OTHER_BOOT,
    OTHER_UUID,
    PDU,
    SECOND_BMC,
    Fields,
    at,
    context,
    identity,
    level,
    plan,
    reading,
)

ON, OFF, UNKNOWN = Power.ON, Power.OFF, Power.UNKNOWN
ILO = replace(SECOND_BMC, name="ilo", tells_host=True, answer_s=1.0)
"""Its time is five seconds, for two of its answers take less."""
SLOW = replace(ILO, answer_s=4.0)
Said = tuple[Power, float] | tuple[Power, float, float]
"""What was read, when it was asked for, and after how long it was answered."""
ON_SAID, WAITED = "ilo says that the power is on", "ilo has not said yet whether the power is on"


def said(*words: Said, **changes: Fields) -> DeviceTry:
    """Make what a device of the host has answered."""
    read = tuple(reading(*word) for word in words)
    return DeviceTry(**{"identity": identity(), "readings": read, "reads": len(read), **changes})


def cut(*words: Said, cut_s: float = 0) -> DeviceTry:
    return said(*words, cut=Outcome.ACCEPTED, cut_at=at(cut_s))


def tried(bmc: DeviceTry, ilo: DeviceTry, number: int = 1, **changes: Fields) -> Try:
    devices = {"bmc": bmc, "ilo": ilo}
    return replace(Try(1, number, 1, "digest-1", at(0), at(0), devices), **changes)


def world(seconds: float = 9, **changes: Fields) -> Context:
    return context(seconds, **{"plan": plan(level(BMC), level(ILO)), **changes})


def test_a_supply_of_another_level_tells_nothing_of_the_host() -> None:
    both = plan(level(BMC), level(PDU, ILO), level(replace(BMC, name="first", tells_host=True)))
    assert [one.name for one in witnesses(both, 1)] == ["ilo", "first"]
    assert [one.name for one in witnesses(both, 3)] == ["ilo"]


# ON


@pytest.mark.parametrize(
    ("bmc", "ilo", "on"),
    [
        (cut(), said(), False),
        (cut(), said((ON, 1)), True),
        (cut(), said((OFF, 1)), False),
        (cut(), said((UNKNOWN, 1)), False),
        (cut(), said((ON, 1), (OFF, 2)), False),
        (cut(), said((OFF, 1), (ON, 2)), True),
        (cut(), said((ON, 1), (UNKNOWN, 2)), False),
        (cut((OFF, 5)), said((ON, 5), (UNKNOWN, 6)), True),
        (cut((OFF, 5)), said((ON, 4.75), (UNKNOWN, 6)), False),
        (cut((OFF, 5, 1)), said((ON, 5.75), (UNKNOWN, 7)), False),
        (cut((OFF, 5, 1)), said((ON, 6), (UNKNOWN, 7)), True),
        (cut((OFF, 5), (UNKNOWN, 6)), said((ON, 5), (UNKNOWN, 7)), True),
        (cut((OFF, 5), (ON, 6)), said((ON, 5), (UNKNOWN, 7)), False),
        (cut((ON, 4), (OFF, 5)), said((ON, 5), (UNKNOWN, 6)), True),
        (cut(), said((ON, 1), identity=None), True),
        (cut(), said((ON, 1), identity=identity(OTHER_UUID)), False),
    ],
)
def test_b1_an_on_counts_until_it_is_taken_back_and_in_silence_if_it_was_beside_the_off(
    bmc: DeviceTry, ilo: DeviceTry, *, on: bool
) -> None:
    assert says_on(tried(bmc, ilo), world()) == (ON_SAID if on else "")


@pytest.mark.parametrize(
    ("bmc", "ilo", "seen"),
    [
        (cut((OFF, 2)), said((ON, 5)), True),
        (cut((OFF, 2)), said((ON, 4.75)), True),
        (cut((OFF, 4.875)), said((ON, 4.75)), False),
        (cut((OFF, 2)), said((ON, 1.75)), False),
        (cut((OFF, 2)), said((ON, 4.75), (UNKNOWN, 6)), True),
        (cut((OFF, 2)), said((ON, 4.75), (OFF, 6)), False),
        (cut((OFF, 2)), said((ON, 5), (OFF, 6)), True),
        (cut((OFF, 2)), said((OFF, 6)), False),
        (cut((OFF, 2)), said(), False),
        (cut((OFF, 2)), said((ON, 6), identity=identity(OTHER_UUID)), False),
        (cut((OFF, 2)), said((ON, 4.75), identity=identity(OTHER_UUID)), False),
    ],
)
def test_b9_an_on_since_a_proof_or_the_last_word_beside_the_off_is_seen(
    bmc: DeviceTry, ilo: DeviceTry, *, seen: bool
) -> None:
    assert seen_on(tried(bmc, ilo), at(5), world()) is seen


def test_b1_an_off_counts_from_the_answer_of_the_last_on_beside_it() -> None:
    offs = tuple(reading(OFF, seconds) for seconds in (2.75, 3, 4))
    assert undenied(offs, tried(cut(), said((ON, 2, 1))), world()) == offs[1:]
    assert undenied(offs, tried(cut(), said((OFF, 2, 1))), world()) == offs


# OFF


@pytest.mark.parametrize(
    ("bmc", "off_at", "asked"),
    [
        (cut(), None, None),
        (cut((ON, 2)), None, None),
        (cut((OFF, 2), (OFF, 3)), None, at(2)),
        (cut((OFF, 2), (OFF, 3)), at(1), at(1)),
        (cut((ON, 2), (OFF, 3)), at(1), at(3)),
        (cut((UNKNOWN, 2)), at(1), at(1)),
    ],
)
def test_who_had_read_off_before_a_reboot_did_unless_it_has_said_on_since(
    bmc: DeviceTry, off_at: Instant | None, asked: Instant | None
) -> None:
    assert off_asked(tried(bmc, said(), off_at=off_at), world()) == asked


def test_a_level_is_off_since_its_last_device_is() -> None:
    pair = world(plan=plan(level(BMC, PDU), level(ILO)))
    current = tried(cut((OFF, 4)), said())
    assert off_asked(current.put("pdu", cut((OFF, 3))), pair) == at(4)
    assert off_asked(current.put("pdu", cut((OFF, 6))), pair) == at(6)
    assert off_asked(current, pair) is None


def test_a_level_that_is_not_there_any_more_is_not_off() -> None:
    gone = tried(cut((OFF, 4)), said(), number=7)
    assert off_asked(gone, world()) is None
    assert unheard(gone, at(0), world()) == ""


# how long one is waited for


@pytest.mark.parametrize(
    ("bmc", "ilo", "until_s"),
    [
        (cut(), said(), None),
        (cut((OFF, 2)), said(), 7),
        (cut((OFF, 2, 1)), said(), 8),
        (cut((OFF, 2), cut_s=4), said(), 9),
        (cut((OFF, 2), (OFF, 3)), said((UNKNOWN, 4)), 7),
        (cut((OFF, 2)), said((OFF, 1)), None),
        (cut((OFF, 2)), said((OFF, 0)), None),
        (cut((OFF, 2), cut_s=3), said((OFF, 2.75)), 8),
        (cut((OFF, 2), cut_s=3), said((OFF, 3)), None),
        (cut((ON, 1), (OFF, 2)), said((OFF, 0.75)), 7),
        (cut((ON, 1), (OFF, 2)), said((OFF, 1)), None),
        (cut((OFF, 2)), said((ON, 1.75)), 7),
        (cut((OFF, 2)), said((ON, 2)), None),
        (cut((OFF, 2)), said(identity=identity(OTHER_UUID)), None),
    ],
)
def test_b3_a_witness_has_its_time_from_the_off_and_the_cuts_on_until_it_speaks(
    bmc: DeviceTry, ilo: DeviceTry, until_s: float | None
) -> None:
    current = tried(bmc, ilo)
    if until_s is None:
        assert unheard(current, at(0), world(2)) == ""
        return
    assert unheard(current, at(0), world(until_s - 0.25)) == WAITED
    assert unheard(current, at(0), world(until_s)) == ""


def test_b3_a_slow_one_has_two_of_its_answers() -> None:
    slow = plan(level(BMC), level(SLOW))
    current = tried(cut((OFF, 2)), said())
    assert unheard(current, at(0), world(10.75, plan=slow)) == WAITED
    assert unheard(current, at(0), world(11, plan=slow)) == ""


@pytest.mark.parametrize(
    ("since_s", "asked_s", "anew", "until_s"),
    [
        (0, None, False, 7),
        (4, None, False, 7),
        (4, None, True, 9),
        (1, None, True, 7),
        (4, 3.75, False, 7),
        (4, 3.75, True, 9),
        (4, 4, True, None),
        (4, 4, False, None),
    ],
)
def test_b1_where_the_level_is_read_once_more_a_witness_has_its_time_again(
    since_s: float, asked_s: float | None, until_s: float | None, *, anew: bool
) -> None:
    current = tried(cut((OFF, 2)), said() if asked_s is None else said((OFF, asked_s)))
    for now_s, waits in ((6.75, until_s is not None), (7, until_s == 9), (9, False)):
        found = unheard(current, at(since_s), world(now_s), anew=anew)
        assert found == (WAITED if waits else "")


def test_a12_after_a_pause_a_witness_has_its_time_again() -> None:
    own = Ourselves(awake_at=at(5))
    early, late = (tried(cut((OFF, 2)), said((OFF, s))) for s in (4.75, 5))
    assert unheard(early, at(0), world(9.75, own=own)) == WAITED
    assert unheard(early, at(0), world(10, own=own)) == ""
    assert unheard(late, at(0), world(9.75, own=own)) == ""


def test_c1_a_cut_of_another_boot_or_without_an_answer_gives_nobody_more_time() -> None:
    assert unheard(tried(said((OFF, 2)), said()), at(0), world(6.75)) == WAITED
    other = replace(cut((OFF, 2)), cut_at=at(99, OTHER_BOOT))
    assert unheard(tried(other, said()), at(0), world(6.75)) == WAITED
    assert unheard(tried(other, said()), at(0), world(7)) == ""


# how it is asked


@pytest.mark.parametrize(
    ("ilo", "calm_s", "first"),
    [
        (said(identity=None), None, Identify(1, 1, "ilo")),
        (said(), None, Read(1, 1, "ilo", 0)),
        (said((OFF, 8, 0.25)), None, Wait(at(9.25))),
        (said((OFF, 8)), None, Read(1, 1, "ilo", 1)),
        (said((UNKNOWN, 8.25), identity=None), None, Wait(at(9.25))),
        (said((UNKNOWN, 8), identity=None), None, Identify(1, 1, "ilo")),
        (said((OFF, 8)), 5.0, Wait(at(13))),
        (said((OFF, 4)), 5.0, Read(1, 1, "ilo", 1)),
        (said((UNKNOWN, 8)), 5.0, Read(1, 1, "ilo", 1)),
        (said((UNKNOWN, 8.25)), 5.0, Wait(at(9.25))),
    ],
)
def test_a_witness_is_asked_at_its_pace_and_one_that_was_silent_sooner(
    ilo: DeviceTry, calm_s: float | None, first: Effect
) -> None:
    assert [*ask_witnesses(tried(cut(), ilo), at(0), world(), calm_s)] == [first]


def test_a_witness_that_is_waited_for_is_given_up_at_its_time() -> None:
    current = tried(cut((OFF, 5)), said())
    assert [*ask_witnesses(current, at(0), world())] == [Read(1, 1, "ilo", 0), Wait(at(10))]
    assert [*ask_witnesses(current, at(0), world(10))] == [Read(1, 1, "ilo", 0)]
    assert Wait(at(13)) in ask_witnesses(current, at(8), world(), anew=True)
