"""The words of an evacuation: stages, Nova's statuses, and one record."""

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Evacuation, Stage
from tests.core.make import at
from tests.core.moving import guest, row


@pytest.mark.parametrize(
    ("stage", "ended"),
    [
        (Stage.WAITING, False),
        (Stage.POSTING, False),
        (Stage.CHECKING, False),
        (Stage.UNDER_WAY, False),
        (Stage.MOVED, True),
        (Stage.SKIPPED, True),
        (Stage.FAILED, True),
        (Stage.UNKNOWN, True),
    ],
)
def test_which_stages_are_outcomes(stage: Stage, *, ended: bool) -> None:
    assert stage.ended is ended


def test_every_stage_is_known_to_consumers_by_its_own_word() -> None:
    assert [stage.value for stage in Stage if stage.ended] == [
        "moved",
        "skipped",
        "failed",
        "unknown",
    ]


@pytest.mark.parametrize(
    ("status", "succeeded", "failed"),
    [
        ("accepted", False, False),
        ("pre-migrating", False, False),
        ("migrating", False, False),
        ("a word of next year", False, False),
        ("", False, False),
        ("done", True, False),
        ("completed", True, False),
        ("failed", False, True),
        ("error", False, True),
    ],
)
def test_c7_a_status_that_is_not_certainly_an_end_is_under_way(
    status: str, *, succeeded: bool, failed: bool
) -> None:
    one = row(1, "web", status)
    assert (one.succeeded, one.failed) == (succeeded, failed)
    assert one.ended is (succeeded or failed)


def test_a_record_keeps_all_but_its_stage_when_it_moves_on() -> None:
    record = Evacuation(guest("web"), Stage.POSTING, at(1), attempt=2, failures=1, known=(4,))
    moved = record.at(Stage.CHECKING, at(5), "no answer")
    assert moved == replace(record, stage=Stage.CHECKING, since=at(5), why="no answer")
    assert moved.at(Stage.MOVED, at(6)).why == ""
