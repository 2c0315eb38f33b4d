"""What a look is compared with, and what a sign of life in it does to a host that may be cut."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import Heard
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Release
from doctor_daemon.core.suspicion import alive, decides_at, heard, looked, suspected
from tests.core.make import Fields, at, context, evidence, incident, power_proof, sighting

AGAIN = Release(again=True)
LATELY, LONG_AGO = at(-5), at(-999)
FIRST, LAST, NEXT = (sighting(s, updated_s=1000.0 + s) for s in (0, 5, 9))


def fencing(**changes: Fields) -> Incident:
    """Make an incident whose host was seen to report in between the first look and the last."""
    given = {"phase": Phase.FENCING, "first": FIRST, "sighting": LAST, "service": FIRST.uuid}
    return incident(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({}, Phase.DISMISSED),
        ({"cut_started": LATELY, "release": AGAIN}, Phase.RELEASING),
        ({"cut_started": LATELY}, Phase.FENCING),
    ],
)
def test_before_a_cut_that_life_ends_a_look_is_compared_with_the_first(
    changes: Fields, after: Phase
) -> None:
    same = replace(LAST, asked_at=at(9))
    assert looked(fencing(**changes), same, context(10)).phase is after


def test_before_a_cut_that_is_inherited_it_is_too() -> None:
    same = replace(LAST, asked_at=at(9))
    assert looked(fencing(cut_started=LONG_AGO), same, context(10)).life_at == at(10)
    assert looked(fencing(cut_started=LATELY), same, context(10)).life_at is None


def test_of_a_host_in_use_looks_from_before_it_was_called_down_are_compared_with_nothing() -> None:
    accused = Release(again=True, accused_at=at(7))
    made = looked(fencing(release=accused, cut_started=LATELY), NEXT, context(10))
    assert (made.phase, made.first) == (Phase.FENCING, NEXT)
    reported = sighting(12, updated_s=1012.0)
    assert looked(made, reported, context(13)).phase is Phase.RELEASING


def test_a_first_look_at_a_host_that_is_down_is_compared_with_nothing() -> None:
    made = fencing(phase=Phase.DOWN, proof=power_proof(), sighting=None)
    assert looked(made, NEXT, context(10)).reported_at is None
    assert looked(replace(made, sighting=LAST), NEXT, context(10)).reported_at == at(9)


def test_a_host_in_use_is_watched_on_once_it_shows_life() -> None:
    used = fencing(cut_started=LATELY, release=AGAIN)
    found = alive(used, "prometheus has seen it alive", at(9))
    assert (found.phase, found.release.alive_at) == (Phase.RELEASING, at(9))
    assert found.timeline[-1].text == (
        "prometheus has seen it alive: it is not cut, and watched on"
    )


def test_a_host_in_use_is_watched_on_once_nobody_calls_it_down_any_more() -> None:
    used, two = fencing(cut_started=LATELY, release=AGAIN), Heard(evidence(1, source="zabbix"))
    taken_back = Heard(evidence(3, Verdict.WITHDRAWN))
    assert heard(used, taken_back, context(3)).phase is Phase.RELEASING
    assert heard(heard(used, two, context(1)), taken_back, context(3)).phase is Phase.FENCING


@pytest.mark.parametrize("since", ["contradicted_at", "service_since"])
def test_while_evidence_contradicts_or_a_service_alone_is_down_nothing_is_decided(
    since: str,
) -> None:
    made = incident(**{since: at(5)})
    assert suspected(made, context(10)) is made
    assert suspected(incident(), context(10)).phase is Phase.FENCING


def test_a_contradiction_is_weighed_again_at_its_own_end() -> None:
    assert decides_at(incident(contradicted_at=at(5)), context(10)) == at(125)
