"""Which notices in memory are listed, or late; whose hosts came back in incidents in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Release
from doctor_daemon.ports import Wanted
from doctor_daemon.stores.lately import returned
from doctor_daemon.stores.letters import Letters
from tests.stores.values import EPOCH_S, at, host, incident, notice

STATES = ("pending", "delivered", "dead")


def letters() -> Letters:
    """Return notices that are told late, of which one still is to be."""
    made = Letters()
    made.put(replace(notice(n), state=state, late=True) for n, state in enumerate(STATES, 1))
    return made


@pytest.mark.parametrize(
    ("wanted", "limit", "listed"),
    [
        (Wanted(), 9, [3, 2, 1]),
        (Wanted(), 2, [3, 2]),
        (Wanted(), 0, []),
        (Wanted(), -1, []),
        (Wanted(state="delivered"), 9, [2]),
        (Wanted(consumer="another"), 9, []),
    ],
)
def test_what_fits_is_listed_the_newest_first(
    wanted: Wanted, limit: int, listed: list[int]
) -> None:
    found = letters().wanted(wanted, limit)
    assert [(row.sequence, row.body) for row in found] == [(number, "") for number in listed]


def test_what_was_told_late_and_has_been_delivered_is_late_no_more() -> None:
    again, late = letters().replayed([notice(n).id for n in (1, 2, 3)])
    assert [[row.sequence for row in some] for some in (again, late)] == [[3], [1, 3]]


def test_of_incidents_those_are_returns_that_are_over_and_whose_host_came_back() -> None:
    back = replace(incident(), release=Release(returns=1))
    heads = [one.move(Phase.DISMISSED, at(1), "") for one in (back, incident("two", "cmp-2"))]
    assert returned([back, *heads]) == ((host(), EPOCH_S + 1),)
