"""Many seeds, most of an hour of virtual time each: no invariant breaks, and much was tried."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from doctor_daemon.core import gates
from doctor_daemon.core.incident import Incident
from doctor_daemon.engine.case import Case
from doctor_daemon.engine.engine import Engine
from tests.simulation.story import tell
from tests.simulation.tally import Tally, quiet, run

SEEDS = int(os.environ.get("SIM_SEEDS", "300"))


@pytest.fixture(autouse=True)
def _silent() -> None:
    quiet()


@pytest.fixture(scope="module")
def tally() -> Tally:
    """Run all the seeds once, for every test of this module."""
    total = Tally()
    for verdict in run(0, SEEDS):
        total.add(verdict)
    return total


@pytest.mark.timeout(1200)
def test_no_seed_breaks_an_invariant(tally: Tally) -> None:
    assert tally.violations == []
    assert tally.seeds == SEEDS


@pytest.mark.timeout(1200)
def test_every_edge_is_walked_and_every_fault_strikes(tally: Tally) -> None:
    assert tally.missing() == [], tally.table()


@pytest.mark.parametrize("seed", range(6))
def test_a_seed_always_tells_the_same_story(seed: int) -> None:
    assert tell(seed).story == tell(seed).story


class _Idle(Case):
    """A case that does nothing at all."""

    async def run(self) -> None:
        return


class _IdleEngine(Engine):
    """The engine with cases that do nothing."""

    def _case(self, incident: Incident) -> Case:
        case = super()._case(incident)
        case.__class__ = _Idle
        return case


def test_the_simulation_fails_without_the_real_case() -> None:
    total = Tally()
    for seed in range(5):
        total.add(tell(seed, _IdleEngine))
    assert not total.edges
    assert total.missing()


def test_the_oracle_sees_a_gate_that_is_not_asked() -> None:
    kept = gates.GATES
    shut = {"armed", "mode", "protected", "maintenance"}
    open_ = tuple(replace(g, shut=lambda *_: "") if g.name in shut else g for g in kept)
    total = Tally()
    try:
        gates.GATES = open_
        for seed in range(8):
            total.add(tell(seed))
    finally:
        gates.GATES = kept
    assert any("I-15" in text or "I-7" in text for text in total.violations)
