"""The end of one evacuation: what each answer of Nova leads to."""

import pytest

from doctor_daemon.core.evacuation import Migration, Stage
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Evacuate, EvacuateEnded
from doctor_daemon.core.moves import (
    answered,
    doubtful,
    heard_of,
    list_needed,
    overdue,
)
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.tries import Outcome
from tests.core.make import at, context
from tests.core.moving import ELSEWHERE, guest, row
from tests.core.test_moves import changed, inspected, record

WEB = guest("web")
GONE = "it is not on the host any more, and no evacuation of ours took it: deleted, or moved"
NO_TRACE = "the request was not answered, and Nova has no trace of it"
WAITING, CHECKING, UNDER_WAY = Stage.WAITING, Stage.CHECKING, Stage.UNDER_WAY
MOVED, SKIPPED, FAILED = Stage.MOVED, Stage.SKIPPED, Stage.FAILED


def test_what_nova_said_when_it_refused_is_the_reason() -> None:
    refused = record(CHECKING, why="409: it is locked")
    assert heard_of(refused, inspected(), context(3)).why == "409: it is locked"


def test_c7_only_an_inspection_shows_that_there_is_no_trace() -> None:
    for told in (changed(), changed(there=None), changed(there=())):
        for stage in (CHECKING, UNDER_WAY):
            same = record(stage)
            assert heard_of(same, told, context(70)) is same


def test_one_that_was_accepted_is_waited_for_although_nothing_shows_it() -> None:
    same = record()
    assert heard_of(same, inspected(), context(70)) is same


@pytest.mark.parametrize("stage", [CHECKING, UNDER_WAY])
@pytest.mark.parametrize(("asked_s", "skipped"), [(59.75, False), (60, True)])
def test_c8_one_that_left_without_a_trace_is_skipped_once_nothing_can_come_any_more(
    stage: Stage, asked_s: float, *, skipped: bool
) -> None:
    told = inspected(there=(), asked=at(asked_s))
    heard = heard_of(record(stage, not_before=at(60)), told, context(70))
    assert (heard.stage, heard.why) == ((SKIPPED, GONE) if skipped else (stage, ""))


# the list


@pytest.mark.parametrize(
    ("stage", "rows", "needed"),
    [
        (UNDER_WAY, [row(7, "web", "done")], True),
        (CHECKING, [row(7, "web", "error")], True),
        (UNDER_WAY, [row(7, "web")], False),
        (UNDER_WAY, [row(7, "db", "done")], False),
        (UNDER_WAY, [row(1, "web", "done")], False),  # from before
        (UNDER_WAY, [], False),
        (UNDER_WAY, [row(1, "web", "done"), row(7, "web", "done")], True),
        (WAITING, [row(7, "web", "done")], True),
        (Stage.POSTING, [row(7, "web", "done")], False),
        (MOVED, [row(7, "web", "done")], False),
    ],
)
def test_the_servers_are_asked_for_when_one_of_ours_has_ended(
    stage: Stage, rows: list[Migration], *, needed: bool
) -> None:
    assert list_needed([record(stage, known=(1,))], rows) is needed


# the answer to the request


@pytest.mark.parametrize(
    ("outcome", "stage", "not_before", "why"),
    [
        (Outcome.ACCEPTED, UNDER_WAY, at(1), ""),
        (Outcome.REFUSED, CHECKING, None, "so it said"),
        (Outcome.UNKNOWN, CHECKING, at(65), ""),
        (Outcome.UNSENT, WAITING, at(7), "so it said"),  # the second attempt: two seconds
    ],
)
def test_c7_what_each_answer_leads_to(
    outcome: Outcome, stage: Stage, not_before: Instant | None, why: str
) -> None:
    posting = record(Stage.POSTING, attempt=2, failures=1, not_before=at(1))
    ended = EvacuateEnded(Evacuate(WEB.id, 2), outcome, "so it said", at(5))
    after = answered(posting, ended, Policy())
    assert (after.stage, after.since, after.not_before, after.why) == (
        stage,
        at(5),
        not_before,
        why,
    )
    assert (after.attempt, after.failures) == (2, 1)


def test_a_doubt_lasts_until_nova_cannot_begin_any_more() -> None:
    doubt = doubtful(record(Stage.POSTING, why="x"), at(5), Policy(settle_s=20.0))
    assert (doubt.stage, doubt.since, doubt.not_before, doubt.why) == (CHECKING, at(5), at(25), "")


# no end


@pytest.mark.parametrize(
    ("stage", "to", "why"),
    [
        (CHECKING, "", "whether its evacuation was begun could not be found out in 600 s"),
        (UNDER_WAY, "", "Nova has begun its evacuation on no host in 600 s"),
        (UNDER_WAY, ELSEWHERE, "its evacuation to cmp-9 has not ended in 600 s"),
    ],
)
def test_l2_what_does_not_end_is_unknown_in_time(stage: Stage, to: str, why: str) -> None:
    waiting = record(stage, to=to)
    assert overdue(waiting, context(599.75)) is waiting
    after = overdue(waiting, context(600))
    assert (after.stage, after.since, after.why) == (Stage.UNKNOWN, at(600), why)


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage not in (CHECKING, UNDER_WAY)])
def test_only_what_is_open_at_nova_can_take_too_long(stage: Stage) -> None:
    same = record(stage)
    assert overdue(same, context(9999)) is same
