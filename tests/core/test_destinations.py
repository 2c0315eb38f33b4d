"""When a destination counts as off: never on an old word, and never after a sign of life."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.destinations import proven_off
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Release, Switching
from doctor_daemon.core.turns import TOLD_S, longest_wait_s, outdated
from tests.core.coming_back import Back
from tests.core.make import OTHER_BOOT, Fields, at, context, human_proof, power_proof, sighting
from tests.core.make import incident as made
from tests.core.test_turns import record

POLICY = Policy()
DOWN: dict[str, Fields] = {"state": "down", "forced_down": True}
LOOK = sighting(20, **DOWN)


def incident(phase: Phase = Phase.DOWN, **changes: Fields) -> Incident:
    return replace(made(phase=phase, proof=power_proof(3)), **changes)


@pytest.mark.parametrize("phase", list(Phase))
def test_only_a_host_that_is_down_and_in_no_doubt_is_off(phase: Phase) -> None:
    off = phase in (Phase.EVACUATING, Phase.DOWN)
    assert proven_off(incident(phase), LOOK, at(30), POLICY) == (at(3) if off else None)


@pytest.mark.parametrize(
    ("phase", "now_s", "off"),
    [
        (Phase.EVACUATING, 32.75, True),
        (Phase.EVACUATING, 33, False),
        (Phase.DOWN, 33, True),
        (Phase.DOWN, 50, True),
        (Phase.DOWN, 50.25, False),
    ],
)
def test_how_old_the_proof_and_the_flag_may_be(phase: Phase, now_s: float, *, off: bool) -> None:
    assert proven_off(incident(phase), LOOK, at(now_s), POLICY) == (at(3) if off else None)


@pytest.mark.parametrize(
    ("phase", "awake_s", "off"),
    [
        (Phase.DOWN, 3.25, True),
        (Phase.DOWN, 20, True),
        (Phase.DOWN, 20.25, False),
        (Phase.EVACUATING, 3, True),
        (Phase.EVACUATING, 3.25, False),
    ],
)
def test_a12_after_a_pause_its_flag_or_its_power_has_to_be_seen_anew(
    phase: Phase, awake_s: float, *, off: bool
) -> None:
    found = proven_off(incident(phase), LOOK, at(21), POLICY, at(awake_s))
    assert found == (at(3) if off else None)


def test_a12_a_pause_voids_no_word_of_a_human_while_it_is_good() -> None:
    vouched = incident(Phase.EVACUATING, proof=human_proof(3, 90))
    assert proven_off(vouched, LOOK, at(21), POLICY, at(10)) == at(3)


@pytest.mark.parametrize(("life_s", "off"), [(2.75, True), (3, False), (9, False)])
def test_a_sign_of_life_since_the_proof_ends_it(life_s: float, *, off: bool) -> None:
    alive = incident(life_at=at(life_s))
    assert proven_off(alive, LOOK, at(21), POLICY) == (at(3) if off else None)


def test_without_a_proof_or_a_flag_it_is_not_off() -> None:
    assert proven_off(incident(proof=None), LOOK, at(21), POLICY) is None
    assert proven_off(incident(), None, at(21), POLICY) is None
    assert proven_off(incident(), sighting(20), at(21), POLICY) is None
    assert proven_off(incident(), LOOK, at(21, OTHER_BOOT), POLICY) is None


def test_one_that_is_being_switched_on_is_not_off() -> None:
    wish = Switching(1, at(9))
    wished = incident(release=Release(switching=wish))
    assert proven_off(wished, LOOK, at(21), POLICY) == at(3)
    begun = incident(release=Release(switching=replace(wish, go_at=at(9))))
    assert proven_off(begun, LOOK, at(21), POLICY) is None


@pytest.mark.parametrize(("switched_s", "off"), [(2.75, True), (3, False), (9, False)])
def test_one_that_we_have_switched_on_since_is_not_off(switched_s: float, *, off: bool) -> None:
    switched = incident(release=Release(switched_at=at(switched_s)))
    assert proven_off(switched, LOOK, at(21), POLICY) == (at(3) if off else None)


@pytest.mark.parametrize(("power", "off"), [(Power.OFF, True), (Power.ON, False)])
def test_b9_one_that_was_read_on_on_its_way_back_is_not_off(power: Power, *, off: bool) -> None:
    """Whoever has pressed the button: no source and no nova-compute has to tell it."""
    walk = Back().to_down().list("web").wait(60).order(Order.RELEASE).identify().read(power)
    proof = walk.incident.proof
    assert proof is not None
    for _ in range(2):
        walk.elapse(10).read(power)
    walk.order(Order.DISMISS)
    look = sighting(0, asked_at=walk.now, **DOWN)
    found = proven_off(walk.incident, look, walk.now, POLICY)
    assert (walk.phase, found) == (Phase.DOWN, proof.taken_at if off else None)


def test_a_humans_word_is_a_proof_as_long_as_it_lasts() -> None:
    vouched = incident(Phase.EVACUATING, proof=human_proof(3))
    assert proven_off(vouched, LOOK, at(45), POLICY) == at(3)


# how old what is known of a server may be


@pytest.mark.parametrize(
    ("changes", "limit_s"),
    [({}, POLICY.flag_age_s), ({"attempt": 1}, TOLD_S)],
)
def test_who_has_waited_is_asked_about_again(changes: dict[str, Fields], limit_s: float) -> None:
    chosen = [record("a", **changes)]
    assert outdated(chosen, None, context(0))
    assert not outdated(chosen, at(0), context(limit_s))
    assert outdated(chosen, at(0), context(limit_s + 0.25))
    assert outdated(chosen, at(0, OTHER_BOOT), context(0))


def test_who_waited_for_its_group_is_asked_about_again() -> None:
    assert outdated([record("a", "g")], at(0), context(TOLD_S + 1))
    assert outdated([record("b"), record("a", "g")], at(0), context(TOLD_S + 1))


def test_nobody_waits_for_another_host_for_more_than_a_third_of_the_time() -> None:
    assert longest_wait_s(POLICY) == 300.0
