"""What each answer of Nova means for one server, limit by limit."""

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Evacuation, Migration, Stage
from doctor_daemon.core.host import Server
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.moves import (
    News,
    admitted,
    failed,
    heard_of,
    news,
)
from tests.core.make import OTHER_BOOT, Fields, at, context
from tests.core.moving import ELSEWHERE, guest, row

WEB = guest("web")
GONE = "it is not on the host any more, and no evacuation of ours took it: deleted, or moved"
NO_TRACE = "the request was not answered, and Nova has no trace of it"
WAITING, CHECKING, UNDER_WAY = Stage.WAITING, Stage.CHECKING, Stage.UNDER_WAY
MOVED, SKIPPED, FAILED = Stage.MOVED, Stage.SKIPPED, Stage.FAILED


def record(stage: Stage = UNDER_WAY, **changes: Fields) -> Evacuation:
    """Make the record of a server of which the first request was begun, at second 0."""
    return replace(Evacuation(WEB, stage, at(0), attempt=1), **changes)


def changed(*rows: Migration, there: tuple[Server, ...] | None = (WEB,)) -> News:
    """What the question for changes brought, with the servers on the host."""
    return news(rows, there)


def inspected(
    *rows: Migration, there: tuple[Server, ...] = (WEB,), asked: Instant | None = None
) -> News:
    """What an inspection brought that was asked for at second 1, if nothing else is said."""
    return news(rows, there, asked or at(1))


# beginning


def test_rows_are_sorted_by_server_oldest_first() -> None:
    told = news([row(3, "web"), row(2, "db"), row(1, "web")], [WEB], at(5))
    assert [one.id for one in told.migrations["id-web"]] == [1, 3]
    assert [one.id for one in told.migrations["id-db"]] == [2]
    assert told.there == {WEB.id: WEB}
    assert told.asked_at == at(5)
    assert news([], None).there is None


@pytest.mark.parametrize(
    ("vm_state", "stage", "why"),
    [
        ("active", WAITING, ""),
        ("stopped", WAITING, ""),
        ("error", SKIPPED, "it is in ERROR, and not by an attempt of this incident"),
        ("paused", SKIPPED, "it is paused; Nova moves active and stopped ones"),
        ("", SKIPPED, "it is in no known state; Nova moves active and stopped ones"),
    ],
)
def test_c16_which_servers_are_to_be_moved(vm_state: str, stage: Stage, why: str) -> None:
    server = guest("web", vm_state)
    made = admitted(server, inspected(), context(3))
    assert (made.server, made.stage, made.since, made.why) == (server, stage, at(3), why)
    assert (made.attempt, made.failures, made.known, made.migration) == (0, 0, (), 0)


def test_c7_evacuations_of_former_times_are_remembered() -> None:
    made = admitted(WEB, inspected(row(2, "web", "done"), row(5, "web", "error")), context())
    assert (made.stage, made.known) == (WAITING, (2, 5))


@pytest.mark.parametrize("vm_state", ["active", "error"])
def test_c7_one_that_somebody_else_has_begun_is_followed_and_not_begun_again(vm_state: str) -> None:
    rows = [row(1, "web", "error"), row(2, "web"), row(3, "web"), row(4, "web", "failed")]
    made = admitted(guest("web", vm_state), inspected(*rows), context(3))
    assert (made.stage, made.migration, made.known) == (UNDER_WAY, 3, (1, 4))
    assert (made.since, made.why) == (at(3), "Nova was evacuating it already")


# waiting


def test_c7_one_that_somebody_begins_while_it_waits_is_followed() -> None:
    waiting = record(WAITING, known=(1,), failures=1)
    rows = [row(1, "web", "failed"), row(2, "web", "error"), row(3, "web")]
    heard = heard_of(waiting, changed(*rows, there=None), context(3))
    assert (heard.stage, heard.migration, heard.known) == (UNDER_WAY, 3, (1, 2))
    assert heard.failures == 1


def test_what_is_known_already_changes_nothing_while_it_waits() -> None:
    waiting = record(WAITING, known=(1,))
    assert heard_of(waiting, changed(row(1, "web", "error")), context(3)) == waiting
    assert heard_of(waiting, changed(there=None), context(3)) == waiting


def test_c7_what_ended_while_it_waits_counts_once_the_list_tells_how() -> None:
    waiting = record(WAITING, known=(1,))
    assert heard_of(waiting, changed(row(2, "web", "done"), there=None), context(3)) == waiting


