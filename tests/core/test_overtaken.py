"""Orders that a step of the incident overtakes: none of them is forgotten without a word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.incident import Held, NoticeKind
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Closing
from doctor_daemon.core.retirement import Course, Retirement
from tests.core.make import Fields, at, incident

CLOSE = Closing("ann", "by hand", at(1))
RETIRE = Retirement("ann", "scrapped", at(1), at(1))
UNSURE = (
    "whether it is decommissioned, as ann has ordered, is not known: it has come to be releasing; "
    "look with `openstack compute service list`"
)


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        ({}, []),
        ({"closing": CLOSE}, ["not ended for ann: it has come to be releasing; order it again"]),
        (
            {"retirement": RETIRE},
            ["not decommissioned for ann: it has come to be releasing; order it again"],
        ),
        ({"retirement": replace(RETIRE, sent=1)}, [UNSURE]),
        ({"retirement": RETIRE.ended()}, []),
    ],
)
def test_an_order_that_a_step_overtakes_is_answered(orders: Fields, said: list[str]) -> None:
    before = incident(phase=Phase.DOWN, **orders)
    after = before.move(Phase.RELEASING, at(9), "it returns", NoticeKind.ALARM)
    told = [(entry.text, entry.tell) for entry in after.timeline[len(before.timeline) :]]
    assert told == [("it returns", NoticeKind.ALARM), *((text, None) for text in said)]
    assert after.closing is None
    assert after.retirement is None or after.retirement.step is Course.OVER


def test_an_order_that_a_hold_overtakes_is_answered_too() -> None:
    before = incident(phase=Phase.FORCING_DOWN, closing=CLOSE)
    held = before.hold(at(9), Held("look", "nobody knows", "go and look"))
    assert held.timeline[-1].text == "not ended for ann: it has come to be held; order it again"
    anew = replace(held, closing=CLOSE).move(Phase.FORCING_DOWN, at(10), "off")
    assert "it has come to be forcing down" in anew.timeline[-1].text


def test_what_ends_with_the_incident_is_told_by_its_end() -> None:
    before = incident(phase=Phase.DOWN, closing=CLOSE, retirement=RETIRE)
    ended = before.move(Phase.RESOLVED, at(9), "it is over")
    assert ended.timeline[-1].text == "it is over"
