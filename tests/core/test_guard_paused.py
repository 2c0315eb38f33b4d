"""A proof that is guarded over a pause of the daemon: a witness is heard anew before it counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.host import Mode
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.ourselves import Ourselves
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power, Proof
from tests.core.gated import ready, shut
from tests.core.make import BMC, SECOND_BMC, at, human_proof, level, plan, power_proof
from tests.core.moving import Moving
from tests.core.test_gates import UNREAD

OFF = Power.OFF
ILO = replace(SECOND_BMC, name="ilo", tells_host=True)


def paused(answer_s: float) -> Moving:
    """Walk to where servers are evacuated, beside a witness that agreed; and have us sleep then."""
    levels = (level(BMC), level(replace(ILO, answer_s=answer_s)))
    walk = Moving(plan=plan(*levels, mode=Mode.EVACUATE))
    walk.to_reads().identify().prove()
    walk.put().flag()
    assert walk.phase is Phase.EVACUATING
    walk.wait(5)
    return walk.given(own=Ourselves(awake_at=walk.now))


def known(incident: Incident) -> Proof:
    assert incident.proof is not None
    return incident.proof


def test_b1_after_a_pause_a_witness_is_heard_before_the_proof_is_renewed() -> None:
    walk = paused(answer_s=10.0)
    first = known(walk.incident)
    for _ in range(4):
        walk.read(OFF, "bmc").elapse(1)
    assert known(walk.incident) is first
    walk.read(OFF, "ilo")
    assert known(walk.incident).taken_at.since(walk.context.own.awake_at or at(0)) > 0


def test_b1_as_long_as_it_may_still_speak_nothing_is_given_up() -> None:
    walk = paused(answer_s=60.0)
    policy = walk.context.policy
    for _ in range(int(policy.proof_age_s + policy.off_timeout_s) + 1):
        walk.read(OFF, "bmc").elapse(1)
    assert walk.incident.rounds.barred is None
    walk.read(OFF, "ilo")
    assert walk.now.since(known(walk.incident).taken_at) <= policy.guard_every_s


@pytest.mark.parametrize(
    ("proof", "awake_s", "why"),
    [
        (power_proof(-9), -9, ""),
        (power_proof(-9), -8.75, UNREAD),
        (power_proof(-9), None, ""),
        (human_proof(-9), -8.75, ""),  # nobody can read a human's word again
    ],
)
def test_c1_a_power_proof_from_before_a_pause_permits_nothing_until_it_is_renewed(
    proof: Proof, awake_s: float | None, why: str
) -> None:
    own = Ourselves(awake_at=None if awake_s is None else at(awake_s))
    assert shut("proof", ready(proof=proof), own=own) == why
