"""A seed that fails is made smaller as long as it fails in the same way, and told by the clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.host import Mode
from doctor_daemon.core.incident import Held
from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.ward import Instruments, Rules
from tests.core import make
from tests.simulation import __main__ as command
from tests.simulation.insisting import Insisting
from tests.simulation.less import Less, shape
from tests.simulation.shrink import Shrinker
from tests.simulation.standing import run
from tests.simulation.story import Story, tell
from tests.simulation.tally import quiet
from tests.simulation.ways import Way

SEED, OF_THREE, MOST = 18, 14, 40


@pytest.fixture(autouse=True)
def _silent() -> None:
    quiet()


def reckless(rules: Rules, *parts: Any) -> Engine:  # noqa: ANN401 - the engine's other parts
    """Make a daemon that was told that it may fence every host."""
    plans = {h: replace(p, mode=Mode.FENCE, protected="") for h, p in rules.plans.items()}
    return Engine(replace(rules, plans=plans), *parts)


def test_a_seed_that_fails_is_shrunk_and_told_up_to_what_is_wrong() -> None:
    found = Shrinker(SEED, reckless, MOST).shrink()
    assert found is not None
    assert found.told <= MOST
    assert found.whole.daemons > 1
    small, whole = found.verdict, found.whole
    assert len(small.strikes) < len(whole.strikes) / 2
    assert (len(small.hosts), small.daemons) <= (len(whole.hosts), whole.daemons)
    assert found.violation in tell(SEED, reckless, found.less).violations
    first, *_, last = found.story().splitlines()
    assert first.startswith(f"seed {SEED}, told {found.told} times: ")
    assert last.endswith(f"VIOLATION {found.violation.partition(': ')[2]}")
    assert (len(small.strikes), len(small.hosts), small.daemons) == (0, 1, 1)


def reckless_beside_others(
    rules: Rules,
    tools: Instruments,
    *parts: Any,  # noqa: ANN401 - the engine's other parts
) -> Engine:
    """Make one that is so where others share its store, and only there."""
    make_engine = reckless if isinstance(tools.store, Way) else Engine
    return make_engine(rules, tools, *parts)


def test_what_takes_several_daemons_is_shrunk_to_two() -> None:
    found = Shrinker(OF_THREE, reckless_beside_others, MOST).shrink()
    assert found is not None
    assert (found.whole.daemons, found.verdict.daemons) == (3, 2)
    assert " leads: term 1" in found.story()


def test_a_seed_that_breaks_nothing_is_not_shrunk(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--shrink", str(SEED)]) == 0
    assert capsys.readouterr().out == "nothing is wrong with this seed\n"


def test_what_is_left_out_does_not_strike_and_does_not_live() -> None:
    whole = tell(SEED)
    kind, number = whole.strikes[0]
    gone = whole.hosts[0]
    less = Less(frozenset({kind}), frozenset({whole.strikes[1]}), frozenset({gone}), 1)
    left = tell(SEED, less=less)
    assert (left.hosts, left.daemons) == (whole.hosts[1:], 1)
    assert left.violations == []
    assert kind not in {one for one, _ in left.strikes}
    assert whole.strikes[1] not in left.strikes
    assert number == 1


def test_violations_of_one_shape_differ_in_numbers_alone() -> None:
    assert shape("I-7: cut of cmp-3 4.2 s late") == shape("I-7: cut of cmp-0 13 s late")
    assert shape("I-7: cut of cmp-3") != shape("I-15: cut of cmp-3")


@pytest.mark.parametrize(
    ("words", "trust", "seen"),
    [
        ((Verdict.DOWN, Verdict.DOWN), Trust.ALONE, True),
        ((Verdict.DOWN,), Trust.ALONE, False),
        ((Verdict.DOWN, Verdict.DOWN), Trust.SECOND, False),
        ((Verdict.DOWN, Verdict.DOWN, Verdict.UP), Trust.ALONE, False),
        ((Verdict.UP, Verdict.DOWN, Verdict.DOWN), Trust.ALONE, False),
    ],
    ids=["insists", "once", "not alone", "alive", "alive just before"],
)
def test_the_oracle_sees_who_is_not_waited_for(
    words: tuple[Verdict, ...], trust: Trust, *, seen: bool
) -> None:
    found: list[str] = []

    async def main() -> None:
        world = Story(0).world
        machine = next(iter(world.machines.values()))
        machine.plan = replace(machine.plan, corroboration=make.plan().corroboration)
        judge = Insisting(world)
        for verdict in words:
            judge.said(machine.id, ("am", "prometheus", trust), verdict)
        before = replace(make.incident(), host=machine.id, phase=Phase.FENCING)
        held = Held("evidence", "nobody said it again", "fence it")
        found.extend(judge.held(before, before.hold(make.at(1), held)))
        assert [*judge.held(before, before.hold(make.at(1), replace(held, gate="armed")))] == []

    run(main())
    assert bool(found) is seen
