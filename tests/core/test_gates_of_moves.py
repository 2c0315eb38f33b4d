"""The gates of an evacuation: a proof of now, and a flag that was read back."""

import pytest

from doctor_daemon.core.gates import Act
from doctor_daemon.core.incident import Rounds
from doctor_daemon.core.proof import Proof
from tests.core.gated import ready, shut
from tests.core.make import (
    at,
    human_proof,
    power_proof,
    sighting,
)
from tests.core.test_gates import UNREAD

CUT, FORCE_DOWN = Act.CUT, Act.FORCE_DOWN


@pytest.mark.parametrize(
    ("proof", "renewed_s", "why"),
    [
        (power_proof(-9), -9, ""),
        (power_proof(-9), -8.75, UNREAD),
        (power_proof(-9), None, ""),
        (human_proof(-9), -8.75, ""),  # nobody can read a human's word again
    ],
)
def test_c1_after_a_restart_a_power_proof_permits_nothing_until_it_is_renewed(
    proof: Proof, renewed_s: float | None, why: str
) -> None:
    rounds = Rounds(renew_from=None if renewed_s is None else at(renewed_s))
    assert shut("proof", ready(proof=proof, rounds=rounds)) == why


# what Nova shows


@pytest.mark.parametrize(("looked_s", "is_open"), [(-30, True), (-30.25, False), (None, False)])
def test_c9_an_evacuation_needs_the_flag_read_back_just_before(
    looked_s: float | None, *, is_open: bool
) -> None:
    seen = None if looked_s is None else sighting(looked_s, forced_down=True)
    why = "" if is_open else "forced_down of cmp-1 has not been read back in the last 30 s"
    assert shut("readback", ready(sighting=seen)) == why


@pytest.mark.parametrize(
    ("forced_down", "state", "is_open"),
    [(True, "down", True), (False, "down", False), (True, "up", False), (False, "up", False)],
)
def test_c9_an_evacuation_needs_the_flag_to_be_there_still(
    forced_down: bool,  # noqa: FBT001 - a column
    state: str,
    *,
    is_open: bool,
) -> None:
    seen = sighting(0, forced_down=forced_down, state=state)
    why = "" if is_open else "Nova does not have cmp-1 forced down any more"
    assert shut("flag", ready(sighting=seen)) == why


def test_a_flag_that_was_not_looked_for_is_the_other_gates_business() -> None:
    assert shut("flag", ready(sighting=None)) == ""
