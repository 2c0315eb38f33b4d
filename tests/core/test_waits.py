"""How an incident waits: told once for each gate, timed from its beginning, and asked again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.gates import Refusal
from doctor_daemon.core.incident import Held, Incident, Waiting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.ourselves import Check, Ourselves, Sign
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.topology import NAMES
from doctor_daemon.core.tries import Try
from doctor_daemon.core.waiting import (
    asks_again,
    ends_waiting,
    overdue,
    pending,
    taken_up,
    wait,
    wait_anew,
    waited,
    waits,
)
from tests.core.make import BOOT, EPOCH_S, OTHER_BOOT, Fields, at, context, incident, plan

SHUT = Refusal("warm-up", "not yet", "it goes on by itself", waits=True)
SAID = "waiting: not yet; it goes on by itself"
BEGUN = Waiting("warm-up", "an hour is left", "it goes on by itself", at(1))
OVER, ASKING = replace(BEGUN, over=True), replace(BEGUN, asking=True)
OF_NAMES = replace(BEGUN, gate=NAMES)
CURRENT = Try(1, 1, 1, "digest-1", at(0))


def fencing(waiting: Waiting | None) -> Incident:
    return incident(phase=Phase.FENCING, tries=1, fencing=CURRENT, waiting=waiting)


@pytest.mark.parametrize(
    ("before", "since_s", "noted"),
    [
        (None, 9, True),
        (BEGUN, 1, False),
        (ASKING, 1, False),
        (OVER, 1, True),
        (replace(BEGUN, gate="mass"), 1, True),
    ],
)
def test_a_gate_is_told_when_it_is_first_waited_for_and_timed_from_the_first_of_all(
    before: Waiting | None, since_s: float, *, noted: bool
) -> None:
    made = fencing(before)
    found = wait(made, SHUT, at(9))
    assert found.waiting == Waiting("warm-up", "not yet", SHUT.frees, at(since_s))
    assert found.progress_at == at(since_s)
    assert [one.text for one in found.timeline[len(made.timeline) :]] == ([SAID] if noted else [])


def test_who_is_held_meanwhile_waits_for_nothing() -> None:
    found = wait_anew(fencing(None), SHUT, CURRENT, context(9, plan=plan(levels=())))
    assert (found.phase, found.waiting) == (Phase.HELD, None)
    assert wait_anew(fencing(None), SHUT, CURRENT, context(9)).waiting is not None


# after a restart


@pytest.mark.parametrize(
    ("now", "since_s"),
    [
        (at(101), 1),
        (at(601), 1),
        (at(602), 2),
        (Instant(BOOT, at(101).boot_s, EPOCH_S + 9999), 1),
    ],
)
def test_on_the_same_boot_only_its_own_clock_tells_how_long_it_has_lasted(
    now: Instant, since_s: float
) -> None:
    found = taken_up(fencing(BEGUN), context(now))
    assert found is not None
    assert now.since(found.since) == now.since(at(since_s))
    assert found.asking


@pytest.mark.parametrize(("wall_s", "age_s"), [(101, 100), (601, 600), (999, 600), (-50, 0)])
def test_on_another_boot_the_wall_clock_tells_it(wall_s: float, age_s: float) -> None:
    now = Instant(OTHER_BOOT, 50, EPOCH_S + wall_s)
    found = taken_up(fencing(BEGUN), context(now))
    assert found is not None
    assert now.since(found.since) == age_s


def test_who_waits_for_nothing_takes_nothing_up() -> None:
    assert taken_up(fencing(None), context(9)) is None


# once a gate opens


def test_who_does_not_wait_any_more_is_left_alone() -> None:
    for one in (None, OVER):
        made = fencing(one)
        assert waited(made, CURRENT, context(9)) is made


def test_a_gate_that_is_open_is_told_and_all_is_asked_anew() -> None:
    found = waited(fencing(BEGUN), CURRENT, context(9))
    assert (found.tries, found.waiting) == (2, OVER)
    assert found.timeline[-1].text == "the gate warm-up is open: it goes on"


def test_names_are_asked_for_again_without_a_word() -> None:
    made = fencing(OF_NAMES)
    found = waited(made, CURRENT, context(9, warm_at=at(60)))
    assert (found.tries, found.waiting) == (2, replace(OF_NAMES, asking=True))
    assert found.timeline == made.timeline


def test_another_gate_that_is_shut_by_then_is_waited_for_and_the_same_one_in_silence() -> None:
    made, still = fencing(BEGUN), context(9, warm_at=at(60))
    assert waited(made, CURRENT, still) is made
    bad = {Sign.REFERENCE: Check(Sign.REFERENCE, good=False, why="nobody answers", asked_at=at(9))}
    away = context(9, own=Ourselves((Sign.REFERENCE,), bad))
    found = waited(made, CURRENT, away)
    assert found.waiting is not None
    assert (found.waiting.gate, found.waiting.since) == ("isolation", at(1))


# where it stands


@pytest.mark.parametrize(
    ("waiting", "stands"),
    [
        (None, ""),
        (BEGUN, "waits pending"),
        (OVER, ""),
        (ASKING, "pending"),
        (OF_NAMES, "waits pending"),
        (replace(OF_NAMES, asking=True), "pending asks_again"),
        (replace(OF_NAMES, over=True), ""),
        (replace(OF_NAMES, over=True, asking=True), ""),
    ],
)
def test_who_waits_does_nothing_else_and_who_tries_it_waits_still(
    waiting: Waiting | None, stands: str
) -> None:
    asked = (waits, pending, asks_again)
    assert " ".join(one.__name__ for one in asked if one(fencing(waiting))) == stands


@pytest.mark.parametrize(
    ("waiting", "changes", "moments"),
    [
        (None, {}, []),
        (OVER, {}, []),
        (BEGUN, {}, [11]),
        (BEGUN, {"now": at(5.75)}, [6]),
        (BEGUN, {"now": at(6)}, [11]),
        (ASKING, {"now": at(10.75)}, [11]),
        (BEGUN, {"warm_at": at(9.25), "repeated_at": at(60)}, [11, 9.25, 60]),
        (BEGUN, {"warm_at": at(9), "repeated_at": at(8)}, [11]),
    ],
)
def test_gates_are_asked_again_every_few_seconds_and_when_they_are_known_to_open(
    waiting: Waiting | None, changes: Fields, moments: list[float]
) -> None:
    world = context(9, **changes)
    assert [*ends_waiting(fencing(waiting), world)] == [at(seconds) for seconds in moments]


def test_what_has_waited_for_too_long_is_held_in_the_words_of_its_gate() -> None:
    why = "it has waited for 900 s: an hour is left"
    assert overdue(fencing(BEGUN), 900) == Held("warm-up", why, "it goes on by itself")
    assert overdue(fencing(ASKING), 900) is not None
    assert overdue(fencing(OVER), 900) is None
    assert overdue(fencing(None), 900) is None
