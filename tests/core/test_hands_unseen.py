"""A list of all services that shows nothing of the host: what that says, and what it must not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.hands import CLEARED, DELETED, MADE_ANEW, NOT_TOLD, SEEN_AGAIN
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import Looked
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.sightings import Noticed, Unseen
from tests.core.leaving import Leaving
from tests.core.make import Fields, sighting
from tests.core.moving import Moving
from tests.core.test_hands import CLOSE, DISABLED, HANDS, MOMENTS, OURS, OVER, down
from tests.core.walk import Walk

ALARM = {"evacuating": f"ALARM: {DELETED}", "down": f"ALARM: {DELETED}{CLOSE}"}
"""Where the flag was read back, and goes with the service."""


def shows(walk: Walk, seen: Noticed) -> list[str]:
    """Let the poller see that, a second later; return what is said of it."""
    known = len(walk.incident.timeline)
    if seen.sighting is not None:
        seen = replace(seen, sighting=replace(seen.sighting, asked_at=walk.now.plus(1)))
    walk.wait(1).see(seen)
    return [entry.text for entry in walk.incident.timeline[known:]]


def again(walk: Walk, **changes: Fields) -> list[str]:
    """List the service again, as it was shown before or changed."""
    assert walk.incident.shown is not None
    return shows(walk, Noticed(replace(walk.incident.shown, **changes)))


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_service_that_is_gone_from_a_whole_list_is_told_once(moment: str) -> None:
    walk = MOMENTS[moment]()
    told = walk.told.count(NoticeKind.ALARM)
    assert shows(walk, Noticed(None))[0] == ALARM.get(moment, DELETED)
    assert shows(walk, Noticed(None)) == []
    assert walk.told.count(NoticeKind.ALARM) == told + (moment in ALARM)
    assert again(walk) == [SEEN_AGAIN]
    assert again(walk) == []


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_list_that_may_leave_it_out_never_says_that_it_is_gone(moment: str) -> None:
    walk = MOMENTS[moment]()
    told = walk.told
    assert shows(walk, Noticed(None, Unseen.UNKNOWN)) == [NOT_TOLD]
    assert shows(walk, Noticed(None, Unseen.UNKNOWN)) == []
    assert walk.told == told
    assert walk.incident.rounds.barred is None
    assert shows(walk, Noticed(None))[0] == ALARM.get(moment, DELETED)


@pytest.mark.parametrize("why", list(Unseen))
@pytest.mark.parametrize("hand", HANDS)
def test_a_change_behind_a_missing_row_is_told_when_it_is_there_again(
    hand: str, why: Unseen
) -> None:
    walk = Walk().look()
    shows(walk, Noticed(None, why))
    expected = {"disables": DISABLED, "re-creates": MADE_ANEW}.get(hand)
    said = again(walk, **HANDS[hand])
    assert said[0] == SEEN_AGAIN
    assert expected is None or expected in said


def test_a_flag_that_was_cleared_behind_a_missing_row_is_an_alarm() -> None:
    walk = down()
    shows(walk, Noticed(None, Unseen.UNKNOWN))
    assert again(walk, forced_down=False) == [SEEN_AGAIN, f"ALARM: {CLEARED}{CLOSE}"]


def test_a_reason_that_was_written_over_behind_a_missing_row_is_told() -> None:
    walk = down()
    shows(walk, Noticed(None, Unseen.UNKNOWN))
    assert OVER in again(walk, **HANDS["disables"])


def test_a_look_shows_it_again_as_well() -> None:
    walk = Moving().to_evacuating()
    shows(walk, Noticed(None, Unseen.UNKNOWN))
    walk.elapse(10)
    seen = replace(sighting(0, **OURS), asked_at=walk.now)
    walk.see(Looked(walk.incident.looks, seen))
    assert SEEN_AGAIN in [entry.text for entry in walk.incident.timeline]
    assert walk.incident.unseen is None


def test_a_flag_that_went_with_a_deleted_service_stops_what_is_not_sent() -> None:
    walk = Moving("web", "db").to_posted()
    said = shows(walk, Noticed(None))
    assert said[1].startswith("nothing more is evacuated: Nova does not have")


def test_a_flag_that_a_service_made_anew_does_not_have_is_an_alarm() -> None:
    walk = down()
    said = again(walk, uuid="another", forced_down=False, status="enabled", reason="")
    assert said[:2] == [MADE_ANEW, f"ALARM: {CLEARED}{CLOSE}"]
    assert (walk.phase, walk.gate) == (Phase.HELD, "service")


def test_somebody_elses_flag_that_goes_with_the_service_is_no_alarm() -> None:
    walk = Walk().to_fencing().identify().look(**OURS).cut().prove()
    assert (walk.phase, walk.incident.marking.foreign_flag) == (Phase.DOWN, True)
    assert shows(walk, Noticed(None)) == [DELETED]


def test_what_this_incident_has_had_deleted_nobody_else_has() -> None:
    walk = Leaving().to_delete().delete()
    assert walk.phase is Phase.DOWN
    assert shows(walk, Noticed(None)) == []


def test_before_the_first_look_nothing_is_missed() -> None:
    walk = Walk()
    before = walk.incident
    assert shows(walk, Noticed(None)) == []
    assert walk.incident is before
