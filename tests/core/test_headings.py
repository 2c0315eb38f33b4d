"""Where an evacuation is going, and of whom it is believed that he died there: at the limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from doctor_daemon.core.destinations import (
    doubted,
    goes_on,
    has_died,
    heading,
    proven_off,
    revived,
    still_left,
)
from doctor_daemon.core.evacuation import Evacuation, Migration, Stage
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from tests.core.make import HOST, OTHER_BOOT, Fields, at, context, incident, power_proof, sighting
from tests.core.moving import row
from tests.core.test_turns import record

NOW = at(10)


def going(**changes: Fields) -> Evacuation:
    """Make the record of a server that we have sent to cmp-9, which was seen at second 5."""
    sent = record("web", stage=Stage.UNDER_WAY, migration=1, to="cmp-9", sent_at=at(1))
    return replace(sent, **{"to_at": at(5), **changes})


# where it goes


@pytest.mark.parametrize(
    ("seen", "to", "to_at"),
    [
        (row(1, "web", to="cmp-9"), "cmp-9", at(5)),  # as it was
        (row(1, "web", to="cmp-8"), "cmp-8", NOW),
        (row(1, "web"), "cmp-9", at(5)),  # a row that names none takes none back
        (row(2, "web", to="cmp-9"), "cmp-9", NOW),  # another evacuation of it
        (row(2, "web"), "", None),
    ],
)
def test_since_when_an_evacuation_is_seen_to_go_where_it_goes(
    seen: Migration, to: str, to_at: Instant | None
) -> None:
    after = heading(going(), seen, NOW)
    assert (after.migration, after.to, after.to_at) == (seen.id, to, to_at)


@pytest.mark.parametrize(
    ("changes", "off", "died"),
    [
        ({}, {"cmp-9": at(5.25)}, True),
        ({}, {"cmp-9": at(5)}, False),  # off when nothing was going there yet
        ({}, {"cmp-8": at(9)}, False),
        ({}, {"cmp-9": at(9, OTHER_BOOT)}, False),
        ({"to_at": None}, {"cmp-9": at(9)}, False),
        ({"sent_at": None}, {"cmp-9": at(9)}, False),  # somebody else began it
    ],
)
def test_a_destination_has_died_that_was_proven_off_since_our_own_goes_there(
    changes: dict[str, Fields], off: Mapping[str, Instant], *, died: bool
) -> None:
    assert has_died(going(**changes), context(10, off=off)) is died


# those that were given up


def test_of_those_that_were_given_up_each_must_be_off_still() -> None:
    left = going(stage=Stage.WAITING, left=("cmp-8", "cmp-9"))
    both = {"cmp-8": at(6), "cmp-9": at(7)}
    assert revived(left, context(10, off=both)) == ""
    assert revived(left, context(10, off={"cmp-8": at(6)})) == "cmp-9"
    assert revived(going(), context(10)) == ""


def test_who_waits_for_nothing_else_is_named_and_nobody_besides() -> None:
    left = going(stage=Stage.WAITING, left=("cmp-9",))
    moved = replace(left, stage=Stage.MOVED)
    said = "not proven off any more: cmp-9, where servers were going"
    assert doubted([left, left, going(stage=Stage.WAITING)], context(10)) == said
    assert doubted([left], context(10, off={"cmp-9": at(6)})) == ""
    assert doubted([moved, going()], context(10)) == ""


@pytest.mark.parametrize(
    ("seen", "off", "goes"),
    [
        (row(1, "web", to="cmp-9"), {}, True),
        (row(1, "web", to="cmp-9"), {"cmp-9": at(6)}, False),  # it was given up there
        (row(2, "web", to="cmp-9"), {"cmp-9": at(6)}, True),  # this one was not
        (row(1, "web", "failed", "cmp-9"), {}, False),
    ],
)
def test_somebody_may_go_on_with_what_is_not_known_or_whose_destination_lives(
    seen: Migration, off: Mapping[str, Instant], *, goes: bool
) -> None:
    waiting = going(stage=Stage.WAITING, known=(1,), left=("cmp-9",))
    assert goes_on(waiting, [seen], context(10, off=off)) is goes


def test_a_destination_is_forgotten_once_all_that_went_there_has_ended() -> None:
    waiting = going(left=("cmp-8", "cmp-9"))
    rows = [row(1, "web", to="cmp-9"), row(2, "web", "failed", "cmp-8")]
    assert still_left(waiting, rows).left == ("cmp-9",)
    assert still_left(waiting, [*rows, row(3, "web", to="cmp-8")]) is waiting
    assert rows[0].source == HOST.name


# whether a host is off


@pytest.mark.parametrize(
    ("reported", "off"),
    [(at(2.75), True), (at(3), False), (at(9), False), (at(9, OTHER_BOOT), True)],
)
def test_a_report_of_nova_compute_since_the_proof_ends_it(reported: Instant, *, off: bool) -> None:
    made = incident(phase=Phase.DOWN, proof=power_proof(3), reported_at=reported)
    look = sighting(20, state="down", forced_down=True)
    assert proven_off(made, look, at(21), Policy()) == (at(3) if off else None)
