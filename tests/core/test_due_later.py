"""A wait is for later and a request is due once, wherever an incident is: no wait has passed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.due import due
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.incident import Rounds
from doctor_daemon.core.messages import Cut, Read, Wait
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Release, Step
from doctor_daemon.core.tries import Try
from tests.core.coming_back import Back
from tests.core.make import BMC, PDU, at, context, incident, level, plan, power_proof
from tests.core.moving import Moving
from tests.core.test_by_hand import ByHand
from tests.core.test_cutting import two
from tests.core.test_own_side_waits import isolated
from tests.core.test_turns import record
from tests.core.walk import Walk

POLICY = Policy()


@pytest.mark.parametrize(
    "walk",
    [
        Moving("web", "db").to_posted(),
        Back().to_watching(),
        Back().to_releasing(),
        ByHand().in_use(),
    ],
    ids=["evacuating", "watching", "releasing", "in use"],
)
def test_a_wait_is_always_for_later_on_every_way(walk: Walk) -> None:
    for _ in range(30):
        assert all(left_s > 0 for left_s in walk.waits)
        walk.elapse(min(walk.waits, default=1))


def test_a_try_that_is_over_time_and_goes_off_waits_for_reads_alone() -> None:
    """It reads OFF at last, and is read on: nothing waits for the end that has passed."""
    walk = Walk().to_reads()
    walk.read(Power.ON).elapse(POLICY.off_timeout_s - 1.25).read(Power.OFF).elapse(1.25)
    assert (walk.phase, walk.attempt.number) == (Phase.FENCING, 1)
    assert min(walk.waits) > 0


def test_a_cut_whose_gate_was_shut_is_not_due_beside_one_that_is_out() -> None:
    walk = two()
    first, second = walk.all(Cut)
    isolated(walk).refuse(first, "isolation", "no reference point answers")
    assert walk.all(Cut) == [second]


def test_who_is_under_way_longest_and_too_long_hides_nobody_behind_it() -> None:
    """Before Nova has told how they stand, none is given up; the next one's time is waited for."""
    old = replace(record("a"), stage=Stage.UNDER_WAY, since=at(0))
    new = replace(record("b"), stage=Stage.UNDER_WAY, since=at(100))
    made = incident(
        phase=Phase.EVACUATING,
        progress_at=at(600),
        evacuations={one.server.id: one for one in (old, new)},
        rounds=Rounds(),
    )
    assert Wait(at(100 + POLICY.evacuation_timeout_s)) in due(made, context(650))


def test_b9_only_a_proof_of_after_the_moment_from_which_on_it_is_guarded_is_renewed() -> None:
    walk = Moving("web").to_posted().guard(2 * POLICY.guard_every_s)
    proof = walk.incident.proof
    assert proof is not None
    (last,) = {part.readings[-1].answered_at for part in proof.devices}
    walk.incident = replace(
        walk.incident, rounds=replace(walk.incident.rounds, guarded_from=proof.taken_at)
    )
    walk.context = replace(walk.context, now=last.plus(POLICY.guard_every_s - 0.25))
    assert len(walk.all(Read)) == 1, "as soon as in fencing"


def test_devices_that_are_gone_from_the_configuration_are_not_read_on_the_way_back() -> None:
    gone = Try(1, 9, 1, "digest-1", at(0), at(1))
    made = incident(
        phase=Phase.RELEASING,
        fencing=gone,
        proof=power_proof(),
        release=Release(step=Step.CHECKING, began=at(0)),
    )
    assert not [effect for effect in due(made, context(1)) if isinstance(effect, Read)]
    assert due(made, context(1, plan=plan(level(BMC), level(PDU)))) == due(made, context(1))
