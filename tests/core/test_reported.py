"""A host that is proven off and reports in: it is remembered, and the host not taken for off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.destinations import proven_off
from doctor_daemon.core.incident import Incident, Sighting
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.sightings import Noticed
from doctor_daemon.core.suspicion import reporting
from tests.core.coming_back import Back
from tests.core.make import OTHER_BOOT, at, incident, power_proof, sighting
from tests.core.test_hands import OURS, down
from tests.core.walk import Walk


def shows(walk: Walk, updated_s: float) -> Instant | None:
    """Let the poller show the service; return since when it is known to have reported in."""
    walk.wait(10)
    walk.see(Noticed(sighting(0, **OURS, asked_at=walk.now, updated_s=updated_s)))
    return walk.incident.reported_at


def off(walk: Walk, now: Instant | None = None) -> bool:
    look = sighting(0, **OURS, asked_at=now or walk.now)
    return proven_off(walk.incident, look, now or walk.now, Policy()) is not None


def test_the_first_report_since_the_proof_is_remembered() -> None:
    walk = down()
    assert shows(walk, 1000.0) is None
    assert off(walk)
    reported_at = shows(walk, 1010.0)
    assert reported_at == walk.now
    assert not off(walk)
    assert shows(walk, 1020.0) == reported_at
    assert not off(walk)


def test_one_that_has_fallen_silent_since_is_not_off_by_the_old_proof() -> None:
    walk = down()
    shows(walk, 1010.0)
    walk.wait(10).see(Resumed())
    shows(walk, 1010.0)
    assert not off(walk)


def test_a_report_that_came_while_the_daemon_was_away_is_seen_by_the_next_list() -> None:
    walk = down().wait(10).see(Resumed())
    assert walk.incident.sighting is None
    assert shows(walk, 1010.0) is not None


def test_a_report_on_the_way_back_is_remembered_too() -> None:
    walk = Back().to_releasing().show()
    assert walk.incident.reported_at is None
    walk.elapse(10).report()
    assert walk.incident.reported_at == walk.now


@pytest.mark.parametrize("phase", [Phase.EVACUATING, Phase.DOWN])
def test_of_another_boot_no_proof_says_that_it_is_off(phase: Phase) -> None:
    """Whatever was seen of it since is lost, and cannot be put in order with the proof."""
    made = incident(phase=phase, proof=power_proof(3))
    now = at(21, OTHER_BOOT)
    look = sighting(0, **OURS, asked_at=now)
    assert proven_off(made, look, now, Policy()) is None


def test_a_report_of_another_boot_is_older_than_a_proof_of_this_one() -> None:
    made = incident(phase=Phase.DOWN, proof=power_proof(3), reported_at=at(99, OTHER_BOOT))
    assert proven_off(made, sighting(9, **OURS), at(9), Policy()) == at(3)


def known(reported_at: Instant | None) -> Incident:
    return incident(phase=Phase.DOWN, proof=power_proof(3), reported_at=reported_at)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, at(9)),
        (at(2.75), at(9)),
        (at(3), at(3)),
        (at(4), at(4)),
        (at(99, OTHER_BOOT), at(9)),
    ],
)
def test_what_was_reported_before_the_proof_is_replaced(
    before: Instant | None, after: Instant
) -> None:
    earlier, later = sighting(3), replace(sighting(9), updated_s=1010.0)
    assert reporting(known(before), earlier, later).reported_at == after


@pytest.mark.parametrize("later", [sighting(9), sighting(9, reason="x", updated_s=1010.0)])
def test_neither_silence_nor_a_write_is_a_report(later: Sighting) -> None:
    assert reporting(known(None), sighting(3), later).reported_at is None


def test_without_a_proof_nothing_is_remembered() -> None:
    bare = replace(known(None), proof=None)
    assert reporting(bare, sighting(3), sighting(9, updated_s=1010.0)) is bare