def test_c7_what_somebody_elses_attempt_came_to_is_not_taken_for_the_next_one() -> None:
    heard = heard_of(record(WAITING, known=(1,)), changed(row(2, "web", "error")), context(3))
    assert (heard.stage, heard.known) == (WAITING, (1, 2))


@pytest.mark.parametrize(
    ("rows", "stage", "to", "why"),
    [
        ([], SKIPPED, "", GONE),
        ([row(1, "web", "failed")], SKIPPED, "", GONE),
        ([row(1, "web", "done", ELSEWHERE)], MOVED, ELSEWHERE, ""),
        ([row(1, "web", "done", ELSEWHERE), row(2, "web", "failed")], MOVED, ELSEWHERE, ""),
    ],
)
def test_c8_a_server_that_left_while_it_waited(
    rows: list[Migration], stage: Stage, to: str, why: str
) -> None:
    heard = heard_of(record(WAITING), changed(*rows, there=()), context(3))
    assert (heard.stage, heard.since, heard.to, heard.why) == (stage, at(3), to, why)
    assert heard.migration == (1 if stage is MOVED else 0)


def test_one_that_left_on_an_evacuation_still_under_way_is_followed() -> None:
    heard = heard_of(record(WAITING), changed(row(1, "web"), there=()), context(3))
    assert heard.stage is UNDER_WAY


# under way


@pytest.mark.parametrize("stage", [CHECKING, UNDER_WAY])
@pytest.mark.parametrize("status", ["done", "completed"])
def test_c7_moved_is_done_and_gone(stage: Stage, status: str) -> None:
    rows = (row(7, "web", status, ELSEWHERE),)
    moved = heard_of(record(stage), changed(*rows, there=()), context(3))
    assert (moved.stage, moved.since, moved.to, moved.migration) == (MOVED, at(3), ELSEWHERE, 7)
    here = heard_of(record(stage), changed(*rows), context(3))
    assert (here.stage, here.to, here.migration) == (UNDER_WAY, ELSEWHERE, 7)
    unlisted = heard_of(record(stage), changed(*rows, there=None), context(3))
    assert unlisted.stage is UNDER_WAY


@pytest.mark.parametrize("stage", [CHECKING, UNDER_WAY])
def test_c7_gone_alone_is_not_moved(stage: Stage) -> None:
    heard = heard_of(record(stage), changed(row(7, "web"), there=()), context(3))
    assert heard.stage is UNDER_WAY


def test_what_is_under_way_is_followed_from_when_it_began() -> None:
    told = changed(row(7, "web", "pre-migrating", ELSEWHERE))
    heard = heard_of(record(), told, context(3))
    assert (heard.stage, heard.since, heard.why) == (UNDER_WAY, at(0), "")
    assert (heard.migration, heard.to) == (7, ELSEWHERE)
    assert heard_of(heard, changed(row(7, "web")), context(4)).to == ELSEWHERE


def test_c7_a_request_whose_answer_was_lost_is_found_under_way() -> None:
    heard = heard_of(record(CHECKING), changed(row(7, "web")), context(3))
    assert (heard.stage, heard.since) == (UNDER_WAY, at(3))
    assert heard.why == "its evacuation had begun"


def test_c7_of_two_the_one_that_is_under_way_counts_and_the_failed_one_is_known_from_now() -> None:
    rows = [row(5, "web"), row(6, "web", "error"), row(7, "web", "done", ELSEWHERE)]
    heard = heard_of(record(), changed(*rows, there=()), context(3))
    assert (heard.stage, heard.migration, heard.known) == (UNDER_WAY, 5, (6,))


def test_c7_of_two_under_way_the_newest_is_followed() -> None:
    heard = heard_of(record(), changed(row(5, "web"), row(6, "web")), context(3))
    assert heard.migration == 6


def test_c8_a_server_that_one_of_two_evacuations_took_has_moved() -> None:
    rows = [row(5, "web", "done", ELSEWHERE), row(6, "web", "failed", "cmp-8")]
    heard = heard_of(record(), changed(*rows, there=()), context(3))
    assert (heard.stage, heard.migration, heard.to) == (MOVED, 5, ELSEWHERE)


@pytest.mark.parametrize("rows", [(), (row(7, "web", "failed"),), (row(7, "web", "done"),)])
def test_what_nova_says_while_the_request_is_out_is_not_asked_for(
    rows: tuple[Migration, ...],
) -> None:
    posting = record(Stage.POSTING)
    assert heard_of(posting, inspected(*rows), context(3)) is posting


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage.ended])
def test_an_outcome_is_final(stage: Stage) -> None:
    ended = record(stage)
    assert heard_of(ended, inspected(row(7, "web"), there=()), context(3)) is ended


