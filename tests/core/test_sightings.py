"""How far forcing down has got: which PUT of ours may be carried out yet, and what is kept."""

from __future__ import annotations

import pytest

from doctor_daemon.core.incident import Marking
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.tries import Outcome
from tests.core.make import at, sighting

BEFORE = sighting(1)
LATE, NOW = at(3), at(9)


def put(outcome: Outcome | None, *, disable: bool | None = True) -> Marking:
    """Make a marking whose PUT has ended so, after an earlier one that may come late."""
    ended = at(5) if outcome else None
    return Marking(2, 1, BEFORE, disable, put=outcome, put_at=ended, late_at=LATE)


@pytest.mark.parametrize(
    ("marking", "left", "left_now"),
    [
        (Marking(), None, None),
        (put(Outcome.ACCEPTED), at(5), at(5)),
        (put(Outcome.UNKNOWN), at(5), at(5)),
        (put(Outcome.REFUSED), LATE, LATE),
        (put(Outcome.FORBIDDEN), LATE, LATE),
        (put(Outcome.UNSENT), LATE, LATE),
        (put(None), LATE, NOW),
        (put(None, disable=False), LATE, NOW),
        (put(None, disable=None), LATE, LATE),
        (put(Outcome.REFUSED, disable=None), LATE, LATE),
    ],
)
def test_a_put_that_was_not_refused_may_be_carried_out_yet(
    marking: Marking, left: Instant | None, left_now: Instant | None
) -> None:
    """One that has not been answered, until now."""
    assert marking.left_at() == left
    assert marking.left_at(NOW) == left_now


def test_forcing_down_begins_again_with_a_new_number_and_what_was_there_first() -> None:
    assert put(Outcome.UNKNOWN).anew() == Marking(number=3, before=BEFORE, late_at=at(5))
    assert put(None).anew() == Marking(number=3, before=BEFORE, late_at=LATE)
    assert Marking(before=BEFORE, disable=True).anew() == Marking()


def test_where_the_flag_is_gone_no_put_of_before_sets_it_any_more() -> None:
    assert put(Outcome.UNKNOWN).undone() == Marking(number=3, before=BEFORE)
