"""What was said against a host, as a gate of its cut: enough before the first, young always."""

from __future__ import annotations

import pytest

from doctor_daemon.core.corroboration import Corroboration
from doctor_daemon.core.evidence import Evidence, Trust, Verdict, Words, fold
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Release
from tests.core.gated import ready, shut
from tests.core.make import OTHER_BOOT, Fields, at, evidence, plan

YOUNG = "no evidence against cmp-1 is younger than 300 s"
SHORT = (
    "the evidence against cmp-1 is not enough any more: 1 kind of evidence (alertmanager-kind), "
    "and it takes 2, or one that is enough alone"
)
NOBODY = (
    "the evidence against cmp-1 is not enough any more: 0 kinds of evidence, and it takes 2, or "
    "one that is enough alone"
)
AGAIN = Release(again=True)
LATELY, LONG_AGO = at(-5), at(-300.25)


def fencing(**changes: Fields) -> Incident:
    """Make an incident whose host is to be cut, and against which one source has spoken."""
    return ready(**{"phase": Phase.FENCING, "proof": None, **changes})


def words(*said: Evidence) -> Words:
    found: Words = {}
    for one in said:
        found = fold(found, one)
    return found


WEAK = words(evidence(trust=Trust.SECOND))
ANSWERED = words(evidence(-2), evidence(-1, Verdict.UP, "agent"))
"""Enough, had nobody seen it alive since."""


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (fencing(words=WEAK), SHORT),
        (fencing(words=WEAK, cut_started=LATELY), ""),
        (fencing(words=WEAK, cut_started=LATELY, release=AGAIN), SHORT),
        (fencing(words=WEAK, cut_started=LONG_AGO), SHORT),
        (fencing(words=WEAK, cut_started=LONG_AGO, phase=Phase.FORCING_DOWN), ""),
        (fencing(words=WEAK, cut_started=LATELY, ordered_at=at(-300)), ""),
        (fencing(words=WEAK, ordered_at=at(-300)), ""),
        (fencing(words=WEAK, ordered_at=at(-300.25)), SHORT),
        (fencing(words={}, cut_started=LATELY), YOUNG),
        (fencing(), ""),
    ],
)
def test_it_is_to_be_enough_before_a_cut_that_is_decided_anew(made: Incident, why: str) -> None:
    """Before the first one, one of a host in use, and one of a daemon of before."""
    assert shut("evidence", made) == why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"words": ANSWERED}, NOBODY),
        ({"words": ANSWERED, "release": AGAIN}, ""),
        ({"life_at": at(1)}, ""),
        ({"life_at": at(1), "release": AGAIN}, NOBODY),
        ({"release": Release(again=True, alive_at=at(0))}, NOBODY),
        ({"release": Release(again=True, alive_at=at(-0.25))}, ""),
    ],
)
def test_life_answers_what_was_said_before_it(changes: Fields, why: str) -> None:
    """Of a host in use what counts is when it showed life since it was called down."""
    assert shut("evidence", fencing(**changes)) == why


def test_a_source_is_heard_as_the_configuration_has_it() -> None:
    barred = plan(corroboration=Corroboration(barred=frozenset({"alertmanager"})))
    assert shut("evidence", fencing(), plan=barred) == YOUNG
    three = plan(corroboration=Corroboration(kinds=3, alone=frozenset()))
    assert "and it takes 3" in shut("evidence", fencing(), plan=three)


@pytest.mark.parametrize(("left_s", "waits"), [(0.25, True), (0, False), (-1, False)])
def test_a10_sources_are_given_their_time_and_no_more(left_s: float, *, waits: bool) -> None:
    now = at(51, OTHER_BOOT)
    why = shut("repeated", fencing(), now=now, repeated_at=now.plus(left_s))
    assert bool(why) is waits
