"""Giving back what is up again: once, and only what is ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.volume_steps import ended, told, unfit
from doctor_daemon.core.volume_tasks import TaskStage, wanted
from doctor_daemon.core.volumes import End, Finding, Target, VolumeAct, VolumeService
from tests.core.storage import (
    CLUSTER,
    DONE,
    NAME,
    OURS,
    POLICY,
    ROW,
    STAGES,
    THEIRS,
    said,
    task,
    up,
    view,
)

# Giving back

THAWING = replace(POLICY, by_thaw=True)


def test_trap_23_an_enable_that_did_nothing_asks_a_human() -> None:
    one = ended(task(STAGES.ENABLING), Finding(End.NOT_ACHIEVED, "it is disabled", "thaw"), view())
    assert (one.stage, one.frees) == (STAGES.HELD, "thaw")
    bare = ended(task(STAGES.ENABLING), Finding(End.NOT_ACHIEVED, "it is disabled"), view())
    assert bare.frees == "see the log of cinder-volume"
    assert told(one, [up(OURS, 1)], view()).stage is STAGES.HELD
    assert said(told(one, [up(ROW, 1)], view())) == f"{NAME} is enabled"
    theirs = told(one, [up(THEIRS, 1)], view())
    assert (theirs.over, "for another reason: rack move" in said(theirs)) == (True, True)


def test_trap_23_it_is_frozen_and_thawed_where_that_is_allowed() -> None:
    nothing = Finding(End.NOT_ACHIEVED, "it is disabled", "thaw")
    one = ended(task(STAGES.ENABLING), nothing, view(policy=THAWING))
    assert (one.stage, said(one)) == (
        STAGES.FREEZING,
        "it is disabled: freezing and thawing it",
    )
    acts = []
    for _ in range(2):
        wish = wanted(one, view(policy=THAWING))
        assert wish is not None
        acts.append((wish.act, wish.target, wish.enable))
        one = ended(one, DONE, view(policy=THAWING))
    assert acts == [
        (VolumeAct.FREEZE, Target(NAME), False),
        (VolumeAct.THAW, Target(NAME), True),
    ]
    assert one.stage is STAGES.THAWED
    assert wanted(one, view()) is None
    assert said(told(one, [up(ROW, 1)], view())) == f"{NAME} is enabled"


def test_a_service_of_a_cluster_is_not_thawed_with_all_of_it() -> None:
    one = task(STAGES.ENABLING, row=replace(ROW, cluster=CLUSTER))
    nothing = Finding(End.NOT_ACHIEVED, "it is disabled", "thaw")
    assert ended(one, nothing, view(policy=THAWING)).stage is STAGES.HELD


@pytest.mark.parametrize("row", [replace(OURS, frozen=True), OURS, replace(OURS, reason="frozen")])
def test_a_thaw_that_did_not_enable_asks_a_human(row: VolumeService) -> None:
    one = told(task(STAGES.THAWED), [row], view())
    assert (one.stage, one.why) == (
        STAGES.HELD,
        f"{NAME} was thawed, and is still disabled: {row.reason}",
    )


def test_what_somebody_freezes_again_after_a_thaw_asks_a_human_until_it_is_thawed() -> None:
    one = told(task(STAGES.THAWED), [replace(ROW, frozen=True)], view())
    assert (one.stage, one.why) == (
        STAGES.HELD,
        f"{NAME} was thawed, and somebody has frozen it again",
    )
    assert one.frees == f"`doctor-daemon cinder thaw {NAME}` ends that"
    assert said(told(one, [up(ROW, 1)], view())) == f"{NAME} is enabled"


def test_after_a_thaw_a_foreign_disabling_is_left() -> None:
    one = told(task(STAGES.THAWED), [THEIRS], view())
    assert (one.over, "for another reason: rack move" in said(one)) == (True, True)


@pytest.mark.parametrize("stage", [STAGES.ENABLING, STAGES.FREEZING, STAGES.THAWING])
def test_what_somebody_else_has_enabled_meanwhile_is_done(stage: TaskStage) -> None:
    frozen = replace(ROW, frozen=True, status="disabled", reason="frozen")
    assert told(task(stage), [OURS], view(policy=THAWING)).stage is stage
    assert told(task(stage), [frozen], view(policy=THAWING)).stage is stage
    one = told(replace(task(stage), ours=True), [ROW], view())
    assert (one.over, said(one)) == (True, f"{NAME} is enabled")


def test_giving_back_that_goes_on_failing_asks_a_human() -> None:
    for advice, frees in (("thaw it", "thaw it"), ("", "see `doctor-daemon cinder services`")):
        one = task(STAGES.ENABLING)
        for _ in range(3):
            one = ended(one, Finding(End.REFUSED, "it is frozen", advice), view())
        assert (one.stage, one.why, one.frees) == (STAGES.HELD, "it is frozen", frees)


@pytest.mark.parametrize(
    ("stage", "row", "first", "why"),
    [
        (STAGES.DISABLING, THEIRS, True, ""),
        (STAGES.ENABLING, OURS, True, ""),
        (STAGES.ENABLING, THEIRS, True, "for another reason: rack move"),
        (STAGES.FREEZING, OURS, True, ""),
        (STAGES.FREEZING, replace(OURS, frozen=True), True, f"somebody has frozen {NAME}"),
        (STAGES.FREEZING, replace(OURS, frozen=True), False, ""),
        (STAGES.FREEZING, ROW, True, f"somebody has enabled {NAME}"),
        (STAGES.THAWING, replace(OURS, frozen=True, reason="frozen"), True, ""),
        (STAGES.THAWING, replace(THEIRS, frozen=True), True, "while our freeze of it lasts"),
    ],
)
def test_only_what_is_ours_just_before_is_given_back(
    stage: TaskStage,
    row: VolumeService,
    first: bool,  # noqa: FBT001 - a column of the table
    why: str,
) -> None:
    found = unfit(task(stage), [row], first=first)
    assert (why in found, bool(found)) == (True, bool(why))


def test_a_service_that_is_not_listed_just_before_is_left_to_the_order_s_own_refusal() -> None:
    assert unfit(task(STAGES.ENABLING), [], first=True) == ""