# failing


BROKEN = guest("web", "error", fault="No valid host was found.")


def test_c8_what_has_failed_by_an_inspection_begun_since_is_tried_again_later() -> None:
    told = inspected(row(6, "web", "failed"), row(7, "web", "error"), there=(BROKEN,))
    heard = heard_of(record(known=(2,), migration=7, to=ELSEWHERE), told, context(3))
    assert (heard.stage, heard.since, heard.failures) == (WAITING, at(3), 1)
    assert heard.not_before == at(18)  # room does not come free in a second
    assert (heard.server, heard.known, heard.migration, heard.to) == (BROKEN, (2, 6, 7), 0, "")
    assert heard.why == "its evacuation ended as error: No valid host was found."


def test_a_failure_without_a_reason_says_so() -> None:
    heard = heard_of(record(), inspected(row(7, "web", "failed")), context(3))
    assert heard.why == "its evacuation ended as failed: Nova gives no reason"


@pytest.mark.parametrize("there", [(BROKEN,), ()])
@pytest.mark.parametrize(
    "told", [changed, lambda *rows, there: inspected(*rows, there=there, asked=at(-0.25))]
)
def test_c7_a_failure_is_believed_only_by_an_inspection_begun_since(
    told: type[News], there: tuple[Server, ...]
) -> None:
    """What changed may show another's failure, and ours not yet."""
    seen = told(row(7, "web", "error"), there=there)  # type: ignore[arg-type]  # either builder
    heard = heard_of(record(not_before=at(60)), seen, context(3))
    assert (heard.stage, heard.since, heard.not_before) == (CHECKING, at(3), at(60))
    assert heard.why == "its evacuation ended as error: Nova is asked for all of them"
    assert (heard.failures, heard.known) == (0, ())
    checking = record(CHECKING)
    assert heard_of(checking, seen, context(3)) is checking


@pytest.mark.parametrize("stage", [CHECKING, UNDER_WAY])
def test_an_inspection_of_the_same_moment_was_begun_since(stage: Stage) -> None:
    told = inspected(row(7, "web", "failed"), asked=at(0))
    assert heard_of(record(stage), told, context(3)).stage is WAITING


def test_c8_a_server_that_left_while_its_evacuation_failed_is_skipped() -> None:
    heard = heard_of(record(), inspected(row(7, "web", "failed"), there=()), context(3))
    assert (heard.stage, heard.why) == (SKIPPED, GONE)


@pytest.mark.parametrize(
    ("failures", "stage", "pause_s"), [(0, WAITING, 1.0), (1, WAITING, 2.0), (2, FAILED, None)]
)
def test_c8_tries_are_bounded_and_wait_longer_and_longer(
    failures: int, stage: Stage, pause_s: float | None
) -> None:
    heard = failed(record(failures=failures, migration=7, to="x"), "no room", context(3))
    assert (heard.stage, heard.failures, heard.why) == (stage, failures + 1, "no room")
    assert (heard.migration, heard.to) == (0, "")
    if pause_s is not None:
        assert heard.not_before == at(3 + pause_s)


@pytest.mark.parametrize(
    ("settled", "later"),
    [(at(60), at(60)), (at(4), at(4)), (at(3), at(4)), (at(99, OTHER_BOOT), at(4)), (None, at(4))],
)
def test_c7_nothing_is_sent_again_while_a_lost_request_may_still_be_acted_on(
    settled: Instant | None, later: Instant
) -> None:
    assert failed(record(not_before=settled), "no room", context(3)).not_before == later


# without a trace


@pytest.mark.parametrize(
    ("asked_s", "until_s", "stage"),
    [
        (-0.25, None, CHECKING),
        (0, None, WAITING),
        (59.75, 60, CHECKING),
        (60, 60, WAITING),
        (-0.25, -9, CHECKING),
        (0, -9, WAITING),
    ],
)
def test_c7_a_lost_request_without_a_trace_has_failed_once_it_cannot_come_any_more(
    asked_s: float, until_s: float | None, stage: Stage
) -> None:
    until = None if until_s is None else at(until_s)
    told = inspected(row(1, "web", "error"), asked=at(asked_s))
    heard = heard_of(record(CHECKING, not_before=until, known=(1,)), told, context(70))
    assert heard.stage is stage
    if stage is WAITING:
        assert (heard.failures, heard.why, heard.not_before) == (1, NO_TRACE, at(71))
