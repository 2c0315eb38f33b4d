"""Evacuations of others: a server that Nova is at work on is waited for, whatever its row says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.host import Server, ServerId
from doctor_daemon.core.joining import ROWLESS, TAKEN
from doctor_daemon.core.messages import Evacuate
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.posting import overtaken
from doctor_daemon.core.tries import Outcome
from tests.core.moving import ELSEWHERE, Moving, guest, row

TASKS = ("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning")
WEB = ServerId("id-web")
SETTLE_S = Policy().settle_s


def busy(task: str = TASKS[0], **changes: str) -> Server:
    return guest("web", task_state=task, **changes)


def completed(walk: Moving, server: Server | None = None) -> Moving:
    """Let the source return in the midst of an evacuation that somebody has begun."""
    walk.rows[1] = row(1, "web", "completed", ELSEWHERE)
    walk.there[WEB] = server or busy()
    return walk


def finished(walk: Moving) -> Moving:
    del walk.there[WEB]
    return walk.elapse(2).calm().tell()


@pytest.mark.parametrize("task", TASKS)
def test_trap_9_one_that_is_being_rebuilt_is_joined_though_its_row_is_completed(task: str) -> None:
    walk = completed(Moving(busy(task)).to_evacuating(), busy(task)).inspect()
    assert (walk.stage(), walk.record().migration, walk.posts) == (Stage.UNDER_WAY, 1, [])
    walk.elapse(2).calm().tell()
    assert (walk.stage(), walk.posts) == (Stage.UNDER_WAY, [])
    finished(walk)
    assert (walk.phase, walk.stage(), walk.record().to) == (Phase.DOWN, Stage.MOVED, ELSEWHERE)


def test_trap_9_one_that_is_back_and_idle_is_asked_for_as_ever() -> None:
    """Its old row is of an earlier time."""
    walk = completed(Moving().to_evacuating(), guest("web")).inspect()
    assert walk.posts == [("web", 1)]


def test_trap_9_one_that_waits_for_its_next_attempt_is_joined() -> None:
    walk = Moving().to_inspected().post(Outcome.UNSENT)
    completed(walk).elapse(1)
    walk.refuse(walk.one(Evacuate), "overtaken").elapse(2).calm().inspect()
    assert (walk.stage(), walk.posts) == (Stage.UNDER_WAY, [])


def test_trap_9_one_whose_request_waits_for_its_turn_is_not_asked_for() -> None:
    walk = Moving("web", "db").to_inspected()
    db, web = walk.all(Evacuate)
    walk.answer_post(db, Outcome.REFUSED)
    completed(walk).elapse(2).calm().inspect()
    assert overtaken(walk.incident, web, walk.context) == TAKEN


def test_trap_9_our_own_is_not_over_while_the_server_is_listed() -> None:
    walk = completed(Moving().to_posted())
    walk.elapse(2).calm().follow()
    assert (walk.stage(), walk.posts) == (Stage.UNDER_WAY, [])
    assert finished(walk).stage() is Stage.MOVED


def test_one_that_is_joined_and_never_arrives_is_told_to_a_human() -> None:
    walk = completed(Moving().to_evacuating()).inspect()
    while walk.phase is Phase.EVACUATING:
        walk.guard(10).tell()
    assert (walk.phase, walk.stage()) == (Phase.HELD, Stage.UNKNOWN)


# a rebuild without a row


def test_a_rebuild_that_died_with_its_host_is_moved_once_no_row_can_come_any_more() -> None:
    walk = Moving(busy()).to_inspected()
    assert (walk.posts, walk.stage(), walk.record().why) == ([], Stage.WAITING, ROWLESS)
    walk.guard(SETTLE_S - 1).tell()
    assert walk.posts == []
    walk.guard(1).again()
    assert walk.posts == [("web", 1)]


def test_a_rebuild_whose_row_is_written_a_moment_later_is_joined() -> None:
    walk = Moving(busy()).to_inspected().begins(1).elapse(2).calm().follow()
    assert (walk.stage(), walk.posts) == (Stage.UNDER_WAY, [])


def test_a_rebuild_that_begins_while_a_server_waits_is_waited_for_once() -> None:
    walk = Moving(policy=Policy(backoff_s=10.0)).to_inspected().post(Outcome.UNSENT)
    walk.there[WEB] = busy()
    walk.guard(10).again()
    assert (walk.posts, walk.record().why) == ([], ROWLESS)
    until = walk.record().not_before
    walk.guard(20).tell()
    assert walk.record().not_before == until
    walk.guard(40).again()
    assert walk.posts == [("web", 2)]


def test_a_later_attempt_is_not_brought_forward_by_a_rebuild() -> None:
    walk = Moving(policy=Policy(no_host_wait_s=300.0)).to_posted()
    walk.turns(1, "error", vm_state="error", fault="No valid host was found").elapse(2).calm()
    walk.tell().elapse(2).calm().tell()
    until = walk.record().not_before
    assert until is not None
    walk.incident = replace(
        walk.incident,
        evacuations={WEB: replace(walk.record(), server=guest("web"))},
        rounds=replace(walk.incident.rounds, inspected_at=None),
    )
    walk.there[WEB] = busy()
    walk.elapse(2).calm().inspect()
    assert (walk.record().why, walk.record().not_before) == (ROWLESS, until)


def test_c7_after_a_lost_answer_a_server_that_is_being_rebuilt_is_not_asked_for_again() -> None:
    walk = Moving().to_inspected().post(Outcome.UNKNOWN)
    walk.there[WEB] = busy()
    while walk.phase is Phase.EVACUATING:
        walk.guard(10).tell()
        assert walk.posts == []
    assert (walk.phase, walk.stage()) == (Phase.HELD, Stage.UNKNOWN)


def test_c7_after_a_lost_answer_one_that_was_being_rebuilt_before_is_asked_for_again() -> None:
    walk = Moving(busy()).to_inspected().guard(SETTLE_S).again().post(Outcome.UNKNOWN)
    while not walk.posts:
        walk.guard(10).tell()
    assert walk.posts == [("web", 2)]


def test_a_refusal_for_good_is_forgotten_once_the_outcome_is_unknown() -> None:
    """Whoever has a human look at it and says fence once more gets as many tries as ever."""
    walk = Moving().to_inspected().post(Outcome.FORBIDDEN, "Nova answered 409")
    assert walk.record().final
    walk.there[WEB] = busy()
    while walk.phase is Phase.EVACUATING:
        walk.guard(10).tell()
    assert (walk.stage(), walk.record().final) == (Stage.UNKNOWN, False)
