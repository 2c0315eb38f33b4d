"""Where the storage of a fenced host waits for a human, and in which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.volume_holds import SHUT_S, unheard
from doctor_daemon.core.volume_policy import VolumePolicy
from doctor_daemon.core.volume_steps import ended, told, unfit
from doctor_daemon.core.volume_tasks import (
    TaskStage,
    View,
    VolumeTask,
    fenced_again,
    unlooked,
    wanted,
)
from doctor_daemon.core.volumes import End, Finding, VolumeAct, VolumeService
from tests.core.storage import (
    CLUSTER,
    DONE,
    NAME,
    OURS,
    POLICY,
    ROW,
    STAGES,
    THEIRS,
    fencing,
    returned,
    said,
    task,
    up,
    view,
)

REPLICATED = replace(OURS, replication="enabled")
OVER = replace(POLICY, failovers={NAME: "spare", CLUSTER: "far"})
THERE = replace(OURS, replication="failed-over", backend="spare", reason="failed-over")
SHUT = "the daemon is disarmed by bob: stop"
FROZEN_BY_US = replace(OURS, frozen=True, reason="frozen")


def asked(row: VolumeService = REPLICATED) -> VolumeTask:
    """Return a task of which a human is asked for the failover."""
    return returned(task(STAGES.DOWN, row=row), row, view(policy=OVER))


# Watching


def test_only_a_service_that_has_died_with_its_host_is_disabled() -> None:
    one = told(task(STAGES.WATCHING), [up(ROW, 0)], view())
    assert (one.stage, wanted(one, view())) == (STAGES.WATCHING, None)
    one = told(one, [replace(ROW, state="down")], view())
    assert (one.stage, "is to be disabled" in said(one)) == (STAGES.DISABLING, True)


def test_a_service_that_never_stopped_runs_elsewhere_and_is_left() -> None:
    one = returned(task(STAGES.WATCHING), replace(ROW, replication="enabled"), view(policy=OVER))
    assert (one.over, "runs elsewhere: it has reported on" in said(one)) == (True, True)


def test_one_report_may_have_been_on_its_way() -> None:
    one = task(STAGES.WATCHING)
    for nth in range(2):
        one = told(one, [up(ROW, nth)], view())
    assert (one.stage, one.reports) == (STAGES.WATCHING, 1)


def test_while_its_host_is_being_fenced_nothing_is_said_of_a_service_that_reports() -> None:
    one = returned(task(STAGES.WATCHING), ROW, replace(view(), calm=False))
    assert one.stage is STAGES.WATCHING


def test_what_we_have_disabled_and_that_never_stopped_is_given_back() -> None:
    assert returned(task(STAGES.WATCHING), OURS, view()).stage is STAGES.ENABLING


def test_a_service_that_is_up_again_before_it_was_disabled_is_left() -> None:
    one = returned(task(), ROW, view())
    assert (one.over, "is up again before it was disabled" in said(one)) == (True, True)


def test_what_was_not_disabled_yet_is_left_once_the_policy_says_so() -> None:
    leave = view(policy=VolumePolicy())
    assert wanted(task(), leave) is None
    one = told(task(), [ROW], leave)
    assert (one.over, said(one)) == (True, "`fenced: leave` is configured: it is left")
    for row, begun in ((OURS, task()), (ROW, replace(task(), sent=True))):
        assert told(begun, [row], leave).stage is STAGES.DOWN


# Failing over


def test_no_failover_is_ever_sent_a_human_is_asked_for_it() -> None:
    one = asked()
    assert (one.stage, one.to, wanted(one, view(policy=OVER))) == (STAGES.HELD, "spare", None)
    assert "that is for a human to order" in one.why
    assert one.frees.startswith(
        "confirm that cmp-1 is off, or that its volumes may be failed over, and order "
        f"`doctor-daemon cinder failover {NAME} --to spare`"
    )
    assert not any(OVER.allows(act) for act in VolumeAct if act is VolumeAct.FAILOVER)
    assert told(one, [up(REPLICATED, 9)], view(policy=OVER)).stage is STAGES.HELD


def test_a_cluster_s_failover_is_asked_for_by_its_name() -> None:
    one = returned(
        task(STAGES.DOWN, row=replace(ROW, cluster=CLUSTER)),
        replace(REPLICATED, cluster=CLUSTER),
        view(policy=replace(OVER, failovers={CLUSTER: "far"})),
    )
    assert f"cinder failover --cluster {CLUSTER} --to far" in one.frees


def test_it_ends_once_it_is_read_to_be_failed_over() -> None:
    moving = replace(THERE, replication="failing-over", backend="")
    one = told(asked(), [moving], view(policy=OVER))
    assert one.stage is STAGES.HELD
    one = told(one, [THERE], view(policy=OVER))
    assert (one.over, said(one)) == (True, f"{NAME} is failed over to spare")


def test_it_ends_once_a_human_has_enabled_it_instead() -> None:
    one = told(asked(), [replace(ROW, replication="enabled")], view(policy=OVER))
    assert one.over
    assert "without failing it over: its replication is enabled" in said(one)


def test_what_was_never_disabled_is_asked_for_all_the_same() -> None:
    row = replace(ROW, replication="enabled")
    one = asked(row)
    assert told(one, [up(row, 9)], view(policy=OVER)).stage is STAGES.HELD


def test_a_failover_that_is_not_configured_any_more_is_not_asked_for() -> None:
    for policy in (POLICY, replace(OVER, acts=False)):
        assert told(asked(), [up(REPLICATED, 2)], view(policy=policy)).stage is STAGES.ENABLING
        assert returned(task(STAGES.DOWN), REPLICATED, view(policy=policy)).to == ""
    other = replace(POLICY, failovers={NAME: "third"})
    assert told(asked(), [up(REPLICATED, 2)], view(policy=other)).to == "third"


def test_on_a_host_that_came_back_there_is_nothing_to_fail_over() -> None:
    one = returned(task(STAGES.DOWN), REPLICATED, view(policy=OVER, off=False))
    assert one.stage is STAGES.ENABLING


def test_what_cannot_be_failed_over_is_told_and_enabled() -> None:
    for replication, words in (("not-capable", "not-capable"), ("", "none")):
        row = replace(OURS, replication=replication)
        one = returned(task(STAGES.DOWN), row, view(policy=OVER))
        assert one.stage is STAGES.ENABLING
        assert f"; not failed over: its replication is {words}" in said(one)


def test_what_is_failed_over_there_already_is_not_again() -> None:
    assert returned(task(STAGES.DOWN), THERE, view(policy=OVER)).over


# Without leave, and without a row


def barred(stage: TaskStage = STAGES.ENABLING) -> VolumeTask:
    return told(task(stage), [up(OURS, 1)], replace(view(SHUT_S), shut=SHUT))


def test_what_waits_for_leave_for_long_is_told_and_goes_on_once_it_has_it() -> None:
    shut = replace(view(SHUT_S - 1), shut=SHUT)
    assert told(task(STAGES.ENABLING), [up(OURS, 1)], shut).stage is STAGES.ENABLING
    one = barred()
    assert (one.stage, one.why) == (STAGES.HELD, f"the enabling of {NAME} waits: {SHUT}")
    assert "it goes on once that is over" in one.frees
    assert told(one, [up(OURS, 2)], replace(view(SHUT_S + 9), shut=SHUT)).stage is STAGES.HELD
    one = told(one, [up(OURS, 3)], view(SHUT_S + 9))
    assert (one.stage, one.barred) == (STAGES.ENABLING, False)


def test_a_stage_that_asks_for_nothing_needs_no_leave() -> None:
    assert barred(STAGES.DOWN).stage is STAGES.DOWN
    lost = replace(barred(), out_of=None)
    assert told(lost, [up(OURS, 2)], view()).stage is STAGES.HELD


def test_what_cinder_tells_nothing_of_for_long_is_told_and_goes_on_where_it_was() -> None:
    one = unheard(task(STAGES.RESTING), "503", view(1))
    assert (one.stage, one.why) == (STAGES.HELD, f"Cinder has not told how {NAME} stands: 503")
    assert unheard(one, "504", view(2)) is one
    assert told(one, [OURS], view(3)).stage is STAGES.RESTING


def test_an_empty_list_is_no_removal_but_a_human_s_to_look_at() -> None:
    scheduler = replace(ROW, binary="cinder-scheduler", host="ctl-1")
    one = task(STAGES.DOWN)
    for _ in range(3):
        one = told(one, [scheduler], view())
    assert (one.stage, "Cinder lists no cinder-volume at all" in one.why) == (STAGES.HELD, True)
    again = told(one, [scheduler, OURS], view())
    asked_for = task(STAGES.DOWN).down(view().now, "it is disabled")
    assert (again.stage, again.why, again.frees) == (STAGES.DOWN, asked_for.why, asked_for.frees)
    assert again.why == f"bring {NAME} up elsewhere"
    others = [replace(ROW, host="other@ceph")]
    assert told(one, others, view()).over


def test_what_is_held_by_a_bug_ends_once_the_service_is_up() -> None:
    one = task().hold(view().now, "internal error", "see to it")
    assert told(one, [up(ROW, 0)], view()).stage is STAGES.HELD
    assert returned(one, ROW, view()).over


# Freezing


def foreign(reason: str = "rack move") -> VolumeService:
    return replace(THEIRS, frozen=True, reason=reason, state="up")


def test_a_foreign_disabling_during_our_freeze_is_not_thawed_away() -> None:
    by_thaw = view(policy=replace(POLICY, by_thaw=True))
    one = replace(task(STAGES.THAWING), froze=True)
    assert "for another reason: rack move, while our freeze" in unfit(one, [foreign()], first=True)
    held = told(one, [foreign()], by_thaw)
    assert (held.stage, held.froze) == (STAGES.HELD, True)
    assert f"`doctor-daemon cinder thaw {NAME}`" in held.frees
    assert told(held, [foreign()], by_thaw).stage is STAGES.HELD
    assert told(held, [THEIRS], by_thaw).over
    begun = replace(task(STAGES.FREEZING), sent=True)
    assert told(begun, [foreign()], by_thaw).stage is STAGES.HELD


def test_a_freeze_of_ours_is_remembered_until_it_is_thawed() -> None:
    one = replace(task(STAGES.FREEZING), sent=True)
    for _ in range(3):
        one = ended(one.sending(), Finding(End.UNKNOWN, "504"), view())
    assert (one.stage, one.froze) == (STAGES.HELD, True)
    one = fenced_again(one, fencing("two"), FROZEN_BY_US, view())
    one = returned(ended(replace(one, stage=STAGES.DISABLING), DONE, view()), FROZEN_BY_US, view())
    assert (one.stage, said(one).endswith("ending our freeze")) == (STAGES.THAWING, True)
    assert not ended(one, DONE, view()).froze


def test_a_try_that_sent_nothing_does_not_take_back_the_one_before() -> None:
    one = ended(task(STAGES.FREEZING).sending(), Finding(End.UNKNOWN, "504"), view())
    one = ended(one.sending(), Finding(End.REFUSED, "nothing was sent: 503"), view())
    assert (one.sent, unfit(one, [FROZEN_BY_US], first=not one.sent)) == (True, "")
    one = ended(task(STAGES.FREEZING).sending(), Finding(End.REFUSED, "403"), view())
    assert (one.sent, one.may_be_frozen) == (False, False)
    again = replace(one, froze=True)  # it was held in between
    assert unfit(again, [FROZEN_BY_US], first=True) == ""


@pytest.mark.parametrize(
    ("stage", "row", "policy", "after"),
    [
        (STAGES.ENABLING, OURS, replace(POLICY, enable=False), STAGES.DONE),
        (STAGES.FREEZING, OURS, POLICY, STAGES.ENABLING),
        (STAGES.FREEZING, OURS, replace(POLICY, enable=False), STAGES.DONE),
        (STAGES.FREEZING, FROZEN_BY_US, POLICY, STAGES.THAWING),
        (STAGES.THAWING, FROZEN_BY_US, replace(POLICY, enable=False), STAGES.THAWING),
    ],
)
def test_the_policy_is_asked_when_it_is_decided(
    stage: TaskStage, row: VolumeService, policy: VolumePolicy, after: TaskStage
) -> None:
    one = replace(task(stage), sent=row.frozen)
    assert told(one, [row], view(policy=policy)).stage is after


# Looking up


def test_what_could_not_be_looked_up_is_a_task_that_a_human_sees() -> None:
    seen: View = view()
    one = unlooked(7, fencing(), seen.now)
    assert (one.number, one.stage, one.service) == (7, STAGES.LOOKING, "")
    assert one.stage.needs_a_human
    assert one.why == "see whether a cinder-volume ran on cmp-1: Cinder could not be asked"
    assert (one.fencing, wanted(one, seen)) == (fencing(), None)
