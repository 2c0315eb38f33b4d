"""Which gates a cut waits for, and whom the warm-up lets go on."""

from __future__ import annotations

import pytest

from doctor_daemon.core.context import Armed, Charge, Latch
from doctor_daemon.core.fleet_gates import paid, passed
from doctor_daemon.core.gates import GATES, Act, gate_waited_for, needs_pass, waited_for
from doctor_daemon.core.phases import Phase
from tests.core.gated import ready, shut
from tests.core.make import Fields, at, context, plan

LATCH = Latch("fleet", "12 of 20 hosts of the fleet look dead", at(-5))
FULL = tuple(Charge(name, 1, "rack-1", at(-9)) for name in "ab")
WAITED_FOR = {"warm-up", "repeated", "settling", "dumping", "mass", "roster", "pause", "isolation"}


def test_a_gate_that_is_shut_for_good_is_not_waited_for() -> None:
    assert waited_for(Act.CUT, ready(), context()) is None
    assert waited_for(Act.CUT, ready(), context(plan=plan(protected="the database"))) is None
    assert waited_for(Act.CUT, ready(), context(armed=Armed(), warm_at=at(40))) is not None


def test_the_first_gate_that_is_waited_for_is_told_as_it_refuses() -> None:
    refusal = waited_for(Act.CUT, ready(), context(warm_at=at(40), latches=(LATCH,)))
    assert refusal is not None
    assert (refusal.gate, refusal.waits, refusal.retry) == ("warm-up", True, False)
    assert refusal.frees == "it goes on by itself"


@pytest.mark.parametrize("act", [act for act in Act if act is not Act.CUT])
def test_what_stops_only_a_cut_keeps_nothing_else_waiting(act: Act) -> None:
    world = context(warm_at=at(40), latches=(LATCH,), returned_at=at(-1))
    assert waited_for(act, ready(), world) is None


def test_only_a_gate_that_is_waited_for_is_found_by_its_name() -> None:
    assert {gate.name for gate in GATES if gate_waited_for(gate.name)} == WAITED_FOR
    for name in WAITED_FOR:
        gate = gate_waited_for(name)
        assert gate is not None
        assert gate.name == name
    assert gate_waited_for("permit") is None


@pytest.mark.parametrize(
    ("world", "needs"),
    [
        ({}, False),
        ({"latches": (LATCH,)}, True),
        ({"charges": FULL}, True),
        ({"latches": (LATCH,), "charges": FULL}, True),
    ],
)
def test_a_cut_that_many_dead_hosts_or_the_budget_stops_needs_a_word(
    world: Fields, *, needs: bool
) -> None:
    assert needs_pass(ready(), context(**world)) is needs
    assert needs_pass(ready(), context(passes_left=2, **world)) is needs


@pytest.mark.parametrize(
    ("changes", "is_open"),
    [
        ({"cut_started": at(-9), "charges": (at(-9),)}, True),
        ({"charges": (at(-9),)}, False),  # it was taken back: nothing was sent
        ({"cut_started": at(-9)}, False),
        ({}, False),
    ],
)
def test_a10_only_a_round_that_was_paid_for_and_begun_goes_on_beside_the_warm_up(
    changes: Fields, *, is_open: bool
) -> None:
    assert (shut("warm-up", ready(**changes), warm_at=at(40)) == "") is is_open
    assert shut("warm-up", ready(**changes), warm_at=at(0)) == ""


@pytest.mark.parametrize(
    ("charge", "is_paid"),
    [
        (None, False),
        (Charge("inc-1", 1, "rack-1", at(-899.5)), True),  # timed anew: it counts from there
        (Charge("inc-1", 1, "rack-1", at(-899.75)), False),
        (Charge("inc-2", 1, "rack-1", at(-9)), False),
        (Charge("inc-1", 2, "rack-1", at(-9)), False),
    ],
)
def test_a3_how_long_a_round_is_paid_for_goes_by_its_own_charge(
    charge: Charge | None, *, is_paid: bool
) -> None:
    world = context(0.25, charges=(charge,) if charge else ())
    assert paid(ready(charges=(at(-899.75),)), world) is is_paid
    assert not paid(ready(charges=(at(-9),), refences=1), world)
    assert not paid(ready(), world)


@pytest.mark.parametrize(
    ("changes", "through"),
    [
        ({"decided_at": at(-300)}, True),
        ({"decided_at": at(-300.25)}, False),  # inherited: a word of then is hardly about it
        ({"decided_at": at(-9), "passed": 0}, False),
        ({"decided_at": at(-9), "passed": 2}, False),
        ({"decided_at": at(-9), "charges": (), "passed": 0}, False),
    ],
)
def test_a4_a_word_holds_for_the_round_that_it_has_let_through(
    changes: Fields, *, through: bool
) -> None:
    cut: Fields = {"phase": Phase.FENCING, "cut_started": at(-400), "charges": (at(-400),)}
    made = ready(**{**cut, "passed": 1, **changes})
    assert passed(made, context()) is through


def test_a10_the_warm_up_ends_at_its_moment() -> None:
    assert shut("warm-up", ready(), warm_at=at(0.25))
    assert shut("warm-up", ready(), warm_at=at(0)) == ""
