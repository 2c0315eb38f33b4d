"""Mass failure: what is counted, when it is too many, and how the latch opens again."""

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Latch, Maintenance
from doctor_daemon.core.incident import Held
from doctor_daemon.core.masses import (
    Passes,
    Tally,
    counts,
    mass,
    shown_down,
    standing,
    turned,
)
from doctor_daemon.core.messages import Cut
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.waiting import waits
from tests.core.gated import ready, shut
from tests.core.make import HOST, OTHER_BOOT, Fields, at, incident, sighting
from tests.core.test_budget import FULL_RACK
from tests.core.walk import Walk

POLICY = Policy()
WHY = "12 of 20 hosts of the fleet look dead"
LATCH = Latch("fleet", WHY, at(-5))
PASSES = Passes("p-1", 3, "ann", "the rack has no power", at(0), at(900))


@pytest.mark.parametrize(
    ("scope", "bad", "size", "many"),
    [
        ("fleet", 9, 1000, False),
        ("fleet", 10, 1000, True),
        ("fleet", 3, 7, False),
        ("fleet", 3, 6, True),
        ("fleet", 2, 3, False),
        ("fleet", 1, 1, False),
        ("failure domain r1", 4, 40, False),
        ("failure domain r1", 5, 40, True),
        ("failure domain r1", 3, 6, True),
        ("failure domain r1", 2, 2, False),
    ],
)
def test_a2_too_many_and_too_large_a_share_look_dead(
    scope: str, bad: int, size: int, *, many: bool
) -> None:
    assert bool(mass(Tally(scope, bad, size), POLICY)) is many


def test_a2_the_words_name_the_scope() -> None:
    assert mass(Tally("fleet", 12, 20), POLICY) == WHY
    domain = mass(Tally("failure domain r1", 5, 8), POLICY)
    assert domain == "5 of 8 hosts of failure domain r1 look dead"


def test_i9_if_all_hosts_look_dead_we_are_wrong() -> None:
    both = mass(Tally("fleet", 2, 2), POLICY)
    assert both == "all 2 hosts of the fleet look dead: we are wrong, and not all of them"
    assert mass(Tally("fleet", 1, 2), POLICY) == ""
    assert mass(Tally("fleet", 2, 2), replace(POLICY, mass_all_from=3)) == ""


# who counts


@pytest.mark.parametrize("phase", Phase)
def test_a3_what_is_suspected_or_in_work_counts_and_what_failed_lately(phase: Phase) -> None:
    active = (Phase.SUSPECTED, Phase.FENCING, Phase.FORCING_DOWN, Phase.EVACUATING)
    found = incident(phase=phase)
    assert counts(found, at(0), POLICY) is (phase in {*active, Phase.HELD, Phase.DOWN})
    assert counts(found, at(899.75), POLICY) is (phase in {*active, Phase.HELD, Phase.DOWN})
    assert counts(found, at(900), POLICY) is (phase in active)


@pytest.mark.parametrize(("gate", "after"), [("mass", True), ("budget", False)])
def test_what_was_held_by_mass_failure_counts_until_a_human_has_seen_to_it(
    gate: str, *, after: bool
) -> None:
    found = incident(phase=Phase.HELD, held=Held(gate, "why", "frees"))
    assert counts(found, at(9000), POLICY) is after


@pytest.mark.parametrize(
    ("changes", "is_down"),
    [
        ({}, True),
        ({"state": "up"}, False),
        ({"status": "disabled"}, False),
        ({"forced_down": True}, False),
        ({"updated_s": 0.0}, False),
        ({"updated_s": 100.25}, True),
        ({"updated_s": 100.0}, False),
    ],
)
def test_a2_nova_shows_who_has_stopped_lately(changes: dict[str, Fields], *, is_down: bool) -> None:
    assert shown_down(sighting(0, **changes), 1000.0, POLICY) is is_down


# the latch


MANY, FEW = Tally("fleet", 12, 20), Tally("fleet", 1, 20)


