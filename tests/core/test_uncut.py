"""Whether certainly no cut has been sent: what a sign of life may still call off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.incident import Incident, Marking
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.recall import uncut, unsent
from doctor_daemon.core.tries import DeviceTry, Outcome, Try
from tests.core.make import (
    BMC,
    PDU,
    Fields,
    at,
    context,
    human_proof,
    incident,
    level,
    plan,
)

LINED, SHUT = DeviceTry(lined=True), DeviceTry(shut="armed", failure="disarmed")
SENT = DeviceTry(cut=Outcome.UNKNOWN)


def passed(go_s: float | None = 0, **devices: DeviceTry) -> Try:
    """A try whose gates were passed then; without a word of its device its cut is on its way."""
    go_at = None if go_s is None else at(go_s)
    return Try(1, 1, 1, "digest-1", at(-5), go_at=go_at, devices=devices)


def cutting(**changes: Fields) -> Incident:
    """Make an incident whose first cut was decided at second 0, and waits for its turn."""
    made = incident(phase=Phase.FENCING, fencing=passed(bmc=LINED), tries=1, cut_started=at(0))
    return replace(made, **changes)


@pytest.mark.parametrize(("device", "is_unsent"), [(LINED, True), (SHUT, True), (SENT, False)])
def test_what_waits_for_its_turn_or_was_refused_at_a_gate_is_not_sent(
    device: DeviceTry, *, is_unsent: bool
) -> None:
    made = cutting(fencing=passed(bmc=device))
    assert unsent(made, context(1)) is is_unsent
    assert uncut(made, context(1)) is is_unsent


def test_a_cut_without_a_word_of_its_device_may_be_on_its_way() -> None:
    assert not unsent(cutting(fencing=passed()), context(1))
    both = plan(level(BMC, PDU))
    assert not unsent(cutting(fencing=passed(bmc=LINED)), context(1, plan=both))
    assert unsent(cutting(fencing=passed(bmc=LINED, pdu=SHUT)), context(1, plan=both))


@pytest.mark.parametrize(
    "changes",
    [
        {"phase": Phase.HELD},
        {"fencing": None},
        {"fencing": passed(None, bmc=SHUT)},
    ],
    ids=["a human has it", "no try", "its gates were not passed"],
)
def test_nothing_is_called_unsent_where_nothing_was_decided(changes: dict[str, Fields]) -> None:
    assert not unsent(cutting(**changes), context(1))


def test_nobody_knows_what_was_sent_by_a_level_that_is_not_configured_any_more() -> None:
    assert not unsent(cutting(), context(1, plan=plan(levels=())))
    assert not uncut(cutting(), context(1, plan=plan(levels=())))


def test_before_the_gates_are_passed_a_host_is_uncut_if_nothing_was_done_to_it() -> None:
    preparing = cutting(fencing=passed(None), cut_started=None)
    assert uncut(preparing, context(1))
    assert uncut(replace(preparing, fencing=None), context(1))
    assert not uncut(replace(preparing, proof=human_proof()), context(1))
    assert not uncut(replace(preparing, marking=Marking(number=1)), context(1))


@pytest.mark.parametrize(
    "changes",
    [
        {"cut_started": at(-30)},
        {"fencing": None},
        {"proof": human_proof()},
        {"marking": Marking(number=1)},
    ],
    ids=["an earlier try was sent", "a human has vouched", "a proof", "a PUT"],
)
def test_a_cut_that_waits_makes_no_host_uncut_to_which_something_was_done_before(
    changes: dict[str, Fields],
) -> None:
    assert not uncut(cutting(**changes), context(1))
