"""What Nova has told of a host that is to be taken out, and where a restart takes that up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.host import ServerId
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.retirement import NAMED_MAX, Course, Left, Retirement
from doctor_daemon.core.survey import Surveyed, taken_up, underway
from doctor_daemon.core.tries import Outcome
from tests.core.leaving import transit
from tests.core.make import at, incident, sighting

LEFT = Left(at(5), listed=True, forced_down=True)
WISH = Retirement("ann", "scrapped", at(0), at(1), number=4, left=LEFT)
UNSAID = "not decommissioned: the daemon was restarted, and nothing was sent; order it again"


def ordered(wish: Retirement | None) -> Incident:
    return incident(phase=Phase.DOWN, retirement=wish)


@pytest.mark.parametrize(
    ("told", "listed", "forced_down"),
    [
        (Surveyed(1, at(5), None), False, False),
        (Surveyed(1, at(5), sighting(5)), True, False),
        (Surveyed(1, at(5), sighting(5, forced_down=True)), True, True),
    ],
)
def test_without_a_service_there_is_no_flag(
    told: Surveyed, *, listed: bool, forced_down: bool
) -> None:
    assert told.left == Left(at(5), listed=listed, forced_down=forced_down)


def test_only_migrations_that_are_not_over_are_left_and_no_more_are_named_than_are_kept() -> None:
    ids = tuple(ServerId(f"id-{n}") for n in range(NAMED_MAX + 3))
    moving = [transit("running", id_=n) for n in range(NAMED_MAX + 3)]
    found = Surveyed(1, at(5), sighting(5), ids, (transit("completed"), *moving)).left
    assert found.servers == ids[:NAMED_MAX]
    assert found.transits == tuple(map(str, moving[:NAMED_MAX]))


def test_an_order_is_followed_until_it_is_over() -> None:
    assert underway(ordered(None)) is None
    assert underway(ordered(WISH)) == WISH
    assert underway(ordered(WISH.ended())) is None


def test_a_restart_takes_up_no_order_that_is_over_or_was_never_given() -> None:
    for wish in (None, WISH.ended()):
        made = ordered(wish)
        assert taken_up(made, at(9)) is made


def test_a_restart_ends_an_order_of_which_nothing_was_sent() -> None:
    after = taken_up(ordered(WISH), at(9))
    assert after.timeline[-1].text == UNSAID
    assert after.retirement == WISH.ended()


@pytest.mark.parametrize("put", [None, Outcome.ACCEPTED])
def test_after_a_restart_it_is_not_known_what_came_of_a_request_that_was_under_way(
    put: Outcome | None,
) -> None:
    after = taken_up(ordered(replace(WISH, step=Course.DELETING, put=put)), at(9)).retirement
    counting = replace(WISH.at(Course.COUNTING, at(9)), put=Outcome.UNKNOWN, left=None)
    assert after == counting


@pytest.mark.parametrize("put", [Outcome.ACCEPTED, Outcome.UNKNOWN])
def test_what_was_answered_before_a_restart_is_known_after_it(put: Outcome) -> None:
    after = taken_up(ordered(replace(WISH, step=Course.COUNTING, put=put)), at(9)).retirement
    assert after == replace(WISH.at(Course.COUNTING, at(9)), put=put, left=None)
