"""Whose flag it is: ours is what we asked for, and what fits by its answer, its reason and time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.hands import SET
from doctor_daemon.core.incident import Held
from doctor_daemon.core.messages import ForceDown, PutEnded, Refused, Resumed
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from tests.core.coming_back import Back
from tests.core.make import Fields, at
from tests.core.test_hands import DISABLED, HANDS, OURS, poll
from tests.core.walk import Walk

SETTLE_S = Policy().settle_s
SETS = HANDS["sets"]
BARE: dict[str, Fields] = {**OURS, "reason": ""}
UNDER_THEIRS: dict[str, Fields] = {**SETS, "reason": "rack move"}
OLD = "6@cmp-1"
"""The id of a service as a Nova before 2.53 has it."""


def flag(walk: Walk, *, theirs: bool, **changes: Fields) -> None:
    """Show the flag, and see whose it is taken for."""
    assert (SET in poll(walk, **changes)) is theirs
    assert walk.incident.marking.foreign_flag is theirs


def held(walk: Walk, **changes: Fields) -> Walk:
    """Hold it, whatever it is at."""
    hold = walk.incident.hold(walk.now, Held("progress", "stuck", "look"))
    walk.incident = replace(hold, **changes)
    return walk


def unwilling(outcome: Outcome) -> Walk:
    """Have Nova refuse every PUT."""
    walk = Walk(policy=Policy(force_down_tries=2)).to_proof()
    while walk.phase is Phase.FORCING_DOWN:
        for _ in walk.all(ForceDown):
            walk.put(outcome)
        walk.elapse(1)
    assert walk.phase is Phase.HELD
    return walk


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNSENT])
def test_after_puts_that_did_nothing_a_flag_is_theirs(outcome: Outcome) -> None:
    flag(unwilling(outcome), theirs=True, **SETS)


def test_a_put_that_a_gate_has_kept_back_has_not_set_it() -> None:
    walk = Walk().to_proof()
    effect = walk.one(ForceDown)
    walk.given(armed=replace(walk.context.armed, on=False))
    walk.see(Refused(effect, "disarmed", "disarmed"))
    assert walk.phase is Phase.HELD
    flag(walk, theirs=True, **BARE)


def test_a_flag_without_the_status_is_not_of_a_put_that_writes_both() -> None:
    walk = Walk().to_proof()
    assert walk.incident.marking.disable
    flag(walk, theirs=True, **SETS)


def test_before_nova_2_53_the_flag_comes_first() -> None:
    walk = Walk().to_proof()
    old = replace(walk.incident, service=OLD)
    assert old.shown is not None
    walk.incident = replace(old, shown=replace(old.shown, uuid=OLD))
    flag(walk, theirs=False, **SETS)


def test_a_flag_with_a_reason_of_theirs_is_theirs() -> None:
    flag(Walk().to_proof(), theirs=True, **UNDER_THEIRS, status="disabled")


def test_a_flag_with_our_reason_is_ours_however_late_it_comes() -> None:
    flag(held(Walk().to_proof().put(Outcome.UNKNOWN)).wait(800), theirs=False, **OURS)


def test_a_disabling_with_a_reason_of_theirs_is_theirs_while_our_put_is_on_its_way() -> None:
    assert poll(Walk().to_proof(), **HANDS["disables"]) == [DISABLED]
    assert poll(Walk().to_proof(), status="disabled") == []


@pytest.mark.parametrize(("seconds", "theirs"), [(SETTLE_S - 1, False), (SETTLE_S, True)])
def test_a_put_without_an_answer_may_be_carried_out_for_a_while(
    seconds: float, *, theirs: bool
) -> None:
    walk = held(Walk().to_proof().put(Outcome.UNKNOWN)).wait(seconds)
    flag(walk, theirs=theirs, **BARE)


@pytest.mark.parametrize(("seconds", "theirs"), [(SETTLE_S - 1, False), (SETTLE_S, True)])
def test_a_put_that_is_on_its_way_when_it_is_held_may_be_carried_out_for_a_while(
    seconds: float, *, theirs: bool
) -> None:
    flag(held(Walk().to_proof()).wait(seconds), theirs=theirs, **BARE)


def test_a_put_that_ends_once_it_is_held_has_set_the_flag_that_was_missing_before() -> None:
    walk = Walk().to_proof()
    effect = walk.one(ForceDown)
    held(walk).wait(200).see(PutEnded(effect, Outcome.ACCEPTED, "200", walk.now))
    flag(walk, theirs=False, **SETS)


@pytest.mark.parametrize(("seconds", "theirs"), [(SETTLE_S - 2, False), (SETTLE_S, True)])
def test_a_put_that_was_not_there_when_read_back_may_come_late(
    seconds: float, *, theirs: bool
) -> None:
    walk = held(Walk().to_proof().put().look())
    assert walk.incident.marking.late_at is not None
    flag(walk.wait(seconds), theirs=theirs, **BARE)


def test_a_put_that_was_not_answered_before_a_restart_may_come_late() -> None:
    walk = Walk().to_proof().wait(1).see(Resumed())
    assert walk.incident.marking.late_at == walk.now
    flag(walk, theirs=False, **SETS)
    rebooted = Walk().to_proof().reboot()
    assert rebooted.incident.marking.late_at == rebooted.now


def test_a_put_that_was_never_decided_on_has_set_nothing() -> None:
    walk = Walk().to_proof()
    marking = replace(walk.incident.marking, disable=None)
    held(walk, marking=marking)
    flag(walk, theirs=True, **BARE)


def fencing_again() -> Back:
    """Have a host called down again whose flag was lifted."""
    walk = Back().to_watching()
    walk.elapse(10).tell().report()
    walk.hear(source="prometheus")
    walk.elapse(walk.context.policy.grace_s).tell().show()
    while walk.phase is Phase.RELEASING:
        walk.elapse(5).tell().show()
    assert (walk.phase, walk.incident.release.lifted) == (Phase.FENCING, True)
    return walk


def test_i18_a_flag_that_others_set_before_a_host_is_cut_again_is_theirs() -> None:
    walk = fencing_again()
    flag(walk, theirs=True, **SETS)
    assert walk.incident.marking.anew().foreign_flag


def test_i18_a_flag_that_others_set_after_power_came_back_is_theirs() -> None:
    walk = Walk().to_reread().identify().read(Power.ON)
    assert walk.phase is Phase.FENCING
    walk.wait(SETTLE_S)
    flag(walk, theirs=True, **BARE)


def test_of_another_boot_nothing_is_in_time() -> None:
    walk = held(Walk().to_proof().put(Outcome.UNKNOWN))
    walk.given(now=replace(at(1, "boot-2"), boot_s=1.0))
    flag(walk, theirs=True, **BARE)
