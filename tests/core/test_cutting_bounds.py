"""Cutting, at its limits: what a cut has behind it, and for which round a word is counted."""

from __future__ import annotations

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.messages import Cut
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from tests.core.test_evacuating_bounds import two
from tests.core.test_inherited_gates import PASS, let_through, next_daemon, timed


def test_a_cut_in_the_midst_of_an_evacuation_takes_nothing_for_history() -> None:
    """Its flag was cleared, and its power came back: what has moved has moved all the same."""
    walk = two()
    moved, servers = walk.record("db"), walk.incident.servers
    assert moved.stage is Stage.MOVED
    walk.elapse(10).flag(forced_down=False).read(Power.ON)
    assert walk.phase is Phase.FENCING
    walk.identify()
    assert len(walk.all(Cut)) == 1
    walk.cut()
    assert (walk.record("db"), walk.incident.servers) == (moved, servers)


def test_a4_another_word_is_a_round_of_its_own_though_the_first_one_is_paid_for_still() -> None:
    """The first word was about how things stood then: it is over, and is not used twice."""
    walk = let_through()
    walk = next_daemon(walk, charges=(timed(walk, 52),), **PASS)
    assert len(walk.all(Cut)) == 1
    assert (len(walk.incident.charges), walk.incident.passed) == (2, 2)
