"""What a pause of the daemon does to an incident in each place where it may find it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.incident import Incident, Waiting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.ourselves import Paused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Release
from doctor_daemon.core.tries import DeviceTry, Outcome, Try
from doctor_daemon.core.waking import woken
from tests.core.make import (
    BMC,
    PDU,
    Fields,
    at,
    context,
    incident,
    level,
    plan,
    power_proof,
    sighting,
)

TWO = plan(level(BMC, PDU))
CUT, LINED = DeviceTry(cut=Outcome.ACCEPTED, cut_at=at(3)), DeviceTry(lined=True)
LATELY, LONG_AGO = at(2), at(-999)
PREPARING = Try(1, 1, 1, "digest-1", at(0))


def after(made: Incident, pause_s: float = 5, **changes: Fields) -> Incident:
    return woken(made, Paused(pause_s), context(20, **changes))


def begun(**changes: Fields) -> Incident:
    """Make an incident that is being fenced, and was looked at."""
    given = {"phase": Phase.FENCING, "tries": 1, "fencing": PREPARING, "look_at": at(30)}
    return incident(sighting=sighting(1), **{**given, **changes})


def cutting(**devices: DeviceTry) -> Incident:
    """Make the like, whose gates were passed a while ago."""
    current = replace(PREPARING, go_at=LATELY, devices=devices)
    return begun(fencing=current, cut_started=LATELY, decided_at=LATELY)


def number(made: Incident) -> int:
    assert made.fencing is not None
    return made.fencing.number


@pytest.mark.parametrize("phase", [Phase.DOWN, Phase.RELEASING, Phase.HELD, Phase.RESOLVED])
def test_where_nothing_rests_on_what_was_seen_last_nothing_changes(phase: Phase) -> None:
    made = begun(phase=phase)
    assert after(made) is made


def test_a_suspicion_is_looked_at_anew_and_has_its_whole_grace_again() -> None:
    made = incident(sighting=sighting(1), look_at=at(30))
    found = after(made)
    assert (found.sighting, found.look_at, found.grace_from) == (None, None, at(20))
    assert (found.retry_at, found.progress_at) == (None, made.progress_at)
    assert found.timeline[-1].text == "the daemon stood still for 5 s: looking at the host anew"


@pytest.mark.parametrize("phase", [Phase.FORCING_DOWN, Phase.EVACUATING])
def test_of_a_host_that_is_proven_off_a_report_since_is_still_to_be_seen(phase: Phase) -> None:
    made = begun(phase=phase, proof=power_proof(), fencing=replace(PREPARING, go_at=LATELY))
    found = after(made)
    assert (found.sighting, found.grace_from) == (made.sighting, made.grace_from)
    assert (number(found), found.progress_at, found.retry_at) == (1, made.progress_at, None)


def test_a_try_that_a_humans_word_has_overtaken_is_left_as_it_is() -> None:
    made = begun(phase=Phase.FORCING_DOWN, proof=power_proof())
    found = after(made)
    assert (found.fencing, found.progress_at) == (made.fencing, made.progress_at)


@pytest.mark.parametrize(
    ("changes", "fresh", "retry_at"),
    [
        ({}, True, at(30)),
        ({"cut_started": LATELY}, False, None),
        ({"cut_started": LATELY, "release": Release(again=True)}, True, at(30)),
        ({"cut_started": LONG_AGO}, True, at(30)),
        ({"ordered_at": at(-999)}, True, at(30)),
        ({"ordered_at": at(1)}, True, None),
        ({"cut_started": LONG_AGO, "ordered_at": at(1)}, False, None),
    ],
)
def test_a_try_that_prepares_is_made_anew_after_a_whole_grace_where_it_has_one(
    changes: Fields, retry_at: Instant | None, *, fresh: bool
) -> None:
    found = after(begun(**changes))
    assert (number(found), found.sighting, found.progress_at) == (2, None, at(5))
    assert (found.grace_from == at(20), found.retry_at) == (fresh, retry_at)


def test_a_pause_that_began_before_the_last_progress_takes_no_more_than_since_then() -> None:
    assert after(begun(progress_at=at(18))).progress_at == at(20)


@pytest.mark.parametrize(
    ("devices", "kept"),
    [
        ({"bmc": CUT, "pdu": CUT}, True),
        ({"bmc": CUT}, False),
        ({"bmc": CUT, "pdu": DeviceTry(reads=2)}, False),
        ({}, False),
    ],
)
def test_past_the_cuts_the_last_look_tells_of_life_since(
    devices: dict[str, DeviceTry], *, kept: bool
) -> None:
    """Before their answers it does not: a report that comes to be seen may be from before them."""
    made = cutting(**devices)
    found = after(made, plan=TWO)
    assert (found.sighting is not None, number(found)) == (kept, 1)
    assert (found.grace_from, found.retry_at) == (made.grace_from, None)


def test_a_cut_that_waits_for_its_turn_is_taken_back_once() -> None:
    found = after(cutting(bmc=LINED))
    assert (number(found), found.cut_started, found.sighting) == (2, None, None)
    assert (found.grace_from, found.retry_at) == (at(20), at(30))


def test_without_a_try_it_is_looked_at_anew() -> None:
    found = after(begun(fencing=None))
    assert (found.fencing, found.sighting, found.retry_at) == (None, None, None)


def test_where_the_level_is_gone_meanwhile_a_human_is_asked_at_once() -> None:
    found = after(begun(), plan=plan(levels=()))
    assert (found.phase, found.retry_at) == (Phase.HELD, None)


@pytest.mark.parametrize(("pause_s", "since"), [(5, at(8)), (17, at(20)), (30, at(20))])
def test_a_pause_takes_no_time_from_a_wait(pause_s: float, since: Instant) -> None:
    waiting = Waiting("warm-up", "why", "frees", at(3))
    found = after(begun(waiting=waiting), pause_s).waiting
    assert found == replace(waiting, since=since, asking=True)
