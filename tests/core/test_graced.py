"""A pause of the daemon gives a host whose power was not cut its whole grace again, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.gates import Act, refused
from doctor_daemon.core.messages import Cut, Elapsed, Look, Refused
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.tries import Lined
from tests.core import make
from tests.core.coming_back import Back
from tests.core.test_going_on import DOWN, GRACE_S, by_mass, lone, ping
from tests.core.test_paused import away
from tests.core.walk import Walk


def until_cut(walk: Walk, limit_s: float) -> float:
    """Answer whatever is asked before a cut, until one is due; return the seconds that took."""
    began = walk.now
    while not walk.all(Cut) and walk.now.since(began) < limit_s:
        walk.identify()
        if walk.all(Look):
            walk.look()
        walk.elapse(0.5)
    return walk.now.since(began)


def test_a12_a_cut_that_waits_its_turn_is_taken_back_for_a_grace() -> None:
    walk = Walk().to_cut()
    (cut,) = walk.all(Cut)
    walk.see(Lined(cut.try_, cut.device, walk.now))
    away(walk, 60.0)
    assert (walk.incident.untouched, walk.attempt.go_at, walk.all(Cut)) == (True, None, [])
    assert until_cut(walk, 60) >= GRACE_S
    assert walk.all(Cut) != []


def test_a12_a_cut_whose_turn_comes_after_a_pause_is_not_sent_before_the_grace() -> None:
    """That nothing of it was sent is said, and Nova has answered anew, once the pause is told."""
    walk = Walk().to_cut()
    (cut,) = walk.all(Cut)
    away(walk, 60.0)
    walk.see(Lined(cut.try_, cut.device, walk.now)).look()
    refusal = refused(Act.CUT, walk.incident, walk.context)
    assert refusal is not None
    assert refusal.gate == "pause"
    walk.see(Refused(cut, refusal.gate, refusal.why))
    assert walk.incident.untouched
    assert until_cut(walk, 60) >= GRACE_S
    assert walk.all(Cut) != []


@pytest.mark.parametrize(("gate", "away_s"), [("look", 60.0), ("pause", 60.0), ("pause", 3.0)])
def test_a12_a_cut_that_is_refused_after_a_pause_has_its_grace_and_then_goes_on(
    gate: str, away_s: float
) -> None:
    """The gates had been passed, and it was being saved when the daemon stood still."""
    walk = Walk().to_cut()
    (cut,) = walk.all(Cut)
    away(walk, away_s)
    walk.see(Refused(cut, gate, "the daemon stood still"))
    assert walk.incident.untouched
    assert until_cut(walk, 60) >= GRACE_S
    assert walk.all(Cut) != []


def test_a12_a_host_that_is_in_use_again_has_its_grace_after_a_pause() -> None:
    walk = Back().to_watching().elapse(1).hear("zabbix").show().elapse(10)
    assert walk.phase is Phase.FENCING
    away(walk, 200.0)
    began = walk.now
    while not walk.all(Cut) and walk.now.since(began) < 60:
        walk.identify()
        walk.show().elapse(0.5)
    assert walk.all(Cut) != []
    assert walk.now.since(began) >= GRACE_S


def test_a12_evidence_from_just_before_a_pause_that_is_taken_in_after_it() -> None:
    """Nobody tells its incident of the pause."""
    walk = Walk()
    walk.given(own=replace(walk.context.own, awake_at=make.at(0.25)))
    walk.wait(0.5).see(Elapsed()).to_fencing()
    assert until_cut(walk, 60) <= GRACE_S
    assert walk.all(Cut) != []


def test_a12_many_hosts_that_were_held_over_a_pause_are_cut_when_they_are_released() -> None:
    walk = by_mass()
    away(walk, 3.0)
    walk.elapse(5).hear()
    walk.given(passes_left=5, passes_by="ann: go").elapse(1)
    assert walk.phase is Phase.FENCING
    until_cut(walk, 60)
    assert walk.all(Cut) != []


@pytest.mark.parametrize("away_s", [0.0, 3.0])
def test_a12_a_host_dies_after_a_pause_while_its_lone_service_is_held(away_s: float) -> None:
    walk = lone().elapse(60)
    if away_s:
        away(walk, away_s)
    ping(walk, DOWN).elapse(GRACE_S)
    assert walk.phase is Phase.FENCING
    until_cut(walk, 60)
    assert walk.all(Cut) != []
