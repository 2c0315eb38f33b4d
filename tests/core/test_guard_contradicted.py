"""What voids a proof, right at its bounds, and what an older daemon's proof is held against."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.guard import contradicted
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Release
from tests.core.gated import attempt
from tests.core.make import Fields, at, context, human_proof, incident, power_proof
from tests.core.moving import Moving

GONE = replace(attempt(bmc="x"), go_at=at(-30))
"""The try that the proof came from, or that a human has made up for."""


def outcome(**changes: Fields) -> tuple[Phase, str]:
    """Hold a proof of second 0 against what is known at second 60: the phase, and the gate."""
    known: Fields = {"phase": Phase.EVACUATING, "proof": power_proof(), "fencing": GONE, **changes}
    made = incident(**known)
    after = contradicted(made, known["proof"], context(60))
    if after is made:
        return Phase.EVACUATING, ""
    return after.phase, after.held.gate if after.held else ""


STANDS = Phase.EVACUATING, ""
FAILED = Phase.HELD, "fencing"  # the next level, and there is none
ASKED = Phase.HELD, "proof"


@pytest.mark.parametrize(
    ("life_s", "comes_to"), [(None, STANDS), (-30.25, STANDS), (-30, FAILED), (-1, FAILED)]
)
def test_i14_life_counts_from_when_the_gates_were_passed(
    life_s: float | None, comes_to: tuple[Phase, str]
) -> None:
    assert outcome(life_at=None if life_s is None else at(life_s)) == comes_to


@pytest.mark.parametrize("changes", [{"fencing": None}, {"fencing": attempt(bmc="x")}])
def test_i14_without_that_moment_it_counts_from_the_proof(changes: Fields) -> None:
    assert outcome(life_at=at(-0.25), **changes) == STANDS
    assert outcome(life_at=at(0), **changes)[0] is Phase.HELD


@pytest.mark.parametrize("changes", [{}, {"fencing": None}])
def test_d6_against_a_humans_word_life_counts_from_that_word(changes: Fields) -> None:
    word: Fields = {"proof": human_proof(), **changes}
    assert outcome(**word) == STANDS
    assert outcome(life_at=at(-0.25), **word) == STANDS
    assert outcome(life_at=at(0), **word) == ASKED


def test_i14_life_where_no_try_is_left_asks_a_human() -> None:
    assert outcome(life_at=at(1), fencing=None) == ASKED


@pytest.mark.parametrize(("switched_s", "stands"), [(-0.25, True), (0, False), (30, False)])
def test_what_we_may_have_switched_on_since_is_not_proven_off(
    switched_s: float, *, stands: bool
) -> None:
    switched: Fields = {"release": Release(switched_at=at(switched_s))}
    assert outcome(**switched) == (STANDS if stands else (Phase.FENCING, ""))
    assert outcome(proof=human_proof(), **switched) == (STANDS if stands else ASKED)


def test_only_what_devices_have_said_depends_on_which_devices_there_are() -> None:
    assert outcome(proof=human_proof(digest="digest-0")) == STANDS
    assert outcome(proof=power_proof(digest="digest-0"))[0] is Phase.FENCING


def test_b9_it_is_fenced_again_as_often_as_is_allowed() -> None:
    walk = Moving(policy=Policy(refences_max=1)).to_posted().elapse(1).read(Power.ON)
    assert (walk.phase, walk.incident.refences) == (Phase.FENCING, 1)
    walk.fence().elapse(1).read(Power.ON)
    assert (walk.phase, walk.gate) == (Phase.HELD, "power")
    assert "came back 2 times after the proof" in walk.said
