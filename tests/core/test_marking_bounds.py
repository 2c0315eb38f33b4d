"""Forcing down at its bounds: which proof has to be read again, and what was there before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.hands import SET
from doctor_daemon.core.host import Device
from doctor_daemon.core.incident import Rounds
from doctor_daemon.core.marking import current
from doctor_daemon.core.messages import ForceDown
from doctor_daemon.core.ourselves import Ourselves
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.sightings import Marking
from doctor_daemon.core.tries import Outcome
from tests.core.gated import attempt
from tests.core.make import (
    BMC,
    SECOND_BMC,
    Fields,
    at,
    context,
    human_proof,
    incident,
    level,
    plan,
    power_proof,
    reading,
    sighting,
)
from tests.core.test_hands import HANDS, OURS, poll
from tests.core.walk import Walk

ON, OFF = Power.ON, Power.OFF
REREADING = "the proof has grown old: reading the power again"
SLOW: Device = replace(SECOND_BMC, name="ilo", tells_host=True, answer_s=60.0)


def forcing_down(**changes: Fields) -> Walk:
    """Decide at second 1 what forcing down has come to, with a proof of second 0."""
    known: Fields = {"proof": power_proof(), "fencing": attempt(bmc=BMC.uuid), **changes}
    own = known.pop("own", Ourselves())
    return Walk(incident(phase=Phase.FORCING_DOWN, **known), own=own).elapse(1)


# which proof is read again


@pytest.mark.parametrize(
    ("renew_from_s", "again"), [(None, False), (-1, False), (0, False), (0.25, True)]
)
def test_c1_before_a_put_a_proof_from_before_a_restart_is_read_again(
    renew_from_s: float | None, *, again: bool
) -> None:
    rounds = Rounds(renew_from=None if renew_from_s is None else at(renew_from_s))
    assert (forcing_down(rounds=rounds).said == REREADING) is again


def test_c1_once_the_put_has_ended_that_proof_is_left_alone() -> None:
    rounds = Rounds(renew_from=at(0.25))
    put = Marking(number=1, disable=True, put=Outcome.ACCEPTED, put_at=at(0.5))
    assert forcing_down(rounds=rounds, marking=put).said != REREADING


@pytest.mark.parametrize(("awake_s", "again"), [(-1, False), (0, False), (0.25, True)])
def test_after_a_pause_it_is_read_again_whatever_has_been_put(
    awake_s: float, *, again: bool
) -> None:
    own = Ourselves(awake_at=at(awake_s))
    put = Marking(number=1, disable=True, put=Outcome.ACCEPTED, put_at=at(0.5))
    assert (forcing_down(own=own).said == REREADING) is again
    assert (forcing_down(own=own, marking=put).said == REREADING) is again


def test_d6_a_humans_word_is_not_read_again_for_any_of_that() -> None:
    word: Fields = {"proof": human_proof(), "own": Ourselves(awake_at=at(0.25))}
    walk = forcing_down(**word, rounds=Rounds(renew_from=at(0.25)))
    assert walk.phase is Phase.FORCING_DOWN
    assert walk.said != REREADING


def test_d6_nor_is_it_held_against_devices_that_were_tried_before_it() -> None:
    tried = attempt(bmc=BMC.uuid)
    tried = tried.put("bmc", tried.device("bmc").read(reading(ON, 0.5)))
    assert forcing_down(fencing=tried).phase is Phase.FENCING
    assert forcing_down(fencing=tried, proof=human_proof()).phase is Phase.FORCING_DOWN


def test_an_old_proof_without_a_try_asks_for_a_human() -> None:
    walk = forcing_down(fencing=None, rounds=Rounds(renew_from=at(0.25)))
    assert (walk.phase, walk.gate) == (Phase.HELD, "proof")
    assert "the proof is old and cannot be read again" in walk.said


def test_b1_a_witness_that_may_be_slow_is_waited_for_beyond_the_time_of_the_level() -> None:
    walk = Walk(plan=plan(level(BMC), level(SLOW))).to_reads().identify().prove()
    walk.elapse(walk.context.policy.proof_age_s)
    assert walk.said == REREADING
    for _ in range(int(walk.context.policy.off_timeout_s) + 1):
        walk.read(OFF, "bmc").elapse(1)
    assert walk.phase is Phase.FORCING_DOWN
    assert walk.incident.marking.rereading_since is not None
    walk.read(OFF, "ilo")
    assert walk.said == "still proven off"


# what was there before


def test_i18_a_flag_of_theirs_that_is_gone_before_our_put_is_ours_then() -> None:
    walk = Walk().to_reads()
    poll(walk, **HANDS["sets"])
    assert walk.incident.marking.foreign_flag
    poll(walk, forced_down=False)
    walk.prove()
    assert walk.all(ForceDown) != []
    assert not walk.incident.marking.foreign_flag
    walk.put().look(**OURS)
    assert walk.said == "Nova has it forced down and disabled (read back)"


def test_i18_so_is_one_that_they_set_and_cleared_between_two_puts_of_ours() -> None:
    walk = Walk(policy=Policy(backoff_s=10.0)).to_proof().put(Outcome.REFUSED)
    assert poll(walk, forced_down=True, state="up") == [SET]
    poll(walk, forced_down=False)
    assert walk.incident.marking.foreign_flag
    walk.elapse(8).look()
    assert walk.one(ForceDown).number == 2
    assert not walk.incident.marking.foreign_flag


def test_i18_what_the_first_put_was_decided_on_is_kept() -> None:
    walk = Walk().to_proof()
    first = walk.incident.marking.before
    assert first is not None
    walk.put(Outcome.REFUSED).elapse(6).look()
    assert (walk.incident.marking.number, walk.incident.marking.before) == (2, first)


def test_i18_a_disabling_of_ours_before_is_told_as_ours() -> None:
    walk = Walk().to_fencing().identify().look(status="disabled", reason=OURS["reason"])
    walk.cut().prove()
    assert walk.one(ForceDown).disable is False
    walk.put().look(**OURS)
    assert walk.said == "Nova has it forced down; it was disabled by us before (read back)"


def test_a_put_that_disables_is_told_as_that_by_whatever_reason_it_stands() -> None:
    for reason in (OURS["reason"], "", "rack move"):
        walk = Walk().to_proof().put().look(**{**OURS, "reason": reason})
        assert walk.said == "Nova has it forced down and disabled (read back)"


# the look


@pytest.mark.parametrize(("awake_s", "counts"), [(-1, True), (0, True), (0.25, False)])
def test_a_look_from_before_a_pause_decides_no_put(awake_s: float, *, counts: bool) -> None:
    world = context(1, own=Ourselves(awake_at=at(awake_s)))
    assert current(incident(), sighting(0), world) is counts
