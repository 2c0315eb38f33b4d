"""One server's evacuation at the bounds: what is not looked into yet, and what is of others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.around import UNSURE
from doctor_daemon.core.evacuation import Evacuation, Migration, Stage
from doctor_daemon.core.host import Scope, Selection, Server
from doctor_daemon.core.joining import ROWLESS, UNPLACED, patient
from doctor_daemon.core.moves import INSPECT_EVERY_S, admitted, chosen, heard_of, unclear_to
from doctor_daemon.core.policy import Policy
from tests.core.make import at, context, plan
from tests.core.moving import guest, row
from tests.core.test_moves import CHECKING, UNDER_WAY, WAITING, WEB, changed, inspected, record

BUSY = guest("web", task_state="rebuilding")
ALONE = guest("web", tags={UNSURE: "group"})
SETTLE_S = Policy().settle_s
DONE, OPEN, FAILED = row(1, "web", "done"), row(1, "web"), row(1, "web", "error")


# beginning


def test_a_server_that_is_found_again_goes_on_with_its_numbers() -> None:
    assert admitted(WEB, inspected(), context(3), record(attempt=3)).attempt == 3
    assert admitted(WEB, inspected(), context(3)).attempt == 0


def test_trap_9_one_that_is_being_rebuilt_after_its_row_has_ended_is_on_its_way() -> None:
    made = admitted(BUSY, inspected(row(1, "web", "completed")), context(3))
    assert (made.stage, made.migration) == (UNDER_WAY, 1)


@pytest.mark.parametrize("stage", list(Stage))
def test_only_who_was_not_asked_for_yet_is_left_by_the_operators_choice(stage: Stage) -> None:
    nobody = context(3, plan=plan(selection=Selection(Scope.NONE, shared_storage=True)))
    after = chosen(record(stage), nobody)
    assert after.stage is (Stage.SKIPPED if stage is WAITING else stage)


# a rebuild that has no row


def waits(seen: Server, *rows: Migration, before: Server | None = None) -> tuple[bool, str]:
    """Tell whether a server is let wait at second 0, and why."""
    made = record(WAITING)
    after = patient(made, rows, seen, context(0), before=before)
    assert after is made or after.not_before == at(SETTLE_S)
    return after is not made, after.why


def test_a_rebuild_without_a_row_is_left_alone_until_one_would_show() -> None:
    assert waits(BUSY) == (True, ROWLESS)
    assert waits(BUSY, FAILED) == (True, ROWLESS)
    assert waits(BUSY, OPEN) == (False, "")
    assert waits(BUSY, DONE) == (False, "")
    assert waits(WEB) == (False, "")


def test_one_whose_group_is_not_known_is_let_wait_for_that() -> None:
    assert waits(ALONE) == (True, UNPLACED)
    assert waits(replace(BUSY, tags=ALONE.tags)) == (True, ROWLESS)


def test_each_is_waited_for_once() -> None:
    assert waits(BUSY, before=BUSY) == (False, "")
    assert waits(BUSY, before=WEB) == (True, ROWLESS)
    assert waits(ALONE, before=ALONE) == (False, "")
    assert waits(ALONE, before=WEB) == (True, UNPLACED)
    assert waits(replace(BUSY, tags=ALONE.tags), before=BUSY) == (True, UNPLACED)


def test_a_longer_wait_is_not_cut_short() -> None:
    later = at(SETTLE_S + 5)
    made = record(WAITING, not_before=later)
    assert patient(made, (), BUSY, context(0)).not_before == later
    made = record(WAITING, not_before=at(5))
    assert patient(made, (), BUSY, context(0)).not_before == at(SETTLE_S)


# what changes bring, and what only an inspection does


def test_what_has_changed_alone_does_not_show_that_nothing_goes_to_a_dead_host() -> None:
    waiting = record(WAITING, left=("cmp-7",))
    assert heard_of(waiting, changed(), context(3)).left == ("cmp-7",)
    assert heard_of(waiting, inspected(), context(3)).left == ()


def test_nor_how_a_server_is_that_waits() -> None:
    waiting = record(WAITING)
    assert heard_of(waiting, changed(there=(BUSY,)), context(3)) == waiting
    heard = heard_of(waiting, inspected(there=(BUSY,)), context(3))
    assert (heard.server, heard.not_before) == (BUSY, at(3 + SETTLE_S))


def following(**changes: object) -> Evacuation:
    going = {"migration": 2, "to": "cmp-7", "to_at": at(1), "sent_at": at(0), **changes}
    return record(UNDER_WAY, **going)


def test_of_several_that_are_under_way_one_may_go_on() -> None:
    world = context(9, off={"cmp-7": at(5)})
    dead, other = row(2, "web", to="cmp-7"), row(1, "web", to="cmp-8")
    assert heard_of(following(), changed(dead), world).stage is CHECKING
    assert heard_of(following(), changed(other, dead), world).stage is UNDER_WAY


def test_c7_a_rebuild_that_was_not_there_before_has_its_row_written_now() -> None:
    lost = record(CHECKING, not_before=at(0))
    assert heard_of(lost, inspected(there=(BUSY,)), context(3)) is lost
    known = replace(lost, server=BUSY)
    assert heard_of(known, inspected(there=(BUSY,)), context(3)).failures == 1


# another inspection


@pytest.mark.parametrize(
    ("inspected_s", "now_s", "asks"),
    [
        (0, 1, True),  # it was asked for as early as the record came to this stage
        (0.25, 1, False),
        (1, INSPECT_EVERY_S + 0.75, False),
        (1, INSPECT_EVERY_S + 1, True),
    ],
)
def test_what_is_checked_is_looked_into_soon_and_then_seldom(
    inspected_s: float, now_s: float, *, asks: bool
) -> None:
    assert unclear_to(record(CHECKING), at(inspected_s), context(now_s)) is asks


@pytest.mark.parametrize(
    ("inspected_s", "now_s", "asks"),
    [(55, 59.75, False), (55, 60, True), (59.75, 60, True), (60, 61, False), (61, 62, False)],
)
def test_and_once_when_nothing_can_come_of_a_lost_answer_any_more(
    inspected_s: float, now_s: float, *, asks: bool
) -> None:
    lost = record(CHECKING, not_before=at(60))
    assert unclear_to(lost, at(inspected_s), context(now_s)) is asks
