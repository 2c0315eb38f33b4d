"""The storage of a fenced host: each task goes on to its end, or says what a human is to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.sightings import Marking
from doctor_daemon.core.volume_policy import VolumePolicy
from doctor_daemon.core.volume_steps import ended, resumed, told
from doctor_daemon.core.volume_tasks import (
    STORY_MAX,
    TaskStage,
    fenced,
    fenced_again,
    round_of,
    wanted,
)
from doctor_daemon.core.volumes import End, Finding, Target, VolumeAct, VolumeService
from tests.core.make import OTHER_BOOT, at
from tests.core.storage import (
    CLUSTER,
    DONE,
    MARK,
    NAME,
    OURS,
    POLICY,
    ROW,
    STAGES,
    THEIRS,
    fencing,
    incident,
    returned,
    said,
    task,
    up,
    view,
)

# Whose services they are


def test_a_service_is_of_the_host_before_the_at_or_of_the_one_that_is_configured() -> None:
    policy = VolumePolicy(hosts={"rbd:volumes@ceph": "cmp-7"})
    assert policy.host_of(ROW) == "cmp-1"
    assert policy.host_of(replace(ROW, host="rbd:volumes@ceph")) == "cmp-7"


def test_a_failover_is_configured_for_a_service_or_its_cluster() -> None:
    policy = VolumePolicy(acts=True, failovers={NAME: "b", CLUSTER: "c"})
    assert replace(policy, acts=False).failover_of(ROW) == ""
    assert policy.failover_of(ROW) == "b"
    assert policy.failover_of(replace(ROW, host="x@y", cluster=CLUSTER)) == "c"
    assert policy.failover_of(replace(ROW, host="x@y")) == ""


# Disabling


def test_a_task_disables_with_the_incident_s_mark() -> None:
    one = task()
    assert (one.reason, one.over) == (MARK, False)
    wish = wanted(one, view())
    assert wish is not None
    assert (wish.act, wish.target, wish.reason) == (VolumeAct.DISABLE, Target(NAME), MARK)


def test_what_is_disabled_is_to_be_brought_up_elsewhere() -> None:
    one = ended(task(), DONE, view())
    assert (one.stage, one.why) == (STAGES.DOWN, f"bring {NAME} up elsewhere")
    assert "or release cmp-1" in one.frees
    assert one.stage.needs_a_human
    assert "in its cluster" not in one.frees
    assert "in its cluster" in task(row=replace(ROW, cluster=CLUSTER)).down(at(0), "x").frees


@pytest.mark.parametrize("end", [End.REFUSED, End.UNKNOWN, End.NOT_ACHIEVED])
def test_a_disabling_that_fails_is_tried_again_and_then_told(end: End) -> None:
    one = replace(task(), sent=True)
    failed = Finding(end, "Cinder is away")
    one = ended(one, failed, view())
    assert (one.stage, one.failures, said(one)) == (STAGES.DISABLING, 1, "Cinder is away")
    assert one.sent is (end is not End.REFUSED)
    assert wanted(one, view()) is None
    assert wanted(one, view(1)) is not None
    lines = len(one.story)
    one = ended(one, failed, view(1))
    assert (one.failures, len(one.story)) == (2, lines)
    one = ended(one, failed, view(3))
    assert (one.stage, said(one)) == (STAGES.DOWN, "it could NOT be disabled: Cinder is away")


# Coming up again


def test_a_state_of_up_is_not_enough_only_reports_are() -> None:
    one = task(STAGES.DOWN)
    for row in (up(OURS, 0), up(OURS, 0), up(OURS, 1)):
        one = told(one, [row], view())
        assert one.stage is STAGES.DOWN
    assert one.reports == 1
    one = told(one, [replace(up(OURS, 2), frozen=True)], view())
    assert (one.stage, one.reports) == (STAGES.DOWN, 0)  # somebody wrote to it
    assert told(replace(one, seen=None), [up(OURS, 3)], view()).reports == 0


def test_a_service_that_reported_and_is_down_again_is_down() -> None:
    one = returned(task(STAGES.DOWN), replace(OURS, reason="x"), replace(view(), calm=False))
    assert (one.stage, one.reports) == (STAGES.DOWN, 2)
    assert told(one, [replace(OURS, reason="x", updated_at="t2")], view()).stage is STAGES.DOWN


def test_what_is_up_elsewhere_is_enabled_if_it_was_disabled_by_us() -> None:
    one = returned(task(STAGES.DOWN), OURS, view())
    assert (one.stage, said(one)) == (
        STAGES.ENABLING,
        f"{NAME} is up again, and cmp-1 is off as far as is known: taking our disabling back",
    )
    wish = wanted(one, view())
    assert wish is not None
    assert (wish.act, wish.target) == (VolumeAct.ENABLE, Target(NAME))
    assert ended(one, DONE, view()).over


def test_what_is_up_on_its_host_again_is_told_as_that() -> None:
    one = returned(task(STAGES.DOWN), OURS, view(off=False))
    assert said(one) == f"{NAME} is up again: taking our disabling back"


@pytest.mark.parametrize("row", [ROW, THEIRS])
def test_what_others_have_done_stays_theirs(row: VolumeService) -> None:
    one = returned(task(STAGES.DOWN), row, view())
    assert (one.stage, said(one)) == (
        STAGES.DONE,
        f"{NAME} is up again, and cmp-1 is off as far as is known",
    )


def test_by_policy_it_is_left_disabled() -> None:
    one = returned(task(STAGES.DOWN), OURS, view(policy=replace(POLICY, enable=False)))
    assert (one.over, said(one).endswith("it is left disabled, as configured")) == (True, True)


def test_while_its_host_is_being_fenced_nothing_is_given_back() -> None:
    one = returned(task(STAGES.DOWN), OURS, replace(view(), calm=False))
    assert one.stage is STAGES.DOWN


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (replace(ROW, state="down"), f"somebody has enabled {NAME}: left as it is"),
        (THEIRS, f"somebody has disabled {NAME} for another reason: rack move: left as it is"),
        (replace(THEIRS, reason=""), f"somebody has disabled {NAME} for another reason: none: lef"),
    ],
)
def test_our_disabling_taken_away_is_noticed_once(row: VolumeService, words: str) -> None:
    one = told(task(STAGES.DOWN), [OURS], view())
    assert one.ours
    one = told(told(one, [row], view()), [row], view())
    assert said(one).startswith(words)
    assert [line.text for line in one.story].count(said(one)) == 1


def test_a_service_that_two_lists_are_without_ends_its_task() -> None:
    others = [replace(ROW, host="other@ceph")]
    one = told(task(STAGES.DOWN), others, view())
    assert not one.over
    assert not told(told(one, [OURS], view()), others, view()).over
    one = told(one, others, view())
    assert (one.over, said(one)) == (
        True,
        f"Cinder lists no {NAME} any more: somebody has removed it",
    )


# Clusters


def test_a_cluster_that_goes_on_needs_nobody_until_it_does_not() -> None:
    row, other = (replace(OURS, host=name, cluster=CLUSTER) for name in (NAME, "cmp-2@ceph"))
    well = replace(other, status="enabled", state="up", reason="")
    one = task(STAGES.DOWN, row=row)
    for bad in (other, replace(well, state="down"), replace(well, cluster="other")):
        assert told(one, [row, bad], view()).stage is STAGES.DOWN
    assert told(one, [row, replace(well, status="disabled")], view()).stage is STAGES.DOWN
    one = told(one, [row, well], view())
    assert (one.stage, said(one)) == (STAGES.RESTING, "cluster ceph goes on with cmp-2@ceph")
    assert not one.stage.needs_a_human
    assert told(one, [row, well], view()).stage is STAGES.RESTING
    one = told(one, [row, other], view())
    assert (one.stage, said(one)) == (
        STAGES.DOWN,
        "no other service of cluster ceph is up any more",
    )


# Again, and after a restart


def test_a_host_that_is_fenced_again_begins_anew_and_keeps_what_is_ours() -> None:
    again = fencing("two", tries=1)
    one = replace(task(STAGES.ENABLING), ours=True)
    kept = fenced_again(one, again, ROW, view())
    assert (kept.stage, kept.reason, kept.incident, kept.round) == (
        STAGES.WATCHING,
        MARK,
        "two",
        1,
    )
    assert len(kept.story) == 2
    fresh = fenced_again(task(STAGES.DOWN), again, ROW, view())
    assert fresh.reason == MARK.replace("one", "two")


def test_a_restart_on_another_boot_times_anew() -> None:
    one = replace(task(), retry_at=at(9))
    assert resumed(one, view()) == one
    other = replace(view(), now=at(0, OTHER_BOOT))
    assert (resumed(one, other).since, resumed(one, other).retry_at) == (other.now, other.now)
    assert resumed(task(), other).retry_at is None


def test_a_story_keeps_its_last_lines() -> None:
    one = task()
    for number in range(STORY_MAX + 5):
        one = one.note(at(0), str(number))
    assert (len(one.story), said(one)) == (STORY_MAX, str(STORY_MAX + 4))


@pytest.mark.parametrize(
    ("stage", "sent", "froze"),
    [
        (STAGES.THAWING, False, True),
        (STAGES.FREEZING, True, True),
        (STAGES.FREEZING, False, False),
        (STAGES.HELD, True, False),
    ],
)
def test_a_freeze_of_ours_is_ended_though_its_host_was_fenced_meanwhile(
    stage: TaskStage,
    sent: bool,  # noqa: FBT001 - a column of the table
    froze: bool,  # noqa: FBT001 - a column of the table
) -> None:
    one = fenced_again(replace(task(stage), sent=sent), fencing("two"), ROW, view())
    one = fenced_again(one, fencing("three"), ROW, view())
    assert one.froze is froze
    frozen = replace(OURS, reason="frozen", frozen=True)
    one = returned(replace(one, stage=STAGES.DOWN), frozen, view())
    assert one.stage is (STAGES.THAWING if froze else STAGES.DONE)


def test_each_fencing_has_a_number_of_its_own_be_it_by_a_cut_or_by_a_word() -> None:
    cut = incident(tries=1)
    told = replace(cut, marking=Marking(number=1))
    again, word = replace(told, tries=2), replace(told, marking=told.marking.anew())
    assert [round_of(one) for one in (cut, told, again, word)] == [1, 2, 3, 3]
    assert fenced(word).round == round_of(word)
