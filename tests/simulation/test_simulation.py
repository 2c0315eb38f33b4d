"""Many seeds, most of an hour of virtual time each: no invariant breaks, and much was tried."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from doctor_daemon.core.host import Mode
from doctor_daemon.engine.case import Case
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.ward import Rules
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


_idle = partial(Engine, case=_Idle)
"""The engine with cases that do nothing."""


def test_the_simulation_fails_without_the_real_case() -> None:
    total = Tally()
    for seed in range(5):
        total.add(tell(seed, _idle))
    assert not total.edges
    assert total.missing()


def _reckless(rules: Rules, *parts: Any) -> Engine:  # noqa: ANN401 - the engine's other parts
    """Make a daemon that was told that it may fence every host."""
    plans = {h: replace(p, mode=Mode.FENCE, protected="") for h, p in rules.plans.items()}
    return Engine(replace(rules, plans=plans), *parts)


def test_the_oracle_sees_a_host_fenced_that_must_not_be() -> None:
    total = Tally()
    for seed in range(12):
        total.add(tell(seed, _reckless))
    assert any("I-7: cut of" in text for text in total.violations)