def test_a2_it_is_latched_until_it_has_been_over_for_a_while() -> None:
    assert turned(None, FEW, POLICY, at(0)) is None
    latch = turned(None, MANY, POLICY, at(0))
    assert latch == Latch("fleet", WHY, at(0))
    calm = turned(latch, FEW, POLICY, at(10))
    assert calm == Latch("fleet", WHY, at(0), at(10))
    assert turned(calm, FEW, POLICY, at(309.75)) is calm
    assert turned(calm, FEW, POLICY, at(310)) is None


def test_a2_what_looks_dead_again_begins_the_cool_down_anew() -> None:
    calm = replace(LATCH, calm_at=at(10))
    assert turned(calm, MANY, POLICY, at(20)) == LATCH
    rebooted = turned(calm, FEW, POLICY, at(5000, OTHER_BOOT))
    assert rebooted == replace(LATCH, calm_at=at(5000, OTHER_BOOT))


def test_a4_a_humans_word_ends() -> None:
    assert standing(None, at(0)) is None
    assert standing(PASSES, at(899.75)) is PASSES
    assert standing(PASSES, at(900)) is None
    assert standing(PASSES, at(10, OTHER_BOOT)) is None


# the gate


def test_i9_no_power_is_cut_while_many_look_dead() -> None:
    assert shut("mass", ready()) == ""
    assert shut("mass", ready(), latches=(LATCH,)) == WHY


def test_i9_what_was_charged_before_is_not_cut_either() -> None:
    assert shut("mass", ready(cut_started=at(-9), charges=(at(-9),)), latches=(LATCH,)) == WHY


def test_a4_a_humans_word_lets_some_through_and_the_round_is_marked() -> None:
    walk = Walk(latches=(LATCH,)).to_fencing().identify().look()
    assert waits(walk.incident)
    assert walk.said.startswith(f"waiting: {WHY}; it opens once that is over for a while")
    walk.given(passes_left=3, passes_by="3 hosts, by ann: the rack has no power").elapse(1)
    walk.identify().look()
    assert walk.all(Cut)
    assert walk.incident.passed == len(walk.incident.charges) == 1
    texts = [entry.text for entry in walk.incident.timeline]
    assert "let through: 3 hosts, by ann: the rack has no power" in texts
    walk.given(passes_left=0)
    assert shut("mass", walk.incident, latches=(LATCH,)) == ""
    assert walk.cut().prove().phase is Phase.FORCING_DOWN


def test_a4_it_is_not_used_up_where_the_gates_are_open() -> None:
    walk = Walk(passes_left=3).to_cut()
    assert walk.all(Cut)
    assert walk.incident.passed == 0


def test_i8_a_humans_word_goes_beyond_the_budget_too() -> None:
    walk = Walk(charges=FULL_RACK).to_cut()
    assert (walk.phase, walk.gate) == (Phase.HELD, "budget")
    walk = Walk(charges=FULL_RACK, passes_left=1).to_cut()
    assert walk.all(Cut)
    assert walk.incident.passed == 1


def test_a4_the_next_round_needs_another_word() -> None:
    again = ready(charges=(at(-9),), refences=1, passed=1)
    assert shut("mass", again, latches=(LATCH,)) == WHY


def test_i9_an_incident_that_waits_for_too_long_is_held_with_words() -> None:
    walk = Walk(latches=(LATCH,)).to_fencing().identify().look().elapse(900)
    assert (walk.phase, walk.gate) == (Phase.HELD, "mass")
    assert walk.said.startswith(f"held: it has waited for 900 s: {WHY}")


# of another boot


def test_a11_a_maintenance_of_another_boot_goes_by_the_wall_clock() -> None:
    window = Maintenance(HOST, "ben", "new memory", at(100))
    assert window.timed_anew(at(0)) is window
    assert window.timed_anew(at(60, OTHER_BOOT)).until == at(100, OTHER_BOOT)
    assert window.timed_anew(at(160, OTHER_BOOT)).until == at(160, OTHER_BOOT)
