"""A host that is fenced once more, and one that waits past its point of no return."""

from __future__ import annotations

import pytest

from doctor_daemon.core.context import Armed, Latch
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.fencing import fencing
from doctor_daemon.core.messages import Cut, Identify, Look
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.recall import recallable
from doctor_daemon.core.tries import Outcome
from tests.core.coming_back import Back
from tests.core.make import BMC, PDU, at, level, plan
from tests.core.test_cutting import line_up
from tests.core.test_own_side_waits import isolated
from tests.core.walk import Walk

UP = Verdict.UP
OLD = "cmp-1 has not been looked at in the last 5 s"


def once_more() -> Back:
    """Walk to the cut of a host that was in use again."""
    walk = Back().to_watching().elapse(1).hear("zabbix").show().elapse(10).identify().show()
    assert not recallable(walk.incident)
    return walk


@pytest.mark.parametrize("gate", ["look", "isolation"])
def test_i14_a_second_round_of_which_nothing_was_sent_still_hears_of_life(gate: str) -> None:
    walk = once_more()
    walk.refuse(walk.one(Cut), gate, "shut")
    assert (walk.phase, recallable(walk.incident)) == (Phase.FENCING, True)
    walk.hear("prometheus", verdict=UP)
    assert (walk.phase, walk.all(Cut)) == (Phase.RELEASING, [])
    assert len(walk.incident.charges) == 2


def test_i14_a_second_round_that_waits_its_turn_still_hears_of_life() -> None:
    walk = once_more()
    line_up(walk).hear("prometheus", verdict=UP)
    assert walk.phase is Phase.RELEASING


def test_i14_a_second_round_is_past_recall_once_its_turn_has_come() -> None:
    walk = once_more()
    line_up(line_up(walk), over=True)
    assert not walk.incident.release.again


def test_c1_after_a_restart_a_second_round_may_have_been_cut() -> None:
    walk = once_more().resume()
    assert walk.all(Identify)
    assert not recallable(walk.incident)


def test_a_second_round_that_was_refused_is_not_charged_again() -> None:
    walk = once_more()
    walk.refuse(walk.one(Cut), "look", OLD).identify().show()
    assert walk.all(Cut)
    assert len(walk.incident.charges) == 2


# past the point of no return, before a gate


def cut_in_vain() -> Walk:
    """Walk to a second try, which has to wait before a gate."""
    walk = Walk().to_cut().cut(Outcome.REFUSED).read(Power.ON).elapse(1)
    isolated(walk).identify().look()
    assert not walk.incident.untouched
    assert walk.incident.waiting is not None
    return walk


def test_i14_whoever_waits_past_the_point_of_no_return_hears_of_life() -> None:
    walk = cut_in_vain().elapse(20).hear(verdict=UP)
    assert (walk.phase, walk.gate) == (Phase.HELD, "contradiction")
    assert "it was heard alive after a cut" in walk.said
    assert isolated(walk, good=True).elapse(5).all(Cut) == []


def test_i14_life_that_ended_a_try_does_not_hold_the_next_one_that_waits() -> None:
    walk = Walk(plan=plan(level(BMC), level(PDU))).to_reads().wait(1).hear(verdict=UP)
    assert walk.attempt.level == 2
    isolated(walk.wait(1).hear("zabbix")).identify().look()
    assert walk.incident.waiting is not None
    assert (walk.elapse(5).phase, walk.attempt.level) == (Phase.FENCING, 2)


def test_l1_whoever_waits_in_silence_goes_on_when_the_gate_opens() -> None:
    walk = cut_in_vain().elapse(20)
    isolated(walk, good=True).elapse(5).identify().look()
    assert len(walk.all(Cut)) == 1


def test_b9_life_keeps_no_host_from_being_cut_whose_servers_may_have_moved() -> None:
    walk = Walk().to_down()
    walk = Walk().to_reread().read(Power.ON)
    isolated(walk).identify().look()
    assert walk.incident.waiting is not None
    assert walk.hear(verdict=UP).phase is Phase.FENCING


# a wait has an end


def test_l2_a_gate_that_opens_and_shuts_again_does_not_put_the_end_off() -> None:
    walk = isolated(Walk().to_fencing()).identify().look()
    began = walk.now
    while walk.phase is Phase.FENCING and walk.now.since(began) < 2 * Policy().progress_s:
        isolated(walk.elapse(4.75), good=True).elapse(0.25).hear().identify()
        if walk.all(Look):
            walk.look()
        for effect in walk.all(Cut):
            isolated(walk).refuse(effect, "isolation", "no reference point answers")
    assert (walk.phase, walk.gate) == (Phase.HELD, "isolation")
    assert walk.now.since(began) <= Policy().progress_s + 5


def test_a_level_that_is_gone_while_a_try_is_prepared_asks_a_human() -> None:
    walk = Walk().to_fencing().given(plan=plan(levels=()))
    assert fencing(walk.incident, walk.context).phase is Phase.HELD
    assert walk.now == at(10)


# what is said and counted when a second try is refused, or let through


def test_a_gate_that_shuts_during_a_second_round_speaks_for_itself() -> None:
    """Only before its first cut is it said that the power came back."""
    why = "the power came back after the proof, and it is not cut again: "
    walk = Walk().to_reread().read(Power.ON)
    before = Walk(walk.incident).given(now=walk.now, armed=Armed()).identify().look()
    assert before.said.startswith(f"held: {why}")
    walk.identify().look().cut(Outcome.REFUSED).read(Power.ON).elapse(1)
    assert len(walk.incident.charges) > walk.incident.refences == 1
    walk.given(armed=Armed()).identify().look()
    assert walk.phase is Phase.HELD
    assert why not in walk.said


def test_a4_a_word_for_several_hosts_lets_a_round_that_was_begun_without_it_go_on() -> None:
    """It was paid for already: what the word lets through is that very round."""
    walk = Walk().to_reads().read(Power.ON).elapse(30).elapse(1)
    assert (walk.attempt.nth, walk.incident.passed, len(walk.incident.charges)) == (2, 0, 1)
    latch = Latch("fleet", "12 of 20 hosts of the fleet look dead", walk.now)
    walk.given(latches=(latch,), passes_left=1, passes_by="ann: go").identify().look()
    assert len(walk.all(Cut)) == 1
    assert (walk.incident.passed, len(walk.incident.charges)) == (1, 1)
