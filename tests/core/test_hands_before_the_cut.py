"""What the poller shows takes no part of what the looks before a cut are compared for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.fencing import SPAN
from doctor_daemon.core.hands import MADE_ANEW
from doctor_daemon.core.messages import Cut, Look, Looked
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.sightings import Noticed
from tests.core.coming_back import Back
from tests.core.make import sighting
from tests.core.test_hands import HANDS, poll
from tests.core.walk import Walk

HIDING = ("sets", "disables")
"""What anybody may write to the service while it reports in."""


def ready() -> Walk:
    """Prepare a cut, but for the last look."""
    return Walk().look().to_fencing().identify()


@pytest.mark.parametrize("hand", HIDING)
def test_after_a_write_of_anybodys_the_looks_before_a_cut_begin_anew(hand: str) -> None:
    walk = ready().given(reserved=frozenset({"rack move"}))
    poll(walk, **HANDS[hand])
    assert walk.all(Cut) == []
    assert walk.incident.first == walk.incident.sighting
    walk.elapse(SPAN * walk.context.policy.grace_s)
    seen = replace(sighting(0, **HANDS[hand]), asked_at=walk.now)
    walk.see(Looked(walk.one(Look).number, seen))
    assert walk.all(Cut) != []


@pytest.mark.parametrize("hand", HIDING)
def test_a_host_that_reports_in_after_a_write_of_anybodys_is_not_cut(hand: str) -> None:
    walk = ready()
    poll(walk, **HANDS[hand], updated_s=1010.0)
    walk.elapse(SPAN * walk.context.policy.grace_s)
    seen = replace(sighting(0, **HANDS[hand]), asked_at=walk.now, updated_s=1020.0)
    walk.see(Looked(walk.one(Look).number, seen))
    assert walk.phase is Phase.DISMISSED


def test_a_service_that_was_made_anew_is_not_looked_at_in_the_place_of_the_last() -> None:
    walk = ready()
    assert poll(walk, **HANDS["re-creates"]) == [MADE_ANEW]
    assert (walk.phase, walk.gate, walk.all(Cut)) == (Phase.HELD, "service", [])


def test_a_list_from_before_the_last_look_is_not_compared_with_it() -> None:
    walk = ready()
    walk.see(Looked(walk.one(Look).number, replace(sighting(0), asked_at=walk.now)))
    before = walk.incident
    early = replace(sighting(0, **HANDS["disables"]), asked_at=walk.now.plus(-1))
    assert walk.see(Noticed(early)).incident is before


def test_reports_on_the_way_back_are_counted_by_the_looks_alone() -> None:
    walk = Back().to_releasing().show()
    first = walk.incident.first
    poll(walk, status="disabled", reason="rack move")
    assert walk.incident.first == first
