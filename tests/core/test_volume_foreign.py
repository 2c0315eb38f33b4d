"""What others have done to the storage of a fenced host, and what was ours: neither is mistaken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.volume_holds import SHUT_S, barred, chosen, fouled
from doctor_daemon.core.volume_policy import VolumePolicy
from doctor_daemon.core.volume_steps import ours, told, unfit
from doctor_daemon.core.volume_tasks import TaskStage, VolumeTask
from doctor_daemon.core.volumes import VolumeAct, VolumeService
from tests.core.make import Fields
from tests.core.storage import (
    CLUSTER,
    NAME,
    OURS,
    POLICY,
    ROW,
    STAGES,
    THEIRS,
    returned,
    said,
    task,
    up,
    view,
)

OVER = replace(POLICY, failovers={NAME: "spare"})
FROZEN_BY_US = replace(OURS, frozen=True, reason="frozen")
FOREIGN = replace(THEIRS, frozen=True)
REPLICATED = replace(OURS, replication="enabled")


def froze(stage: TaskStage) -> VolumeTask:
    """Make a task that may have frozen its service."""
    return replace(task(stage), froze=True)


def lines(one: VolumeTask) -> list[str]:
    return [line.text for line in one.story]


# whose disabling


def test_what_is_enabled_is_not_disabled_by_us_whatever_reason_it_shows_still() -> None:
    assert ours(task(), OURS)
    assert not ours(task(), replace(OURS, status="enabled"))
    assert not ours(task(), THEIRS)


@pytest.mark.parametrize(
    ("stage", "was_ours", "row", "noticed"),
    [
        (STAGES.DOWN, True, THEIRS, True),
        (STAGES.HELD, True, THEIRS, True),
        (STAGES.DOWN, False, THEIRS, False),
        (STAGES.DOWN, True, OURS, False),
        (STAGES.DOWN, False, OURS, False),
        (STAGES.ENABLING, True, THEIRS, False),
        (STAGES.THAWED, True, ROW, False),
    ],
)
def test_only_our_own_disabling_can_be_taken_away_and_not_while_we_take_it_back(
    stage: TaskStage,
    was_ours: bool,  # noqa: FBT001 - a column of the table
    row: VolumeService,
    noticed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    one = told(replace(task(stage), ours=was_ours), [row], view())
    assert any("left as it is" in text for text in lines(one)) is noticed


@pytest.mark.parametrize(
    ("one", "row", "words"),
    [
        (froze(STAGES.DOWN), FOREIGN, "for another reason: rack move, while our freeze"),
        (task(STAGES.THAWING), FOREIGN, "for another reason: rack move, while our freeze"),
        (task(STAGES.DOWN), FOREIGN, ""),
        (froze(STAGES.DOWN), THEIRS, ""),
        (froze(STAGES.DOWN), replace(FOREIGN, status="enabled"), ""),
        (froze(STAGES.DOWN), FROZEN_BY_US, ""),
        (froze(STAGES.DOWN), replace(OURS, frozen=True), ""),
    ],
)
def test_a_thaw_of_ours_would_take_away_only_what_was_disabled_beside_our_freeze(
    one: VolumeTask, row: VolumeService, words: str
) -> None:
    assert words in fouled(one, row)
    assert bool(fouled(one, row)) is bool(words)


# a human's choice


@pytest.mark.parametrize(
    ("changes", "had", "ended"),
    [
        ({"replication": "failed-over", "backend": "spare"}, False, "is failed over to spare"),
        ({"replication": "failed-over", "backend": "third"}, False, ""),
        ({"replication": "enabled", "backend": "spare"}, False, ""),
        ({"status": "enabled", "replication": "enabled"}, True, "its replication is enabled"),
        ({"status": "enabled", "replication": ""}, True, "its replication is none"),
        ({"status": "enabled", "frozen": True}, True, ""),
        ({"status": "enabled"}, False, ""),
        ({}, True, ""),
    ],
)
def test_a_failover_is_waited_for_until_it_is_read_or_it_is_enabled_instead(
    changes: Fields,
    had: bool,  # noqa: FBT001 - a column of the table
    ended: str,
) -> None:
    waiting = replace(task(STAGES.HELD), to="spare")
    one = chosen(waiting, replace(OURS, **changes), view(), had=had)
    assert one.over is bool(ended)
    assert said(one).endswith(ended)


@pytest.mark.parametrize(
    ("one", "row", "policy", "after"),
    [
        (task(STAGES.DOWN), REPLICATED, OVER, STAGES.HELD),
        (task(STAGES.DOWN), replace(REPLICATED, backend="spare"), OVER, STAGES.ENABLING),
        (task(STAGES.DOWN), replace(REPLICATED, backend="default"), POLICY, STAGES.ENABLING),
        (froze(STAGES.DOWN), replace(REPLICATED, frozen=True), OVER, STAGES.THAWING),
        (froze(STAGES.DOWN), REPLICATED, OVER, STAGES.HELD),
        (task(STAGES.DOWN), replace(REPLICATED, frozen=True), OVER, STAGES.HELD),
        (froze(STAGES.DOWN), OURS, POLICY, STAGES.ENABLING),
    ],
)
def test_what_is_up_again_is_failed_over_unless_it_is_there_or_frozen_by_us(
    one: VolumeTask, row: VolumeService, policy: VolumePolicy, after: TaskStage
) -> None:
    assert returned(one, row, view(policy=policy)).stage is after


# leave


def test_what_has_leave_is_not_held_however_long_it_takes() -> None:
    one = task(STAGES.ENABLING)
    assert barred(one, view(SHUT_S)) is one
    assert barred(one, replace(view(SHUT_S), shut="disarmed")).stage is STAGES.HELD
    assert barred(one, replace(view(SHUT_S - 0.25), shut="disarmed")) is one
    resting = task(STAGES.RESTING)
    assert barred(resting, replace(view(SHUT_S), shut="disarmed")) is resting


@pytest.mark.parametrize(
    ("policy", "acts"),
    [
        (VolumePolicy(), "enable thaw"),
        (VolumePolicy(acts=True), "disable enable thaw"),
        (VolumePolicy(by_thaw=True), "enable freeze thaw"),
        (VolumePolicy(enable=False, by_thaw=True), "thaw"),
    ],
)
def test_the_policy_allows_each_act_by_itself(policy: VolumePolicy, acts: str) -> None:
    assert " ".join(act for act in VolumeAct if policy.allows(act)) == acts


# watching


def test_where_nothing_is_to_be_done_a_freeze_of_ours_is_not_left_behind() -> None:
    leave = view(policy=VolumePolicy())
    assert told(froze(STAGES.DISABLING), [ROW], leave).stage is STAGES.DOWN
    assert told(task(STAGES.DISABLING), [ROW], leave).over


def test_a_request_to_disable_that_may_have_been_sent_is_not_begun_anew() -> None:
    one = replace(task(STAGES.DISABLING), sent=True, failures=1)
    after = told(one, [replace(ROW, state="down")], view())
    assert (after.sent, after.failures, after.story) == (True, 1, one.story)


# clusters

MINE = replace(OURS, cluster=CLUSTER)
WELL = replace(ROW, host="cmp-2@ceph", cluster=CLUSTER)


@pytest.mark.parametrize(
    ("row", "other", "calm", "after"),
    [
        (MINE, WELL, True, STAGES.RESTING),
        (MINE, WELL, False, STAGES.DOWN),
        (replace(MINE, cluster=""), replace(WELL, cluster=""), True, STAGES.DOWN),
        (replace(ROW, cluster=CLUSTER), replace(WELL, state="down"), True, STAGES.DOWN),
    ],
)
def test_only_another_service_of_its_cluster_goes_on_without_it(
    row: VolumeService,
    other: VolumeService,
    calm: bool,  # noqa: FBT001 - a column of the table
    after: TaskStage,
) -> None:
    one = told(task(STAGES.DOWN, row=row), [row, other], replace(view(), calm=calm))
    assert one.stage is after


def test_a_cluster_that_goes_on_has_done_so_since_the_first_time() -> None:
    one = told(task(STAGES.DOWN, row=MINE), [MINE, WELL], view(3))
    third = replace(WELL, host="cmp-3@ceph")
    assert told(one, [MINE, WELL, third], view(9)).since == one.since


# the end of a freeze


@pytest.mark.parametrize(
    ("one", "row", "after"),
    [
        (task(STAGES.ENABLING), FOREIGN, STAGES.DONE),
        (froze(STAGES.ENABLING), OURS, STAGES.DONE),
        (froze(STAGES.ENABLING), FROZEN_BY_US, STAGES.THAWING),
    ],
)
def test_where_nothing_is_to_be_enabled_only_a_freeze_of_ours_is_ended(
    one: VolumeTask, row: VolumeService, after: TaskStage
) -> None:
    assert told(one, [row], view(policy=replace(POLICY, enable=False))).stage is after


def test_a_freeze_beside_a_foreign_disabling_is_held_once_and_until_that_is_gone() -> None:
    held = told(froze(STAGES.THAWING), [FOREIGN], view())
    again = told(held, [FOREIGN], view(9))
    assert (again.stage, again.out_of, again.since) == (STAGES.HELD, STAGES.THAWING, held.since)
    assert told(again, [THEIRS], view(10)).over


@pytest.mark.parametrize(
    ("row", "after"),
    [
        (FOREIGN, STAGES.HELD),
        (replace(ROW, reason="frozen"), STAGES.DONE),
        (up(ROW, 1), STAGES.DONE),
        (replace(ROW, frozen=True), STAGES.HELD),
    ],
)
def test_after_a_thaw_what_is_frozen_or_disabled_by_it_still_is_for_a_human(
    row: VolumeService, after: TaskStage
) -> None:
    assert told(task(STAGES.THAWED), [row], view()).stage is after


def test_what_others_have_done_to_another_service_says_nothing_of_this_one() -> None:
    other = replace(THEIRS, host="other@ceph")
    assert unfit(task(STAGES.ENABLING), [other, OURS], first=True) == ""
    assert "rack move" in unfit(
        task(STAGES.ENABLING), [replace(other, reason=""), THEIRS], first=True
    )
