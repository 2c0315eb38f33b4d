"""Evacuating by a human's word, which nothing can read again."""

import pytest

from doctor_daemon.core.host import Mode
from doctor_daemon.core.messages import (
    ForceDown,
    Identify,
    Look,
    Order,
    Read,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from tests.core.make import (
    BMC,
    PDU,
    human_proof,
    incident,
    level,
    plan,
    sighting,
)
from tests.core.moving import Moving
from tests.core.test_guard import by_hand

ON, OFF, UNKNOWN = Power.ON, Power.OFF, Power.UNKNOWN
ALARM = "ALARM: the power is on again after the proof: fencing again"
TWO = plan(level(BMC, PDU), mode=Mode.EVACUATE)


def test_d6_servers_are_moved_by_a_humans_word_and_no_device_is_asked() -> None:
    walk = by_hand().inspect()
    assert walk.posts == [("web", 1)]
    assert (walk.all(Read), walk.all(Identify)) == ([], [])
    walk.begins(1).post().turns(1, "done").elapse(2).follow()
    assert walk.phase is Phase.DOWN


@pytest.mark.parametrize(("waited_s", "barred"), [(59.75, False), (60, True)])
def test_d6_a_humans_word_that_ends_stops_it(waited_s: float, *, barred: bool) -> None:
    walk = by_hand(60).inspect().begins(1).post()
    proof = walk.incident.proof
    assert proof is not None
    walk.elapse(proof.taken_at.plus(waited_s).since(walk.now))
    assert walk.phase is Phase.EVACUATING
    assert (walk.incident.rounds.barred is not None) is barred
    if barred:
        assert walk.said == ("nothing more is evacuated: ann's word that cmp-1 is off has expired")


def test_d6_a_humans_word_that_has_ended_asks_for_it_again() -> None:
    walk = by_hand(60).inspect().post(Outcome.UNSENT).elapse(60)
    assert (walk.phase, walk.gate) == (Phase.HELD, "proof")
    assert walk.incident.held is not None
    assert walk.incident.held.frees == "`doctor-daemon confirm-off HOST` again"
    walk.order(Order.CONFIRM_OFF, 600).flag()
    assert (walk.phase, walk.posts) == (Phase.EVACUATING, [])
    assert walk.inspect().posts == [("web", 2)]


def test_d6_a_humans_word_is_not_read_back_from_an_older_try() -> None:
    word = human_proof(0)
    sure = incident(phase=Phase.EVACUATING, proof=word, sighting=sighting(0))
    assert Moving(incident=sure).elapse(1).phase is Phase.EVACUATING


def test_the_flag_is_looked_at_while_the_power_is_read() -> None:
    walk = Moving().to_posted().elapse(10)
    assert (len(walk.all(Look)), len(walk.all(Read)), walk.all(ForceDown)) == (1, 1, [])
